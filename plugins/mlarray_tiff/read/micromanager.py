"""Stacks of Micro-Manager: a series for each position of the stage, and what is told of its planes."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import TiffFileError, TiffPage, TiffPageSeries

from mlarray_core import Channel
from mlarray_tiff.read.private_names import stored_pages
from mlarray_tiff.scales import number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tifffile import TiffFile, TiffFrame

    Told = Mapping[str, Any]

KIND, _POSITION, _TOLD = "mmstack", "R", 51123
_STAGE = {axis: f"{axis}PositionUm" for axis in "XYZ"}


def is_stack(file: TiffFile) -> bool:
    """Whether a file is one of a stack, whose index map says where planes are; its OME-XML often doesn't."""
    return bool(file.is_mmstack) and bool(file.series) and file.series[0].kind == KIND


def files_of(file: TiffFile, folder: Path) -> list[Path]:
    """Return the files that hold planes of a stack."""
    pages = (page for page in stored_pages(file.series[0]) if page is not None)
    return [folder / name for name in sorted({str(page.parent.filehandle.name) for page in pages})]


def summary_of(series: TiffPageSeries) -> Told:
    """Return what a file says of its whole acquisition."""
    content = None if series.parent is None else series.parent.micromanager_metadata
    summary = content.get("Summary") if isinstance(content, dict) else None
    return summary if isinstance(summary, dict) else {}


def by_position(series: TiffPageSeries) -> list[TiffPageSeries]:
    """Return a series for each position of which planes are here, called as the position is."""
    axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    if _POSITION not in axes:
        return [series]
    at, outer = axes.index(_POSITION), axes.index("Y")
    pages = np.empty(len(stored_pages(series)), object)
    pages[:] = stored_pages(series)
    apart = np.moveaxis(pages.reshape(shape[:outer]), at, 0)
    found = []
    for planes in apart:
        own = list(planes.ravel())
        if any(page is not None for page in own):
            found.append(
                TiffPageSeries(
                    own,
                    (*shape[:at], *shape[at + 1 :]),
                    series.dtype,
                    axes[:at] + axes[at + 1 :],
                    name=_name(own),
                    kind=KIND,
                    parent=series.parent,
                    multifile=series.is_multifile,
                )
            )
    return found


def _name(pages: list[TiffPage | TiffFrame | None]) -> str:
    first = next(page for page in pages if page is not None)
    told = _told(first) or {}
    return str(told.get("PositionName") or told.get("Label") or "")


def stage_of(series: TiffPageSeries) -> dict[str, float]:
    """Return where the stage was at the first plane, in um, by axis."""
    first = next((page for page in stored_pages(series) if page is not None), None)
    told = (_told(first) if first is not None else None) or {}
    return {axis: float(told[name]) for axis, name in _STAGE.items() if type(told.get(name)) in (int, float)}


def times_of(series: TiffPageSeries) -> list[float]:
    """Return the milliseconds at which the planes of the first z and channel came; none unless they rise."""
    axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    if "T" not in axes:
        return []
    outer = axes.index("Y")
    order = np.moveaxis(np.arange(len(stored_pages(series))).reshape(shape[:outer]), axes.index("T"), 0)
    pages = [stored_pages(series)[planes.ravel()[0]] for planes in order]
    told = [(_told(page) if page is not None else None) or {} for page in pages]
    found = [one.get("ElapsedTime-ms") for one in told]
    if len(found) < 2 or any(type(time) not in (int, float) for time in found):
        return []
    times = [float(time) for time in found if time is not None]
    return times if all(a < b for a, b in itertools.pairwise(times)) else []


def channels_of(series: TiffPageSeries) -> list[Channel]:
    """Return name and colour of each channel."""
    axes, summary = series.get_axes(squeeze=False), summary_of(series)
    count = series.get_shape(squeeze=False)[axes.index("C")] if "C" in axes else 1
    names, colours = summary.get("ChNames"), summary.get("ChColors")
    if not isinstance(names, list) or len(names) != count:
        return []
    channels = [Channel(name=str(name)) for name in names]
    if isinstance(colours, list) and len(colours) == count:
        for channel, colour in zip(channels, colours, strict=True):
            if type(colour) is int:
                # Java's: alpha, red, green and blue in a signed number
                channel["color"] = f"#{colour & 0xFFFFFF:06X}"
    return channels


def planned(series: TiffPageSeries) -> tuple[int, int]:
    """Return how many planes each position, and how many positions, were to have."""
    summary = summary_of(series)
    frames, slices, channels, positions = (
        max(1, int(number(summary.get(key, 1)))) for key in ("Frames", "Slices", "Channels", "Positions")
    )
    return frames * slices * channels, positions


def _told(page: TiffPage | TiffFrame) -> Told | None:
    """Return what is told of a plane, which is a tag of its page; None where that can't be read."""
    file = page.parent.filehandle
    closed = file.closed
    try:
        if closed:
            file.open()
        if not isinstance(page, TiffPage):
            file.seek(page.offset)
            page = TiffPage(page.parent, 0)
        found = page.tags.valueof(_TOLD)
    except (TiffFileError, ValueError, OSError, struct.error, RecursionError):
        return None
    finally:
        if closed:
            file.close()
    return found if isinstance(found, dict) else None
