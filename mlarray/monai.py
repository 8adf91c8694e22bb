"""MONAI: `LoadImage` reads `.mla` files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data import ImageReader
from monai.transforms.io.array import SUPPORTED_READERS
from monai.utils import MetaKeys, SpaceKeys

from mlarray_core.array.image import MLArray
from mlarray_core.errors import ArgumentError
from mlarray_core.exchange.arranged import arrangement, channel_axis

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]
    Path = str | os.PathLike[str]

TOLERANCE = 1e-3
"""Millimetres by which the affines of images that become one tensor may differ: headers round."""


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


def register() -> None:
    """Have every `LoadImage` and `LoadImaged` that is made from now on read `.mla` files by their suffix."""
    SUPPORTED_READERS["mlarrayreader"] = MLArrayReader


def _several(given: Path | Sequence[Path]) -> list[Path]:
    return list(given) if isinstance(given, list | tuple) else [given]  # type: ignore[list-item]
