"""MONAI: `LoadImage` reads `.mla` files, and `SaveImage` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data import ImageReader, image_writer
from monai.transforms.io.array import SUPPORTED_READERS
from monai.utils import MetaKeys, SpaceKeys, convert_to_numpy, get_equivalent_dtype

from mlarray_core import Meta, geometry
from mlarray_core.array.image import MLArray
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_core.exchange.arranged import arrangement, channel_axis

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Array = np.ndarray[Any, Any]
    Path = str | os.PathLike[str]
    Channels = int | Sequence[int] | None

TOLERANCE = 1e-3
"""Millimetres by which the affines of images that become one tensor may differ: headers round."""
SPATIAL = 3
"""Spatial axes of what MONAI saves."""


class MLArrayReader(ImageReader):
    """Reads `.mla` files for MONAI: axes x, y, z first, an affine to RAS in millimetres, stored types.

    Time, channels or components are the last axis, which `EnsureChannelFirst` moves. Several files become
    one image, each a channel of it.

    Parameters
    ----------
    coord_system
        The world, ``RAS`` or ``LPS``, of images that don't name one; None refuses them.
    """

    def __init__(self, coord_system: str | None = None) -> None:
        super().__init__()
        self.coord_system = coord_system

    def verify_suffix(self, filename: Path | Sequence[Path]) -> bool:
        """Return whether all names end in ``.mla``."""
        return all(str(name).lower().endswith(".mla") for name in _several(filename))

    def read(self, data: Path | Sequence[Path], **kwargs: Any) -> MLArray | list[MLArray]:
        """Open files.

        Parameters
        ----------
        data
            A path or several.
        kwargs
            What `MLArray.open` takes besides.

        Raises
        ------
        MLArrayError
            One of its kinds, naming the file.
        """
        images = [MLArray.open(name, **kwargs) for name in _several(data)]
        return images if len(images) > 1 else images[0]

    def get_data(self, img: MLArray | Sequence[MLArray]) -> tuple[Array, dict[str, Any]]:
        """Return voxels, and what MONAI keeps of their place.

        Raises
        ------
        ArgumentError
            An image doesn't name its world, or several differ in shape or affine (a ValueError).
        UnsupportedError
            More than one axis is not spatial.
        """
        # an MLArray can be iterated: as a sequence it would be cut into its slices
        images = [img] if isinstance(img, MLArray) else list(img)
        loaded = [self._loaded(image) for image in images]
        voxels, head = loaded[0]
        if len(loaded) == 1:
            return voxels, head
        for image, (other, place) in zip(images, loaded, strict=True):
            apart = np.abs(place[MetaKeys.AFFINE] - head[MetaKeys.AFFINE]).max()
            if other.shape != voxels.shape or apart > TOLERANCE:
                raise ArgumentError(
                    f"its shape or affine differs from that of {images[0].filepath}", path=image.filepath
                )
        if head[MetaKeys.ORIGINAL_CHANNEL_DIM] == -1:
            return np.concatenate([other for other, _ in loaded], axis=-1), head
        return np.stack([other for other, _ in loaded]), head | {MetaKeys.ORIGINAL_CHANNEL_DIM: 0}

    def _loaded(self, image: MLArray) -> tuple[Array, dict[str, Any]]:
        voxels = image.to_numpy()
        order, affine = arrangement(image.meta, voxels.ndim, "RAS", self.coord_system)
        voxels = np.transpose(voxels, order.axes)
        return voxels, {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.SPATIAL_SHAPE: np.array(voxels.shape[: order.spatial]),
            # "no channel" is spelt NaN (monai.data.utils.is_no_channel)
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan") if channel_axis(order, "MONAI") is None else -1,
        }


class MLArrayWriter(image_writer.ImageWriter):
    """Writes `.mla` files for MONAI, which calls the methods in their order.

    Axes are stored as (channels, z, y, x), channels only where there are several; of a 2-D image z has one
    plane, since MONAI knows where it lies in space. The world is LPS, in millimetres. Without an affine no
    place is noted.

    Parameters
    ----------
    output_dtype
        Of the voxels; None for what they have.
    is_seg
        Whether they are labels; None leaves it open.
    **kwargs
        What MONAI gives to all of its writers. Values are never scaled.
    """

    def __init__(
        self, output_dtype: npt.DTypeLike | None = None, is_seg: bool | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.output_dtype, self.is_seg = output_dtype, is_seg
        self._voxels: Array = np.empty(0)
        self._affine: Array | None = None

    def set_data_array(
        self, data_array: Any, channel_dim: Channels = 0, squeeze_end_dims: bool = True, **kwargs: Any
    ) -> None:
        """Take voxels.

        Parameters
        ----------
        data_array
            A tensor or an array, with up to three spatial axes.
        channel_dim
            Its axis of channels; None without one.
        squeeze_end_dims
            A single channel is left out.
        kwargs
            What other writers take; not used.

        Raises
        ------
        UnsupportedError
            There are more axes than channels and three others.
        """
        voxels = convert_to_numpy(data_array)
        if isinstance(channel_dim, list | tuple) or voxels.ndim - (channel_dim is not None) > SPATIAL:
            raise UnsupportedError(
                f"one axis of channels and {SPATIAL} spatial axes can be saved, not {voxels.ndim} axes"
            )
        voxels = voxels[..., None] if channel_dim is None else np.moveaxis(voxels, channel_dim, -1)
        while voxels.ndim <= SPATIAL:
            voxels = voxels[..., None, :]
        single = channel_dim is None or (squeeze_end_dims and voxels.shape[-1] == 1)
        self._voxels = voxels[..., 0] if single else voxels

    def set_metadata(
        self, meta_dict: Mapping[str, Any] | None, resample: bool = True, **options: Any
    ) -> None:
        """Take the place, and bring the voxels back to where they came from.

        Parameters
        ----------
        meta_dict
            MONAI's.
        resample
            Whether images that a transform moved are resampled to the grid that they were read on.
        options
            As MONAI's `resample_if_needed` takes them.
        """
        before, affine, shape = self.get_meta_info(meta_dict)
        self._affine = None if affine is None else convert_to_numpy(affine).astype(np.float64)
        there = None if before is None else convert_to_numpy(before)
        if resample and not (there is None or self._affine is None or np.allclose(there, self._affine)):
            self._voxels, moved = self.resample_if_needed(self._voxels, affine, before, shape, **options)
            self._affine = convert_to_numpy(moved).astype(np.float64)
        if (meta_dict or {}).get(MetaKeys.SPACE) != SpaceKeys.LPS and self._affine is not None:
            self._affine = geometry.to_world(self._affine, "RAS", "LPS")

    def write(self, filename: Path, verbose: bool = False, **kwargs: Any) -> None:
        """Write the file.

        Parameters
        ----------
        filename
            Of the `.mla` file.
        verbose
            Log its name.
        kwargs
            What `MLArray.save` takes besides.

        Raises
        ------
        WriteError
            It can't be written.
        """
        super().write(filename, verbose=verbose)
        kind = None if self.output_dtype is None else get_equivalent_dtype(self.output_dtype, np.ndarray)
        voxels = self._voxels.astype(kind or self._voxels.dtype, copy=False)
        labels = [*["channel"] * (voxels.ndim - SPATIAL), "spatial_z", "spatial_y", "spatial_x"]
        place = None if self._affine is None else self._affine[:, [2, 1, 0, 3]]
        spatial = geometry.spatial_meta(
            place,
            axis_labels=labels,
            axis_units=None if place is None else [*[""] * (voxels.ndim - SPATIAL), *["mm"] * SPATIAL],
            coord_system=None if place is None else "LPS",
        )
        meta = Meta(is_seg=self.is_seg, spatial=spatial)
        MLArray(np.ascontiguousarray(voxels.T), meta=meta).save(filename, **kwargs)


def register() -> None:
    """Have every `LoadImage` and `SaveImage` that is made from now on know `.mla` files by their suffix."""
    SUPPORTED_READERS["mlarrayreader"] = MLArrayReader
    if not image_writer.SUPPORTED_WRITERS:  # MONAI adds its own only to an empty table
        image_writer.init()
    image_writer.SUPPORTED_WRITERS["mla"] = (MLArrayWriter,)


def _several(given: Path | Sequence[Path]) -> list[Path]:
    return list(given) if isinstance(given, list | tuple) else [given]  # type: ignore[list-item]
