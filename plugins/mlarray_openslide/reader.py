"""Runs in the other process: slides, their levels, and the images beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Box, Context, ImageRef, Reader
from mlarray_io.sdk import NamedAxis, PlanesReader, explained, named_spatial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openslide import OpenSlide

KEY = "slide"
_WHITE = "FFFFFF"
_TILE = 512
"""Rows and columns that are read together where the slide doesn't say how large its tiles are."""


class SlideReader(PlanesReader):
    """One level of a slide: red, green and blue.

    Parameters
    ----------
    slide
        Open.
    level
        0 is full resolution.
    """

    inner = 3

    def __init__(self, slide: OpenSlide, level: int) -> None:
        self._slide, self._level = slide, level
        columns, rows = slide.level_dimensions[level]
        self._down = float(slide.level_downsamples[level])
        self.shape, self.dtype = (int(rows), int(columns), 3), np.dtype("u1")
        tile = [_number(slide.properties, f"openslide.level[{level}].tile-{side}") for side in _SIDES]
        sizes = [int(size) if size and 64 <= size <= 4096 else _TILE for size in tile]
        self.chunks = (*(min(a, b) for a, b in zip(sizes, self.shape, strict=False)), 3)
        self.levels: Sequence[Reader] = ()
        self._background = _colour(slide.properties.get("openslide.background-color", _WHITE))

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of the level; what was not scanned is of the slide's background colour."""
        rows, columns, colours = box
        at = (round(columns.start * self._down), round(rows.start * self._down))
        size = (columns.stop - columns.start, rows.stop - rows.start)
        voxels = np.asarray(self._slide.read_region(at, self._level, size))
        return _opaque(voxels, self._background)[..., colours]

    def close(self) -> None:
        """Close the slide."""
        if not self._level:
            self._slide.close()


_SIDES = ("height", "width")


class AssociatedReader(Reader):
    """An image beside the slide, such as its label. It is small, and read whole.

    Parameters
    ----------
    slide
        Open.
    name
        Of the image.
    """

    def __init__(self, slide: OpenSlide, name: str) -> None:
        self._slide = slide
        self._voxels = _opaque(np.asarray(slide.associated_images[name]), _colour(_WHITE))
        self.shape, self.dtype = self._voxels.shape, self._voxels.dtype

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        return self._voxels[box]

    def close(self) -> None:
        """Close the slide."""
        self._slide.close()


def _opaque(voxels: np.ndarray[Any, Any], background: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return red, green and blue in front of a colour."""
    alpha = voxels[..., 3:]
    if (alpha == 255).all():
        return voxels[..., :3]
    shown = voxels[..., :3] * (alpha / 255) + background * (1 - alpha / 255)
    return np.round(shown).astype("u1")


def _colour(text: str) -> np.ndarray[Any, Any]:
    try:
        return np.frombuffer(bytes.fromhex(text[:6]), "u1").astype(float)
    except ValueError:
        return np.array([255.0, 255, 255])


def _opened(path: Path) -> OpenSlide:
    from openslide import OpenSlide

    if path.suffix != path.suffix.lower() == ".mrxs":
        hint = f"Rename it to {path.stem}.mrxs"
        raise UnsupportedError("OpenSlide knows a MIRAX by a suffix in small letters", path=path, hint=hint)
    return OpenSlide(path)


@explained()
def list_images(path: Path, context: Context) -> list[ImageRef]:
    """List the slide, which is primary, and the images beside it."""
    slide = _opened(path)
    try:
        columns, rows = slide.dimensions
        facts = {"shape": (rows, columns, 3), "levels": slide.level_count}
        found = [ImageRef(key=KEY, title="slide", primary=True, facts=facts, name=path.stem)]
        for name in sorted(slide.associated_images):
            size = [_number(slide.properties, f"openslide.associated.{name}.{side}") for side in _SIDES]
            shape = {"shape": (*(int(one) for one in size if one), 3)} if all(size) else {}
            found.append(ImageRef(key=name, title=name, facts=shape, name=f"{path.stem}_{name}"))
        return found
    finally:
        slide.close()


@explained()
def open_slide(path: Path, context: Context, key: str) -> Reader:
    """Open the slide, or one of the images beside it.

    Parameters
    ----------
    path
        The slide.
    context
        Limits, and where losses are reported.
    key
        ``slide``, or the name of the image.

    Raises
    ------
    CorruptError
        The slide is damaged.
    LimitError
        It is larger than the host allows.
    """
    slide = _opened(path)
    try:
        if key != KEY:
            beside = AssociatedReader(slide, key)
            axes = _axes(beside.shape, {})
            beside.meta = Meta(source={"image": key}, spatial=named_spatial(axes, context))
            return beside
        reader = SlideReader(slide, 0)
        context.allow(reader.nbytes, path)
        if min(reader.shape) < 1:
            raise CorruptError(f"says a size of {reader.shape}", path=path)
        reader.stored = None
        reader.meta = _meta(slide, reader, context)
        reader.levels = _levels(slide, reader)
        context.warn("what was not scanned has the background's colour")
        others = sorted(slide.associated_images)
        if others:
            context.warn(f"the slide is read; --image chooses another: {', '.join(others)}")
    except BaseException:
        slide.close()
        raise
    return reader


def _meta(slide: OpenSlide, reader: SlideReader, context: Context) -> Meta:
    properties = {str(name): str(value) for name, value in slide.properties.items()}
    sizes = _sizes(properties)
    spatial = named_spatial(_axes(reader.shape, sizes), context, placed=bool(sizes))
    meta = Meta(source={"properties": properties}, spatial=spatial)
    Additions(lossy={"compression": "JPEG", "certain": False}).store(meta)
    return meta


def _levels(slide: OpenSlide, fine: SlideReader) -> list[Reader]:
    sizes, found = _sizes(slide.properties), []
    for number in range(1, slide.level_count):
        level = SlideReader(slide, number)
        factors = dict(zip("YX", map(_factor, fine.shape[:2], level.shape[:2]), strict=True))
        axes = _axes(level.shape, sizes, factors)
        level.meta = Meta(spatial=named_spatial(axes, Context(), placed=bool(sizes)))
        found.append(level)
    return list(found)


def _factor(fine: int, coarse: int) -> float:
    """Return how many pixels became one: a power of 2 if one, rounded up or down, explains the sizes."""
    whole = 1 << max(0, round(math.log2(fine / coarse)))
    return whole if coarse in (fine // whole, -(-fine // whole)) else fine / coarse


def _axes(
    shape: Sequence[int], sizes: Mapping[str, float], factors: Mapping[str, float] | None = None
) -> list[NamedAxis]:
    axes = []
    for letter, count in zip("YX", shape, strict=False):
        step, factor = sizes.get(letter), (factors or {}).get(letter, 1.0)
        start = 0.0 if step is None else (factor - 1) / 2 * step
        step = None if step is None else step * factor
        axes.append(NamedAxis(letter=letter, size=count, step=step, unit="um", start=start))
    return [*axes, NamedAxis(letter="S", size=shape[2])]


def _sizes(properties: Mapping[str, str]) -> dict[str, float]:
    """Return the sizes of pixels in um that OpenSlide found."""
    found = {letter: _number(properties, f"openslide.mpp-{letter.lower()}") for letter in "YX"}
    return {letter: size for letter, size in found.items() if size}


def _number(properties: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(properties.get(name, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
