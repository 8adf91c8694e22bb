"""Opens one resolution, and decodes its chunks."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta, geometry
from mlarray_core.errors import CorruptError, OptionError
from mlarray_core.headers import plain
from mlarray_io import Box, Context, Reader
from mlarray_mzarr.archive import Archive, Level, level_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlarray_mzarr.options import MzarrOptions


class MzarrReader(Reader):
    """One resolution.

    Parameters
    ----------
    archive
        The file, closed with the reader when it owns it.
    level
        Which array.
    meta
        The metadata.
    owns
        Whether to close the file.
    """

    def __init__(self, archive: Archive, level: Level, meta: Meta, *, owns: bool) -> None:
        self._archive, self._level, self._owns = archive, level, owns
        self.shape, self.meta = level.shape, meta
        self.dtype = level.dtype.newbyteorder("=")
        self.chunks = tuple(min(c, s) for c, s in zip(level.chunks, level.shape, strict=True))
        self.levels: Sequence[Reader] = ()

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if not out.size:
            return out
        counts = [
            range(part.start // chunk, -(-part.stop // chunk))
            for part, chunk in zip(box, self._level.chunks, strict=True)
        ]
        for index in product(*counts):
            target, source = [], []
            for part, at, chunk in zip(box, index, self._level.chunks, strict=True):
                start, stop = max(part.start, at * chunk), min(part.stop, (at + 1) * chunk)
                target.append(slice(start - part.start, stop - part.start))
                source.append(slice(start - at * chunk, stop - at * chunk))
            out[tuple(target)] = self._chunk(index)[tuple(source)]
        return out

    def close(self) -> None:
        """Close the file."""
        if self._owns:
            self._archive.close()

    def _chunk(self, index: tuple[int, ...]) -> np.ndarray[Any, Any]:
        import imagecodecs

        level = self._level
        name = f"{level.name}/{level.separator.join(map(str, index))}"
        # JPEG XL can grow a little what it can't compress
        content = self._archive.read(name, 2 * int(np.prod(level.chunks)) * self.dtype.itemsize + 65536)
        if content is None:
            return np.full(level.chunks, level.fill, self.dtype)
        # the decoder compares its header with `voxels` before it allocates anything
        voxels = np.empty(level.chunks, self.dtype)
        try:
            decoded: np.ndarray[Any, Any] = imagecodecs.jpegxl_decode(content, out=voxels)
        except (ValueError, RuntimeError, TypeError, IndexError) as error:
            text = " ".join(str(error).split())[:100]
            raise CorruptError(f"{name} can't be decoded ({text})", path=self._archive.path) from error
        return decoded.reshape(level.chunks)


def open_mzarr(path: Path, options: MzarrOptions, context: Context) -> Reader:
    """Open the image at one of its resolutions.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        Metadata makes no sense.
    OptionError
        There is no such level.
    """
    archive = Archive(path)
    try:
        attributes = archive.json(".zattrs")
        levels = [archive.level(name) for name in level_names(attributes)]
        if not 0 <= options.level < len(levels):
            raise OptionError(f"expected 0 to {len(levels) - 1}, got {options.level}", field="level")
        first, *others = (
            MzarrReader(archive, level, _meta(attributes, levels[0], level), owns=number == 0)
            for number, level in enumerate(levels[options.level :])
        )
        context.allow(first.nbytes, path)
        first.levels = others
        return first
    except BaseException:
        archive.close()
        raise


def _meta(attributes: Mapping[str, object], base: Level, level: Level) -> Meta:
    labels = _labels(attributes, level)
    spatial = geometry.spatial_meta(
        None, axis_labels=labels, spacing=_spacing(attributes, base, level, labels)
    )
    kept = {key: plain(value) for key, value in attributes.items()}
    meta = Meta(source=kept, spatial=spatial, is_seg=True if attributes.get("seg") is True else None)
    if attributes.get("lossless") is False:
        Additions(lossy={"method": "JPEG XL", "by": "mzarr"}).store(meta)
    return meta


def _labels(attributes: Mapping[str, object], level: Level) -> list[str]:
    """Return the labels: the channel axis is named, usually -1, the rest is space."""
    ndim, channel = len(level.shape), attributes.get("channel_axis")
    at = channel % ndim if type(channel) is int and -ndim <= channel < ndim else None
    space = [f"spatial_{name}" for name in "zyx"[-(ndim - (at is not None)) :]]
    if len(space) < ndim - (at is not None):
        space = ["non_spatial"] * (ndim - (at is not None) - len(space)) + space
    if at is not None:
        space.insert(at, "components" if at == ndim - 1 else "channel")
    return space


def _spacing(
    attributes: Mapping[str, object], base: Level, level: Level, labels: list[str]
) -> list[float] | None:
    """Return the voxel sizes. Mzarr keeps them in the order x, y, z, its arrays are z, y, x."""
    own = attributes.get("attrs")
    given = own.get("spacing") if isinstance(own, dict) else None
    space = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    if not isinstance(given, list) or len(given) < len(space):
        return None
    if any(type(step) not in (int, float) or not 0 < step < float("inf") for step in given):
        return None
    steps = given[: len(space)][::-1]
    return [step * base.shape[axis] / level.shape[axis] for step, axis in zip(steps, space, strict=True)]
