"""OpenEXR: the channels of a layer are an image. Runs in the other process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import OpenEXR

from mlarray_core.errors import NotFoundError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_frames.reader import FrameReader, Frames, Pixels, explained, picture
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_frames.options import FrameOptions

Exr = Any
"""An object of OpenEXR's, which has no types."""
_LOSSY = ("PXR24", "B44", "B44A", "DWAA", "DWAB")
"""Compressions that lose something (Technical Introduction to OpenEXR, "Data Compression")."""
_COLOURS = "RGBA"


def list_pictures(path: Path, context: Context) -> list[ImageRef]:
    """List the layers of all parts, without their pixels.

    Parameters
    ----------
    path
        The file.
    context
        Is told of parts that aren't read.
    """
    found = []
    with explained(path):
        for number, part in enumerate(_open(path, header_only=True).parts):
            reason = _reason(part)
            if reason:
                context.skip(f"part {number}", reason)
                continue
            for layer, names in _layers(part).items():
                key = f"{number}/{layer}" if layer else str(number)
                found.append(
                    ImageRef(key=key, title=layer, facts={"channels": names}, name=key.replace("/", "_"))
                )
    return found


def open_picture(path: Path, context: Context, kind: str, key: str, options: FrameOptions) -> FrameReader:
    """Open a layer; OpenEXR reads the whole part.

    Parameters
    ----------
    path
        The file.
    context
        Has the limit.
    kind
        Name of the format.
    key
        Number of the part, and name of the layer.
    options
        What the user says of it.

    Raises
    ------
    NotFoundError
        There is no such layer.
    UnsupportedError
        It has channels that differ in size, or deep pixels.
    """
    number, _, layer = key.partition("/")
    with explained(path):
        heads = _open(path, header_only=True).parts
        part = heads[int(number)] if number.isdecimal() and int(number) < len(heads) else None
        names = _layers(part).get(layer) if part is not None and not _reason(part) else None
        if names is None:
            raise NotFoundError(f"holds no layer {key}")
        context.allow(_size(part) * len(names) * 2, path)
        channels = _open(path).parts[int(number)].channels
        planes = [channels[f"{layer}.{name}" if layer else name].pixels for name in names]
    if len({plane.shape for plane in planes}) > 1:
        raise UnsupportedError("has channels of unlike sizes (subsampled)", path=path)
    dtype = np.result_type(*planes)
    pixels: Pixels = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1).astype(dtype)
    frames = Frames(pixels.shape, dtype, lambda _: pixels, None, {"header": _header(part)}, _lossy(part))
    frames.channels = names if len(names) > 1 else ()
    return picture(path, frames, kind, options, context)


def _open(path: Path, *, header_only: bool = False) -> Exr:
    return OpenEXR.File(str(path), separate_channels=True, header_only=header_only)


def _reason(part: Exr) -> str:
    return "it holds deep pixels" if "deep" in str(part.header.get("type", "")).lower() else ""


def _size(part: Exr) -> int:
    low, high = part.header["dataWindow"]
    return (int(high[0]) - int(low[0]) + 1) * (int(high[1]) - int(low[1]) + 1)


def _layers(part: Exr) -> dict[str, list[str]]:
    """Return the channels of each layer, the text before their last dot; red, green, blue, alpha first."""
    layers: dict[str, list[str]] = {}
    for channel in part.header["channels"]:
        layer, _, name = str(channel.name).rpartition(".")
        layers.setdefault(layer, []).append(name)
    for names in layers.values():
        names.sort(key=lambda name: (name not in _COLOURS, _COLOURS.find(name), name))
    return layers


def _header(part: Exr) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in part.header.items():
        if name == "channels":
            continue
        if isinstance(value, tuple):
            value = [one.tolist() if isinstance(one, np.ndarray) else one for one in value]
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        found[str(name)] = plain(value) if isinstance(value, str | int | float | bool | list) else str(value)
    return found


def _lossy(part: Exr) -> dict[str, object]:
    name = str(part.header.get("compression", "")).rpartition(".")[2].split("_COMPRESSION")[0]
    return {"method": f"OpenEXR {name}"} if name in _LOSSY else {}
