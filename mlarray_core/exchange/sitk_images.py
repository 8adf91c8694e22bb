"""SimpleITK's images: arrays z, y, x; sizes and directions x, y, z; world LPS (ITK Software Guide, 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import ArgumentTypeError, MissingDependencyError, UnsupportedError
from mlarray_core.exchange.arranged import arrangement, storable
from mlarray_core.meta import Meta

if TYPE_CHECKING:
    from types import ModuleType

    import SimpleITK

    Array = np.ndarray[Any, Any]

MOST_AXES = 4
"""SimpleITK is built for images of up to four axes, besides the parts of a voxel."""


def to_sitk(voxels: Array, meta: Meta, coord_system: str | None) -> SimpleITK.Image:
    """Return an image of SimpleITK's, a copy; time or channels are its fourth axis, components its vectors.

    Parameters
    ----------
    voxels
        The array.
    meta
        Its metadata.
    coord_system
        The world of an image that names none.

    Raises
    ------
    ArgumentError
        The world isn't known (a ValueError).
    UnsupportedError
        The affine is sheared, or SimpleITK has no such axes or type.
    MissingDependencyError
        SimpleITK isn't installed.
    """
    library = _simpleitk()
    order, affine = arrangement(meta, voxels.ndim, "LPS", coord_system)
    if geometry.is_sheared(affine):
        raise UnsupportedError(
            "the axes of the image are not at right angles, and ITK's directions are: it would move voxels",
            hint="Use to_nibabel, or resample the image",
        )
    count = order.spatial + len(order.others)
    if not 2 <= count <= MOST_AXES:
        raise UnsupportedError(f"SimpleITK has images of 2 to {MOST_AXES} axes, the image needs {count}")
    axes = [*reversed(order.axes[:count]), *order.axes[count:]]
    data = np.ascontiguousarray(np.transpose(storable(voxels), axes))
    try:
        made = library.GetImageFromArray(data, isVector=order.components)
    except (KeyError, TypeError) as error:
        raise UnsupportedError(f"SimpleITK has no voxels of type {data.dtype}") from error
    n = order.spatial
    spacing, origin, direction = np.ones(count), np.zeros(count), np.eye(count)
    spacing[:n] = np.linalg.norm(affine[:n, :n], axis=0)
    origin[:n] = affine[:n, 3]
    direction[:n, :n] = affine[:n, :n] / spacing[:n] + 0.0
    made.SetSpacing(spacing.tolist())
    made.SetOrigin(origin.tolist())
    made.SetDirection(direction.ravel().tolist())
    return made


def from_sitk(image: SimpleITK.Image) -> tuple[Array, Meta]:
    """Return voxels, slowest axis first, and metadata of an image of SimpleITK's.

    Raises
    ------
    ArgumentTypeError
        It is no image of SimpleITK's (a TypeError).
    MissingDependencyError
        SimpleITK isn't installed.
    """
    library = _simpleitk()
    if not isinstance(image, library.Image):
        raise ArgumentTypeError(f"expected an image of SimpleITK's, got {type(image).__name__}")
    count = image.GetDimension()
    spatial = min(count, 3)
    data = library.GetArrayFromImage(image)
    labels = ["non_spatial"] * (count - spatial) + ["spatial_z", "spatial_y", "spatial_x"][3 - spatial :]
    if data.ndim > count:
        labels.append("components")
    direction = np.array(image.GetDirection()).reshape(count, count)[:spatial, :spatial]
    spacing, origin = np.array(image.GetSpacing()[:spatial]), np.array(image.GetOrigin()[:spatial])
    placed = geometry.spatial_meta(
        geometry.compose(spacing[::-1], origin, direction[:, ::-1]),
        axis_labels=labels,
        axis_units=["mm" if label.startswith("spatial") else "" for label in labels],
        coord_system="LPS",
    )
    return data, Meta(spatial=placed)


def _simpleitk() -> ModuleType:
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingDependencyError(
            "SimpleITK isn't installed", hint="Install it with: pip install SimpleITK"
        ) from error
    module: ModuleType = SimpleITK
    return module
