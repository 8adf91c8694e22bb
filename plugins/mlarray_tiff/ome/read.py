"""OME-XML: checked before tifffile uses it, and read for sizes, units, channels and times.

Rules: OME schema 2016-06; "Distributing metadata", "OME-TIFF specification" (docs.openmicroscopy.org).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlarray_core import Channel
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, UnsafeError
from mlarray_tiff.markup import children, local
from mlarray_tiff.scales import Scale, Scales, named_scales, number, unit_of

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

FIELD = "OME-XML"
MOST_PLANES = 1_000_000


@dataclass
class OmeImage:
    """What OME-XML says about one image.

    Parameters
    ----------
    index
        Its place among the images of the XML.
    sizes
        SizeX, SizeY, SizeZ, SizeC, SizeT by letter.
    scales
        Physical sizes, time increment.
    channels
        Attributes of each channel, with the names of the schema in lower case where we know them.
    times
        Seconds (or `Scale.unit`) of each time point, when planes say them.
    """

    index: int
    name: str
    sizes: dict[str, int]
    scales: Scales = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


def is_ome(description: str) -> bool:
    """Say whether a description is OME-XML (OME-TIFF specification)."""
    return description.strip()[-4:] == "OME>"


def resolve(name: str, path: Path) -> Path:
    """Return the file beside `path` that the XML names.

    Raises
    ------
    UnsafeError
        The name leads out of the folder, or to something that is no file.
    NotFoundError
        There is no such file.
    """
    folder = path.resolve().parent
    target = (folder / name.replace("\\", "/")).resolve()
    if not target.is_relative_to(folder) or not name.strip("./\\ "):
        raise UnsafeError(f"names the file {name!r}, outside of its folder", path=path, field=FIELD)
    if not target.exists():
        raise NotFoundError(
            f"has planes in the file {name!r}, which is missing",
            path=path,
            field=FIELD,
            hint="Put it beside this one, or read what is here with -o ome=no",
        )
    if not target.is_file():
        raise UnsafeError(f"names {name!r}, which is no file", path=path, field=FIELD)
    return target


def companion_of(root: Element, path: Path) -> Path | None:
    """Return the file that has the XML instead (``BinaryOnly``), None when it is here."""
    for element in children(root, "BinaryOnly"):
        return resolve(element.get("MetadataFile", ""), path)
    return None


def check_ome(root: Element, path: Path) -> list[Path]:
    """Refuse XML that makes readers allocate, loop or leave the folder; return the other files that it names.

    Raises
    ------
    CorruptError
        Sizes make no sense.
    LimitError
        There are more planes than in any real file.
    """
    own = root.get("UUID")
    names: set[str] = set()
    for image in children(root, "Image"):
        for pixels in children(image, "Pixels"):
            _check_sizes(pixels, path)
            for data in children(pixels, "TiffData"):
                for key in ("PlaneCount", "NumPlanes", "IFD", "FirstZ", "FirstC", "FirstT"):
                    _whole(data, key, path, 0)
                names.update(_other_file(data, own, path))
    for annotation in root.iter():
        if local(annotation).startswith("ModuloAlong"):
            _check_modulo(annotation, path)
    return sorted({resolve(name, path) for name in names})


def read_ome(root: Element, path: Path) -> list[OmeImage]:
    """Return what the XML says about each image."""
    found = []
    for index, image in enumerate(children(root, "Image")):
        for pixels in children(image, "Pixels"):
            sizes = {axis: _whole(pixels, f"Size{axis}", path, 1) for axis in "XYZCT"}
            found.append(OmeImage(index, image.get("Name", ""), sizes))
            found[-1].scales = named_scales(pixels.attrib)
            channels = [_channel(channel) for channel in children(pixels, "Channel")]
            found[-1].channels = channels if any(map(_says_something, channels)) else []
            _read_times(found[-1], pixels)
    return found


def _whole(element: Element, key: str, path: Path, default: int) -> int:
    text = element.get(key)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**31:
        raise CorruptError(f"expected a whole number, got {text[:40]!r}", path=path, field=f"{FIELD} {key}")
    if value > MOST_PLANES and not key.startswith("Size"):
        raise LimitError(f"speaks of {value:,} planes", path=path, field=f"{FIELD} {key}")
    return value


def _check_sizes(pixels: Element, path: Path) -> None:
    sizes = [_whole(pixels, f"Size{axis}", path, 0) for axis in "ZCT"]
    if 0 in sizes or not all(_whole(pixels, f"Size{axis}", path, 0) for axis in "XY"):
        raise CorruptError("an axis has no size", path=path, field=FIELD)
    if math.prod(sizes) > MOST_PLANES:
        raise LimitError(f"speaks of {math.prod(sizes):,} planes", path=path, field=FIELD)


def _other_file(data: Element, own: str | None, path: Path) -> list[str]:
    """Return the file that a TiffData is about, unless it is this one."""
    for uuid in children(data, "UUID")[:1]:
        name = uuid.get("FileName", "")
        here = uuid.text == own if own is not None else name.lower() == path.name.lower()
        return [] if here else [name]
    return []


def _check_modulo(along: Element, path: Path) -> None:
    try:
        start, end, step = (float(along.get(key, default)) for key, default in _MODULO)
    except ValueError:
        raise CorruptError("expected numbers", path=path, field=f"{FIELD} {local(along)}") from None
    if not all(map(math.isfinite, (start, end, step))) or step == 0 or (end - start) / step > MOST_PLANES:
        raise CorruptError("describes no axis", path=path, field=f"{FIELD} {local(along)}")


_MODULO = (("Start", "0"), ("End", "0"), ("Step", "1"))


def _channel(channel: Element) -> Channel:
    """Return the attributes of a channel as they are spelt, its name first, as ``name``."""
    found = Channel(name=channel.get("Name", ""))
    found.update((key, value) for key, value in channel.attrib.items() if key not in _OWN)
    return found


_OWN = ("Name", "ID", "SamplesPerPixel")


def _says_something(channel: Channel) -> bool:
    return bool(channel.name) or len(channel) > 1


def _read_times(image: OmeImage, pixels: Element) -> None:
    """Take the time points from the planes, where each has one and no increment says it all."""
    if "T" in image.scales or image.sizes["T"] < 2:
        return
    times: dict[int, float] = {}
    for plane in children(pixels, "Plane"):
        if plane.get("TheZ") == "0" and plane.get("TheC") == "0" and plane.get("DeltaT") is not None:
            at, value = number(plane.get("TheT")), number(plane.get("DeltaT"))
            times[int(at)] = value
            image.scales["T"] = Scale(0.0, unit_of(plane.get("DeltaTUnit", "s")))
    if sorted(times) == list(range(image.sizes["T"])):
        image.times = [times[index] for index in range(image.sizes["T"])]
    else:
        image.scales.pop("T", None)
