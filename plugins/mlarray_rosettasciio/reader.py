"""Runs in the other process: lists signals and opens one, piece by piece where the library can.

Everything that the library uses is loaded here, and so once, in the process that others are forked from:
Dask's arrays alone take half a second.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dask.array
import numpy as np
from dask.local import get_sync
from rsciio import blockfile, digitalmicrograph, emd, jeol, quantumdetector, tia, tvips

from mlarray_core import Additions, Meta, units
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Box, Context, ImageRef, Reader
from mlarray_io.sdk import NamedAxis, explained, header_values, named_spatial, named_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Signal = dict[str, Any]
"""What the library hands out of one: ``data``, ``axes``, ``metadata``, ``original_metadata``."""

_READERS = {
    "blockfile": blockfile,
    "digitalmicrograph": digitalmicrograph,
    "emd": emd,
    "jeol": jeol,
    "quantumdetector": quantumdetector,
    "tia": tia,
    "tvips": tvips,
}
"""The library's, by the names that `mlarray_rosettasciio.signature` has for them."""
_COLOURS = ("R", "G", "B", "A")
_LONGEST = 1.0
"""A pixel of a metre is none: a .ser alone doesn't say that its pixels are of a diffraction pattern."""


class SignalReader(Reader):
    """One signal, in memory or read by Dask where the library leaves it in the file.

    Parameters
    ----------
    data
        Its values.
    """

    def __init__(self, data: Any) -> None:
        colours = data.dtype.names is not None
        self._data = data
        self.dtype = np.dtype("u1") if colours else np.dtype(data.dtype).newbyteorder("=")
        self.colours = len(data.dtype.names) if colours else 0
        self.shape = (*map(int, data.shape), *((self.colours,) if colours else ()))
        inner = min(2, len(data.shape))
        whole = (*data.shape[len(data.shape) - inner :], *((self.colours,) if colours else ()))
        self.chunks = (*(1 for _ in data.shape[inner:]), *map(int, whole))

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        with explained():
            part = self._data[box[: self._data.ndim]]
            if hasattr(part, "compute"):
                part = part.compute(scheduler=get_sync)
            if self.colours:
                part = np.stack([part[name] for name in part.dtype.names], axis=-1)[..., box[-1]]
            return np.ascontiguousarray(part, self.dtype)

    def close(self) -> None:
        """Forget the values."""
        self._data = None


def _signals(path: Path, kind: str) -> list[Signal]:
    """Return what the library finds, without reading values where it can.

    Raises
    ------
    UnsupportedError
        The file is of none of the kinds.
    """
    if not kind:
        raise UnsupportedError("begins with nothing that RosettaSciIO is asked to read", path=path)
    file_reader = _READERS[kind].file_reader
    with dask.config.set(scheduler=get_sync):
        try:
            found = file_reader(str(path), lazy=True)
        except (NotImplementedError, ValueError) as error:
            if "azy" not in str(error):  # colours of DM
                raise
            found = file_reader(str(path), lazy=False)
    return [signal for signal in found if 0 not in signal["data"].shape and signal["data"].ndim]


@explained()
def list_signals(path: Path, context: Context, kind: str) -> list[ImageRef]:
    """List the signals. The first one of two axes or more is primary, else the first one.

    Parameters
    ----------
    path
        The file.
    context
        Limits.
    kind
        Name of the library's reader.
    """
    signals = _signals(path, kind)
    flat = [signal["data"].ndim > 1 for signal in signals]
    first = flat.index(True) if True in flat else 0
    return [
        ImageRef(
            key=str(number),
            title=_title(signal),
            primary=number == first,
            facts={"shape": tuple(map(int, signal["data"].shape)), "dtype": str(signal["data"].dtype)},
            name=path.stem if len(signals) == 1 else "",
        )
        for number, signal in enumerate(signals)
    ]


def _title(signal: Signal) -> str:
    return str(signal.get("metadata", {}).get("General", {}).get("title") or "")


@explained()
def open_signal(path: Path, context: Context, kind: str, key: str) -> SignalReader:
    """Open one signal.

    Parameters
    ----------
    path
        The file.
    context
        Limits, and where unknown sizes and other signals are told.
    kind
        Name of the library's reader.
    key
        Number of the signal.

    Raises
    ------
    CorruptError
        The file is damaged.
    LimitError
        The signal is larger than the host allows.
    """
    signals = _signals(path, kind)
    signal = signals[int(key)]
    reader = SignalReader(signal["data"])
    context.allow(reader.nbytes, path)
    if reader.colours not in (0, 3, 4) or len(signal["axes"]) != signal["data"].ndim:
        raise CorruptError("its axes don't fit its values", path=path)
    if len(signals) > 1:
        titles = (f"{at} ({_title(one)})" for at, one in enumerate(signals) if one is not signal)
        context.warn(f"signal {key} is read; --image chooses another: {', '.join(titles)}")
    axes = _in_one_unit([_axis(axis, context) for axis in signal["axes"]])
    if reader.colours:
        axes.append(NamedAxis(letter="S", size=reader.colours))
    source = {
        "metadata": header_values(signal.get("metadata", {})),
        "original_metadata": header_values(signal.get("original_metadata", {})),
    }
    reader.meta = Meta(source=source, spatial=named_spatial(axes, context, placed=True))
    Additions(axes=named_values(axes)).store(reader.meta)
    return reader


def _axis(told: Mapping[str, Any], context: Context) -> NamedAxis:
    """Return an axis; one of step 1 without a unit was never calibrated."""
    name, unit = str(told.get("name") or ""), _unit(told.get("units"))
    size, letter = int(told["size"]), _letter(name)
    if "scale" not in told:
        return NamedAxis(letter=letter, size=size, name=name or "other", unit=unit, values=_values(told))
    step, start = float(told["scale"]), float(told.get("offset", 0))
    if step == 1 and not unit:
        return NamedAxis(letter=letter, size=size, name=name or "other")
    metres = units.factor(unit, "m")
    if metres is not None and abs(step) * metres >= _LONGEST:
        context.warn(f"a size of {step:g} {unit} along {name} can't be one of a length, and is left out")
        return NamedAxis(letter=letter, size=size, name=name or "other")
    if metres is None and letter in "XYZ":
        start = 0.0  # of a diffraction pattern the library converts the step and not the offset
    return NamedAxis(letter=letter, size=size, step=step, unit=unit, start=start, name=name or "other")


def _unit(value: object) -> str:
    text = str(value or "").replace("1 / ", "1/")
    if text.startswith("1/"):
        return "1/" + units.symbol_of(text[2:])
    return "" if text.startswith("<") or text in ("[]", "None") else units.symbol_of(text)


def _letter(name: str) -> str:
    """Return the letter of an axis of space or time; energies, angles and the others have none."""
    plain = name.removeprefix("R_").lower()
    return {"x": "X", "y": "Y", "z": "Z", "time": "T"}.get(plain, "?")


def _values(told: Mapping[str, Any]) -> list[float] | None:
    values = told.get("axis")
    return None if values is None else [float(value) for value in np.asarray(values).ravel()]


def _in_one_unit(axes: Sequence[NamedAxis]) -> list[NamedAxis]:
    """Return axes whose lengths have the unit of the fastest one: DM may have x in pm, y in nm, z in um."""
    lengths = [axis for axis in axes if axis.is_spatial and axis.known and units.is_length(axis.unit)]
    if len({axis.unit for axis in lengths}) < 2:
        return list(axes)
    unit = lengths[-1].unit
    found = []
    for axis in axes:
        factor = units.factor(axis.unit, unit) if axis in lengths else None
        if factor is not None and axis.step is not None:
            axis = replace(axis, step=axis.step * factor, start=axis.start * factor, unit=unit)
        found.append(axis)
    return found
