"""What a file says about a series: sizes, channels, times, and the whole header for `meta.source`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Channel, Rescale
from mlarray_tiff.read import micromanager, microscopes
from mlarray_tiff.read.vendors import vendor_metadata, vendor_scales
from mlarray_tiff.scales import Scale, Scales, imagej_scales, named_scales, number, plain_scales
from mlarray_tiff.tags import FORMAT, plain, tags_to_source, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tifffile import TiffPageSeries

    from mlarray_tiff.open_file import OpenTiff


@dataclass
class Described:
    """What a file says about one series.

    Parameters
    ----------
    scales
        Distances along X, Y, Z, T.
    tags
        Tags of its first page.
    channels
        One dict for each channel.
    times
        Time points that are not steps.
    names
        Of axes by letter, where they differ from those of OME.
    """

    scales: Scales
    tags: Mapping[int, object]
    channels: list[Channel] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)


def describe(opened: OpenTiff, series: TiffPageSeries, index: int) -> Described:
    """Return what the file says about series `index`: OME-XML, ImageJ, JSON, vendors' tags, or resolution.

    Parameters
    ----------
    opened
        The open file.
    series
        The series.
    index
        Number of the series.
    """
    file, tags = opened.file, values_of(series.keyframe)
    if opened.images:
        image = opened.images[index]
        return Described(image.scales, tags, image.channels, image.times)
    if series.kind == "imagej":
        info = file.imagej_metadata or {}
        return Described(imagej_scales(info, tags), tags, _imagej_channels(info, series))
    if series.kind == "shaped":
        info = _json(opened, index)
        return Described(named_scales(info) or plain_scales(tags), tags, _json_channels(info))
    if series.kind == micromanager.KIND:
        times = micromanager.times_of(series)
        scales = vendor_scales(file, file.pages.first) or {}
        if times:
            scales["T"] = Scale(scales["T"].step if "T" in scales else 0.0, "ms")
        return Described(scales, tags, micromanager.channels_of(series), times)
    found = vendor_scales(file, series.keyframe)
    described = Described(plain_scales(tags) if found is None else found, tags)
    if microscopes.is_thumbnail(series):
        return Described({}, tags)
    if series.kind == microscopes.LSM:
        described.channels, described.names = microscopes.lsm_channels(file, series), microscopes.LSM_AXES
    stamps = {microscopes.LSM: microscopes.lsm_times, microscopes.STK: microscopes.stk_times}
    described.times = stamps[series.kind](file) if series.kind in stamps else []
    return described


def imagej_rescale(opened: OpenTiff, series: TiffPageSeries) -> Rescale | None:
    """Return ImageJ's straight-line calibration, which is not applied; None where there is none.

    Signed 16-bit pictures are stored so, with intercept -32768 (ImageJ, `Calibration`, function 0).
    """
    info = opened.file.imagej_metadata if series.kind in ("imagej", "uniform", "generic") else None
    if not info or "c0" not in info or number(info.get("cf", 0)) != 0:
        return None
    slope, intercept = number(info.get("c1", 1)), number(info["c0"])
    if slope == 0 or (slope, intercept) == (1.0, 0.0):
        return None
    return Rescale(slope, intercept, np.dtype(series.dtype).name, applied=False)


def to_source(opened: OpenTiff, series: Sequence[TiffPageSeries], index: int) -> dict[str, Any]:
    """Return the header, JSON-safe: tags with their types, OME-XML verbatim, what the other series are.

    Parameters
    ----------
    opened
        The open file.
    series
        The series.
    index
        Number of the series.
    """
    one, file = series[index], opened.file
    source: dict[str, Any] = {
        "format": FORMAT,
        "kind": one.kind,
        "name": one.name,
        "byte_order": "little" if file.byteorder == "<" else "big",
        "bigtiff": bool(file.is_bigtiff),
        "axes": one.axes,
        "stored_axes": one.get_axes(squeeze=False),
        "stored_shape": [int(size) for size in one.get_shape(squeeze=False)],
        **tags_to_source(one.keyframe),
    }
    if opened.xml:
        source.update(ome_xml=opened.xml, ome_image=opened.images[index].index)
        source["tags"].pop("ImageDescription", None)
    if opened.companion:
        source["companion"] = opened.companion
    if file.is_imagej and file.imagej_metadata:
        source["imagej"] = plain(file.imagej_metadata)
    for kind, content in vendor_metadata(file).items():
        source[kind] = plain(content)
    if one.kind == micromanager.KIND and (stage := micromanager.stage_of(one)):
        source["stage_position_um"] = stage
    if len(one.levels) > 1:
        source["levels"] = [[int(size) for size in level.shape] for level in one.levels]
    if len(series) > 1:
        source["other_series"] = [_summary(other, at) for at, other in enumerate(series) if at != index]
    return source


def _summary(series: TiffPageSeries, index: int) -> dict[str, Any]:
    return {
        "image": str(index),
        "name": series.name,
        "kind": series.kind,
        "axes": series.axes,
        "shape": [int(size) for size in series.shape],
        "dtype": str(series.dtype),
        "levels": len(series.levels),
    }


def _imagej_channels(info: Mapping[str, object], series: TiffPageSeries) -> list[Channel]:
    """Return channel names, which ImageJ keeps as labels of slices, where each channel has one of its own."""
    labels, axes = info.get("Labels"), series.axes
    if not isinstance(labels, list) or "C" not in axes:
        return []
    size = series.shape[axes.index("C")]
    first = [str(label) for label in labels[:size]]
    if len(first) != size or len(set(first)) != size or not all(first):
        return []
    repeated = all(str(label) == first[at % size] for at, label in enumerate(labels))
    return [Channel(name=label) for label in first] if repeated else []


def _json(opened: OpenTiff, index: int) -> Mapping[str, object]:
    """Return the JSON that tifffile writes into descriptions."""
    found = opened.file.shaped_metadata or ()
    return found[index] if index < len(found) and isinstance(found[index], dict) else {}


def _json_channels(info: Mapping[str, object]) -> list[Channel]:
    channel = info.get("Channel")
    names = channel.get("Name") if isinstance(channel, dict) else None
    return [Channel(name=str(name)) for name in names] if isinstance(names, list) else []
