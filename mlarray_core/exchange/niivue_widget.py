"""NiiVue in a notebook, through ipyniivue: images as NIfTI with their place, labels with their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import MissingDependencyError
from mlarray_core.exchange.nibabel_images import to_nibabel
from mlarray_core.exchange.notebook import color_for, window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipyniivue import NiiVue, Volume

    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

MOST_BYTES = 20 << 20
"""Voxels that are sent to the browser: they go through the kernel's socket, whole."""
MOST_COLORS = 1 << 16
"""Labels up to this value have a colour: NiiVue's table has an entry for each value up to the largest."""
RGB = [("R", "u1"), ("G", "u1"), ("B", "u1")]
"""How NIfTI has colours (nifti1.h, DT_RGB24)."""


class Layer(NamedTuple):
    """One image of the viewer."""

    voxels: Array
    meta: Meta
    over: bool = False
    """Whether it lies over another one, which shines through."""

    @property
    def labels(self) -> bool:
        """Whether its voxels are labels."""
        return self.voxels.dtype.kind in "biu" and (self.over or bool(self.meta.is_seg.is_seg))


def widget(layers: Sequence[Layer], height: int) -> NiiVue:
    """Return a viewer.

    Parameters
    ----------
    layers
        The lowest first.
    height
        In pixels.

    Raises
    ------
    UnsupportedError
        NIfTI holds no such axes or type.
    MissingDependencyError
        ipyniivue or nibabel isn't installed.
    """
    try:
        import ipyniivue
    except ImportError as error:
        raise MissingDependencyError(
            "ipyniivue isn't installed", hint="Install it with: pip install 'mlarray[notebook]'"
        ) from error
    viewer = ipyniivue.NiiVue(height=height)
    viewer.load_volumes([_volume(layer) for layer in layers])
    if any(_world(layer.meta) is None for layer in layers):
        viewer.opts.is_orientation_text_visible = False  # letters would be a guess
    return viewer


def _world(meta: Meta) -> str | None:
    return geometry.normal_world(meta.spatial.coord_system)


def _volume(layer: Layer) -> Volume:
    from ipyniivue import Volume

    made = Volume(data=nifti_bytes(layer), name="image.nii", opacity=0.5 if layer.over else 1.0)
    if layer.labels:
        made.set_colormap_label(_colors(layer))
    elif layer.voxels.dtype.kind in "biufc":
        stats = layer.meta.stats
        low, high = stats.percentile_min, stats.percentile_max
        if low is None or high is None or not low < high:
            low, high = window_of([layer.voxels])
        made.cal_min, made.cal_max = float(low), float(high)
    return made


def nifti_bytes(layer: Layer) -> bytes:
    """Return an image as an uncompressed NIfTI file.

    An image that names no world is placed as if it were LPS: there is nothing that it could be wrong against.

    Raises
    ------
    UnsupportedError
        NIfTI holds no such axes or type.
    """
    import nibabel

    voxels = _drawable(layer)
    image = to_nibabel(voxels, layer.meta, "LPS" if _world(layer.meta) is None else None)
    labels = layer.meta.spatial.axis_labels or []
    if voxels.dtype == np.uint8 and labels[-1:] == ["components"] and voxels.shape[-1] == len(RGB):
        parts = np.asanyarray(image.dataobj)  # x, y, z, nothing, colours
        colors = np.ascontiguousarray(parts.reshape(*parts.shape[:3], len(RGB))).view(np.dtype(RGB))[..., 0]
        image = nibabel.Nifti1Image(colors, image.affine)
    made: bytes = image.to_bytes()
    return made


def _drawable(layer: Layer) -> Array:
    """Return voxels in a type that NiiVue draws: magnitudes of complex ones, no integers of 64 bits."""
    voxels = layer.voxels
    if voxels.dtype.kind == "c":
        return np.abs(voxels)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == np.dtype("i8").itemsize:
        fits = voxels.size and -(2**31) <= voxels.min() <= voxels.max() < 2**31
        return voxels.astype(np.int32 if fits else np.float64)
    return voxels


def _colors(layer: Layer) -> dict[str, Any]:
    """Return the colours of labels as NiiVue takes them; 0 can't be seen unless it has a colour."""
    table = {one.value: one for one in layer.meta.labels}
    values = sorted({0, *np.unique(layer.voxels).tolist(), *table} & {*range(MOST_COLORS)})
    colors = []
    for value in values:
        known = table[value].rgba if value in table else None
        colors.append(known or (*color_for(int(value)), 255 if value else 0))
    red, green, blue, opacity = (list(part) for part in zip(*colors, strict=True))
    names = [table[value].name if value in table else str(value) for value in values]
    return {"R": red, "G": green, "B": blue, "A": opacity, "I": values, "labels": names}
