"""Runs in the other process: lists and opens images, frame by frame."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from mlarray_core import Additions, Channel, Meta
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Box, Context, ImageRef
from mlarray_io.sdk import NamedAxis, PlanesReader, explained, named_spatial, named_values
from mlarray_lif.private_names import channels_of, dimensions_of, follow_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from liffile import LifFile, LifImage

_NAMES = {
    "λ": "emission wavelength", "Λ": "excitation wavelength", "A": "rotation", "N": "XT slice",
    "Q": "T slice", "M": "mosaic position", "L": "loop",
}  # fmt: skip
_SCALES = {"XYZ": ("um", 6), "λΛ": ("nm", 9)}
"""Unit of an axis that the file has in metres, and which power of ten of them a metre is."""


class LifReader(PlanesReader):
    """One image, its axes in the order in which they are stored.

    Parameters
    ----------
    file
        Open.
    image
        One of its images.
    """

    def __init__(self, file: LifFile, image: LifImage) -> None:
        self._file, self._image = file, image
        frames = image.frames
        self.letters = tuple(frames.dims)
        self.inner = len(frames.frame_dims)
        self._outer = self.letters[: len(self.letters) - self.inner]
        self.shape = tuple(int(size) for size in frames.shape)
        self.dtype = np.dtype(frames.dtype).newbyteorder("=")
        self.chunks = (*(1 for _ in self._outer), *self.shape[len(self._outer) :])

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of a frame."""
        frame: np.ndarray[Any, Any] = self._image.frame(**dict(zip(self._outer, place, strict=True)))
        return frame[box]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _opened(path: Path) -> LifFile:
    """Open a file, but none of those that it refers to.

    Raises
    ------
    UnsupportedError
        It only refers to others.
    """
    from liffile import LifFile, LifFileType

    file = LifFile(path)
    follow_nothing(file)
    if file.type not in (LifFileType.LIF, LifFileType.LOF):
        file.close()
        raise UnsupportedError(
            "only refers to other files",
            path=path,
            hint="Name one of those, a .lif or .lof",
        )
    return file


def _images(file: LifFile, context: Context) -> Iterator[tuple[str, LifImage]]:
    """Yield images by number; photons that were counted are told and left out."""
    for number, image in enumerate(file.images):
        if image.is_flim:
            context.skip(image.path or image.name, "holds arrival times of photons (FLIM), which aren't read")
        else:
            yield str(number), image


@explained()
def list_images(path: Path, context: Context) -> list[ImageRef]:
    """List the images of a file. The first one is primary."""
    file = _opened(path)
    try:
        found = [
            ImageRef(
                key=key,
                title=image.path or image.name,
                facts={"shape": tuple(image.shape), "axes": "".join(image.dims)},
                name=(image.path or image.name).replace("/", "_"),
                aliases=(image.path or image.name,),
            )
            for key, image in _images(file, context)
        ]
        if len(found) == 1:
            return [ImageRef(**{**vars(found[0]), "primary": True, "name": path.stem})]
        return [ImageRef(**{**vars(image), "primary": number == 0}) for number, image in enumerate(found)]
    finally:
        file.close()


@explained()
def open_image(path: Path, context: Context, key: str) -> LifReader:
    """Open one image.

    Parameters
    ----------
    path
        The file.
    context
        Limits, and where losses are reported.
    key
        Number of the image.

    Raises
    ------
    CorruptError
        The voxels aren't in the file.
    LimitError
        It is larger than the host allows.
    UnsupportedError
        The file only refers to others, or channels lie along two axes.
    """
    file = _opened(path)
    try:
        images = dict(_images(file, Context()))
        image = images[key]
        _check(image, path)
        reader = LifReader(file, image)
        context.allow(reader.nbytes, path)
        if len(images) > 1:
            context.warn(f"one of {len(images)} images is read; --image chooses another")
        reader.meta = _meta(reader, image, context)
    except BaseException:
        file.close()
        raise
    return reader


def _check(image: LifImage, path: Path) -> None:
    """Refuse an image whose voxels aren't there: liffile stops at the end of a file that was cut."""
    try:
        stored = image.memory_block.size
    except KeyError:
        stored = 0
    if image.nbytes > stored:
        raise CorruptError(
            f"{image.name} has {image.nbytes:,} bytes of voxels, of which {stored:,} are in the file",
            path=path,
            hint="Was it copied whole?",
        )
    if sum(letter.startswith("C") for letter in image.dims) > 1:
        raise UnsupportedError(f"{image.name} has channels along two axes", path=path)


def _meta(reader: LifReader, image: LifImage, context: Context) -> Meta:
    axes = [_axis(letter, size, image) for letter, size in zip(reader.letters, reader.shape, strict=True)]
    source: dict[str, Any] = {
        "name": image.path or image.name,
        "uuid": image.uuid,
        "xml": ElementTree.tostring(image.xml_element, encoding="unicode"),
    }
    tiles = image.tilescan
    if tiles is not None:
        source["tiles"] = {
            "flip_x": tiles.flip_x, "flip_y": tiles.flip_y, "swap_xy": tiles.swap_xy,
            "position_m": [[float(tiles[f"pos_{axis}"][i]) for axis in "xyz"] for i in range(len(tiles))],
        }  # fmt: skip
        if "M" in reader.letters:
            context.warn(f"its {reader.shape[reader.letters.index('M')]} tiles aren't put together")
    meta = Meta(source=source, spatial=named_spatial(axes, context, placed=True))
    Additions(axes=named_values(axes), channels=_channels(reader, image)).store(meta)
    return meta


def _axis(letter: str, size: int, image: LifImage) -> NamedAxis:
    """Return an axis; LIF has the distance of the first voxel's centre to the last one's."""
    told = next((one for one in dimensions_of(image) if one.label == letter), None)
    if told is None or size < 2 or not told.length:
        return NamedAxis(letter=letter, size=size, name=_NAMES.get(letter, ""))
    unit, power = told.unit, 0
    if told.unit == "m":
        unit, power = next((scale for letters, scale in _SCALES.items() if letter in letters), ("m", 0))
    step, start = _shifted(told.length, power) / (size - 1), _shifted(told.origin, power)
    return NamedAxis(letter=letter, size=size, step=step, unit=unit, start=start, name=_NAMES.get(letter, ""))


def _shifted(value: float, power: int) -> float:
    """Return a number times a power of ten, without a rounding of its own."""
    return float(Decimal(repr(value)).scaleb(power))


def _channels(reader: LifReader, image: LifImage) -> list[Channel]:
    """Return the name of the lookup table of each channel, which is all that LAS X says of it here."""
    told = [Channel(name=str(channel.lut_name)) for channel in channels_of(image)]
    count = reader.shape[reader.letters.index("C")] if "C" in reader.letters else 1
    return told if len(told) == count and "S" not in reader.letters else []
