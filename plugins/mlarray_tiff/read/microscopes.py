"""What LSM and STK files say of their axes: sizes, times, channels; and what isn't read of them."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Channel, headers
from mlarray_tiff.scales import Scale, Scales, number, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tifffile import TiffFile, TiffPage, TiffPageSeries

LSM, STK = "lsm", "stk"
LSM_AXES = {"P": "position", "M": "mosaic position"}
"""Axes that have other names than those of OME with these letters."""

_SPREAD = 1e-3
"""Share of a step by which steps of an even stack may differ."""


def stk_scales(file: TiffFile, page: TiffPage) -> Scales:
    """Read MetaMorph's UIC tags: sizes where it was calibrated, the distance of planes where it is even."""
    info: Mapping[str, Any] = file.stk_metadata or {}
    unit = unit_of(info.get("CalibrationUnits", ""))
    if not unit:
        return {}
    scales = {}
    if info.get("SpatialCalibration", 1):
        scales = {axis: Scale(number(info.get(f"{axis}Calibration")), unit) for axis in "XY"}
    depths = np.abs(np.asarray(info.get("ZDistance", ()), float)).ravel()
    if depths.size and np.isfinite(depths).all() and np.ptp(depths) <= _SPREAD * depths[0]:
        scales["Z"] = Scale(float(depths[0]), unit)
    times = stk_times(file)
    if times:
        scales["T"] = _mean(times)
    return scales


def stk_times(file: TiffFile) -> list[float]:
    """Return the seconds since the first plane of a STK; none unless they rise."""
    found = (file.stk_metadata or {}).get("DatetimeCreated")
    if found is None or len(found) < 2 or np.isnat(found).any():
        return []
    return rising(((found - found[0]) / np.timedelta64(1, "ns") / 1e9).tolist())


def lsm_scales(file: TiffFile, page: TiffPage) -> Scales:
    """Read Zeiss LSM's sizes, which are in metres, and its times in seconds."""
    info: Mapping[str, object] = file.lsm_metadata or {}
    scales = {axis: Scale(_micrometres(number(info.get(f"VoxelSize{axis}"))), "um") for axis in "XYZ"}
    scales["T"] = Scale(number(info.get("TimeIntervall")), "s")
    times = lsm_times(file)
    return {**scales, "T": _mean(times)} if times else scales


def lsm_times(file: TiffFile) -> list[float]:
    """Return the seconds since the first time stamp of a LSM, where each time has one and they rise."""
    info: Mapping[str, Any] = file.lsm_metadata or {}
    found = np.asarray(info.get("TimeStamps", ()), float).ravel()
    if len(found) < 2 or len(found) != info.get("DimensionTime"):
        return []
    return rising((found - found[0]).tolist())


def lsm_channels(file: TiffFile, series: TiffPageSeries) -> list[Channel]:
    """Return name, colour and range of wavelengths of each channel of a LSM."""
    info: Mapping[str, Any] = file.lsm_metadata or {}
    told: Mapping[str, Any] = info.get("ChannelColors") or {}
    names = told.get("ColorNames")
    count = series.shape[series.axes.index("C")] if "C" in series.axes else 1
    if not isinstance(names, list) or len(names) != count:
        return []
    channels = [Channel(name=str(headers.plain(name))) for name in names]
    colours, waves = told.get("Colors") or (), np.asarray(info.get("ChannelWavelength", ()), float)
    for channel, colour in zip(channels, colours, strict=False):
        channel["color"] = "#" + "".join(f"{int(part):02X}" for part in colour[:3])
    if waves.shape == (count, 2) and np.isfinite(waves).all() and (waves > 0).all():
        for channel, (first, last) in zip(channels, waves.tolist(), strict=True):
            channel["DetectionWavelengths"] = [_shifted(first, 9), _shifted(last, 9)]
            channel["DetectionWavelengthsUnit"] = "nm"
    return channels


def unread(file: TiffFile, series: TiffPageSeries) -> list[str]:
    """Return what there is to tell of a LSM or STK beyond its image."""
    told = []
    if series.kind == LSM:
        info: Mapping[str, Any] = file.lsm_metadata or {}
        if info.get("OffsetNextRecording"):
            told.append("another recording, which isn't read, is in the same file")
        if any(letter in series.axes for letter in LSM_AXES):
            told.append(
                "it holds several positions of the stage: they are in the header (Positions, TilePositions)"
            )
    if series.kind == STK and "I" in series.axes:
        told.append("its header doesn't say what its planes lie along: neither z nor time goes on with each")
    return told


def is_thumbnail(series: TiffPageSeries) -> bool:
    """Whether a series holds the small pictures of a LSM's planes."""
    return series.kind == LSM and bool(series.keyframe.is_reduced)


def rising(times: list[float]) -> list[float]:
    """Return times that rise; none of others."""
    finite = all(map(math.isfinite, times))
    return times if finite and all(a < b for a, b in itertools.pairwise(times)) else []


def _mean(times: list[float]) -> Scale:
    return Scale((times[-1] - times[0]) / (len(times) - 1), "s")


def _micrometres(metres: float) -> float:
    return _shifted(metres, 6)


def _shifted(value: float, power: int) -> float:
    """Return a number times a power of ten, without a rounding of its own."""
    return float(Decimal(repr(float(value))).scaleb(power))
