"""What samples mean: greyscale, colours, indices into a table of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_tiff.tags import FORMAT, tag_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_io import Reader
    from mlarray_tiff.write.plan import Plan

_WHITE_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 2, 3, 5, 6
_LABS = {8: "cielab", 9: "icclab", 10: "itulab"}
_ASSOCIATED, _UNASSOCIATED = 1, 2
"""ExtraSamples: alpha that colours are multiplied by, and that they aren't."""
_JPEGS = (7, 33003, 33004, 33005, 34892)


def colour_arguments(plan: Plan, reader: Reader) -> dict[str, Any]:
    """Return tifffile's arguments ``photometric``, ``planarconfig``, ``extrasamples`` and ``colormap``."""
    source = reader.meta.source if reader.meta.source.get("format") == FORMAT else {}
    said = tag_value(source, 262)
    if plan.samples is None:
        return _grey(said, source, reader)
    arguments: dict[str, Any] = {
        "photometric": _photometric(said, source, plan.sample_count, reader.dtype),
        "planarconfig": "separate" if plan.planar else "contig",
    }
    base = {"rgb": 3, "separated": 4, **dict.fromkeys(_LABS.values(), 3)}.get(arguments["photometric"], 1)
    extra = plan.sample_count - base
    if extra > 0:
        multiplied = reader.meta.source.get("alpha") == "premultiplied"
        arguments["extrasamples"] = _extra(source, extra, arguments["photometric"], multiplied)
    return arguments


def lost_meaning(plan: Plan, reader: Reader) -> str | None:
    """Return the source's PhotometricInterpretation when it isn't written, None when it is."""
    source = reader.meta.source if reader.meta.source.get("format") == FORMAT else {}
    said = tag_value(source, 262)
    if not isinstance(said, int) or plan.samples is None:
        return None
    written = _photometric(said, source, plan.sample_count, reader.dtype)
    held = {"rgb": (_RGB, _YCBCR), "separated": (_SEPARATED,), "minisblack": (0, 1)}
    held |= {name: (code,) for code, name in _LABS.items()}
    return None if said in held[written] else _COLOURS.get(said, f"PhotometricInterpretation {said}")


_COLOURS = {_YCBCR: "YCbCr", 32803: "a colour filter array", 32844: "LogL", 32845: "LogLuv", **_LABS}


def _grey(said: object, source: Mapping[str, object], reader: Reader) -> dict[str, Any]:
    if said == _PALETTE and reader.dtype.name in ("uint8", "uint16"):
        colours = _colormap(tag_value(source, 320), reader.dtype)
        if colours is not None:
            return {"photometric": "palette", "colormap": colours}
    return {"photometric": "miniswhite" if said == _WHITE_IS_ZERO else "minisblack"}


def _colormap(value: object, dtype: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    """Return the table of colours as long as the type demands, zeros for indices that were impossible."""
    if value is None:
        return None
    table = np.asarray(value)
    size = 2 ** (8 * dtype.itemsize)
    if table.ndim != 2 or len(table) != 3 or table.shape[1] > size:
        return None
    whole = np.zeros((3, size), np.uint16)
    whole[:, : table.shape[1]] = table
    return whole


def _photometric(said: object, source: Mapping[str, object], count: int, dtype: np.dtype[Any]) -> str:
    if said == _SEPARATED and count >= 4:
        return "separated"
    decoded = said == _YCBCR and tag_value(source, 259) in _JPEGS  # JPEG decodes to RGB
    if (said == _RGB or decoded) and count >= 3:
        return "rgb"
    if said in _LABS and count == 3:
        return _LABS[said]
    if said is None and count in (3, 4) and dtype.name in ("uint8", "uint16"):
        return "rgb"
    return "minisblack"


def _extra(source: Mapping[str, object], count: int, photometric: str, multiplied: bool) -> list[int]:
    """Return what further samples are: what the source says, else alpha after red, green and blue.

    `multiplied` says whether a picture's colours are multiplied by it.
    """
    said = tag_value(source, 338)
    values = [said] if isinstance(said, int) else list(said or ())
    if len(values) == count and all(value in (0, 1, 2) for value in values):
        return [int(value) for value in values]
    alpha = _ASSOCIATED if multiplied else _UNASSOCIATED
    return [alpha if photometric == "rgb" and count == 1 else 0] * count
