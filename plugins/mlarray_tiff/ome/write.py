"""OME-XML to write: the source's own with what changed, or a new one. Schema 2016-06."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from mlarray_core.errors import MLArrayError
from mlarray_tiff.axes import NAMES
from mlarray_tiff.markup import children, local, parse_markup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    import numpy as np

    from mlarray_core import Channel, Meta, Rescale
    from mlarray_io import Context
    from mlarray_tiff.scales import Scales
    from mlarray_tiff.write.plan import Plan

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_SCHEMA = f"{NAMESPACE} {NAMESPACE}/ome.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_MODULO = "openmicroscopy.org/omero/dimension/modulo"
_MODULO_SCHEMA = "http://www.openmicroscopy.org/Schemas/Additions/2011-09"
_ORIGINAL = "mlarray/original-ome-xml"

PIXEL_TYPES = {
    "bool": "bit", "int8": "int8", "int16": "int16", "int32": "int32", "uint8": "uint8", "uint16": "uint16",
    "uint32": "uint32", "float32": "float", "float64": "double",
}  # fmt: skip

_LENGTHS = {"um": "µm", "inch": "in", "": "reference frame"}
_KNOWN_LENGTHS = frozenset(
    [
        "Ym",
        "Zm",
        "Em",
        "Pm",
        "Tm",
        "Gm",
        "Mm",
        "km",
        "hm",
        "dam",
        "m",
        "dm",
        "cm",
        "mm",
        "µm",
        "nm",
        "pm",
        "fm",
        "am",
        "zm",
        "ym",
        "Å",
        "thou",
        "li",
        "in",
        "ft",
        "yd",
        "mi",
        "ua",
        "ly",
        "pc",
        "pt",
    ]
)
_TIMES = {"us": "µs", "": "s"}
_KNOWN_TIMES = frozenset(["s", "ms", "µs", "ns", "ps", "fs", "as", "min", "h", "d"])

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")
"""A channel's colour as OME-Zarr and other sources spell it."""

_AFTER_PIXELS = ("ROIRef", "MicrobeamManipulationRef")
_CHANNEL_ATTRIBUTES = frozenset({
    "Color", "EmissionWavelength", "EmissionWavelengthUnit", "ExcitationWavelength",
    "ExcitationWavelengthUnit", "Fluor", "NDFilter", "PinholeSize", "PinholeSizeUnit", "PockelCellSetting",
    "IlluminationType", "ContrastMethod", "AcquisitionMode",
})  # fmt: skip


@dataclass
class OmeContent:
    """What OME-XML has to say about an image.

    Parameters
    ----------
    plan
        Its axes.
    dtype
        Its type.
    name
        Its name.
    scales
        Distances along X, Y, Z, T.
    times
        Time points that are no steps.
    channels
        One dict for each channel.
    rescale
        Slope and intercept of the values.
    value_unit
        ImageJ's name of what they measure.
    """

    plan: Plan
    dtype: np.dtype[Any]
    name: str
    scales: Scales
    times: list[float] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    rescale: Rescale | None = None
    value_unit: str = "Gray Value"


def ome_xml(content: OmeContent, meta: Meta, path: Path, context: Context) -> bytes:
    """Return the XML, UTF-8.

    Parameters
    ----------
    content
        What is written.
    meta
        Of the image; its source's XML is kept where it is OME 2016-06, and attached where it is older.
    path
        The target, for errors.
    context
        Where to report what OME has no place for.
    """
    ElementTree.register_namespace("", NAMESPACE)
    ElementTree.register_namespace("xsi", _INSTANCE)
    root, image = _original(meta, path)
    if root is None or image is None:
        root = _element("OME", {f"{{{_INSTANCE}}}schemaLocation": _SCHEMA, "Creator": "mlarray"})
        image = _under(root, "Image", {"ID": "Image:0", "Name": content.name})
        _under(image, "Pixels", {"ID": "Pixels:0"})
        _attach(root, image, meta)
    pixels = children(image, "Pixels")[0]
    _put_sizes(pixels, content)
    _put_scales(pixels, content, context)
    _put_channels(pixels, content, context)
    _put_planes(pixels, content, context)
    _put_modulo(root, image, content.plan)
    text: bytes = ElementTree.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text


def _element(name: str, attributes: dict[str, str] | None = None) -> Element:
    return ElementTree.Element(f"{{{NAMESPACE}}}{name}", attributes or {})


def _under(parent: Element, name: str, attributes: dict[str, str] | None = None) -> Element:
    child = _element(name, attributes)
    parent.append(child)
    return child


def _original(meta: Meta, path: Path) -> tuple[Element | None, Element | None]:
    """Return the source's XML, with the one image that is written, when it can be built upon."""
    xml, index = meta.source.get("ome_xml"), meta.source.get("ome_image", 0)
    if not isinstance(xml, str) or not isinstance(index, int):
        return None, None
    try:
        root = parse_markup(xml, path, "OME-XML")
    except MLArrayError:
        return None, None
    images = children(root, "Image")
    if root.tag != f"{{{NAMESPACE}}}OME" or index >= len(images) or not children(images[index], "Pixels"):
        return None, None
    _forget_others(root, images, index)
    root.attrib.pop("UUID", None)  # of the file that was read
    return root, images[index]


def _forget_others(root: Element, images: list[Element], index: int) -> None:
    """Take out images that aren't written, and what refers to them."""
    gone = {image.get("ID") for at, image in enumerate(images) if at != index}
    for at, image in enumerate(images):
        if at != index:
            root.remove(image)
    for parent in list(root.iter()):
        for child in list(parent):
            if local(child) == "ImageRef" and child.get("ID") in gone:
                parent.remove(child)


def _attach(root: Element, image: Element, meta: Meta) -> None:
    """Keep OME-XML of an older schema as an annotation, verbatim."""
    xml = meta.source.get("ome_xml")
    if not isinstance(xml, str):
        return
    holder = _annotations(root)
    comment = _under(holder, "CommentAnnotation", {"ID": _free_id(root), "Namespace": _ORIGINAL})
    _under(comment, "Value").text = xml
    _refer(image, comment)


def _put_sizes(pixels: Element, content: OmeContent) -> None:
    plan = content.plan
    outer = list(dict.fromkeys(one.within for one in plan.outer))
    order = [letter for letter in "TZC" if letter not in outer] + outer
    attributes = {
        "DimensionOrder": "XY" + "".join(reversed(order)),
        "Type": PIXEL_TYPES[content.dtype.name],
        "BigEndian": "false",
        "Interleaved": "true" if plan.samples is not None and not plan.planar else "false",
        "SizeX": str(plan.columns),
        "SizeY": str(plan.rows),
        "SizeC": str(plan.size_of("C") * plan.sample_count),
        "SizeZ": str(plan.size_of("Z")),
        "SizeT": str(plan.size_of("T")),
    }
    pixels.attrib.pop("SignificantBits", None)
    pixels.attrib.update(attributes)


def _put_scales(pixels: Element, content: OmeContent, context: Context) -> None:
    for axis in "XYZ":
        pixels.attrib.pop(f"PhysicalSize{axis}", None)
        pixels.attrib.pop(f"PhysicalSize{axis}Unit", None)
        if axis in content.scales:
            step, unit = content.scales[axis]
            spelt = _LENGTHS.get(unit, unit)
            if spelt not in _KNOWN_LENGTHS and unit:
                context.loss(f"the unit {unit!r}", "OME has no such unit of length")
                spelt = _LENGTHS[""]
            pixels.attrib.update({f"PhysicalSize{axis}": repr(float(step)), f"PhysicalSize{axis}Unit": spelt})
    for key in ("TimeIncrement", "TimeIncrementUnit"):
        pixels.attrib.pop(key, None)
    if "T" in content.scales and not content.times:
        unit = _time_unit(content.scales["T"].unit, context)
        pixels.attrib.update(TimeIncrement=repr(float(content.scales["T"].step)), TimeIncrementUnit=unit)


def _time_unit(unit: str, context: Context) -> str:
    spelt = _TIMES.get(unit, unit)
    if spelt not in _KNOWN_TIMES:
        context.loss(f"the unit {unit!r}", "OME has no such unit of time")
        return "s"
    return spelt


def _put_channels(pixels: Element, content: OmeContent, context: Context) -> None:
    """Make as many channels as there are, keeping the source's where it has that many."""
    count, samples = content.plan.size_of("C"), str(content.plan.sample_count)
    old = children(pixels, "Channel")
    if len(old) != count:
        for channel in old:
            pixels.remove(channel)
        old = [_element("Channel", {"ID": f"Channel:0:{at}"}) for at in range(count)]
        for at, channel in enumerate(old):
            pixels.insert(at, channel)
        _describe_channels(old, content.channels, context)
    for channel in old:
        channel.set("SamplesPerPixel", samples)
    if len(content.channels) == count:
        for channel, said in zip(old, content.channels, strict=True):
            if said.name:
                channel.set("Name", said.name)
            else:
                channel.attrib.pop("Name", None)


def _describe_channels(elements: list[Element], channels: Sequence[Channel], context: Context) -> None:
    """Put what a source says about its channels into new elements, and name what they have no place for."""
    lost: set[str] = set()
    for element, said in zip(elements, channels, strict=False):
        known = {key: str(value) for key, value in said.items() if key in _CHANNEL_ATTRIBUTES}
        held = {*known, "name", "label"}
        if colour := _COLOUR.fullmatch(said.color or ""):
            known.setdefault("Color", _signed(colour[1], colour[2] or "ff"))
            held.add("color")
        element.attrib.update(known)
        lost |= said.keys() - held
    if lost:
        context.loss(f"of channels: {', '.join(sorted(lost))}", "OME-XML has no place for it")


def _signed(colour: str, opacity: str) -> str:
    """Return a colour as OME spells it: red, green, blue and opacity as one signed number of 32 bits."""
    return str(int.from_bytes(bytes.fromhex(colour + opacity), "big", signed=True))


def _put_planes(pixels: Element, content: OmeContent, context: Context) -> None:
    """Say that planes lie in this file in order; keep what is said about each only while it fits."""
    plan = content.plan
    for child in list(pixels):
        if local(child) in ("BinData", "TiffData", "MetadataOnly"):
            pixels.remove(child)
    old = children(pixels, "Plane")
    sizes = {axis: plan.size_of(axis) for axis in "ZCT"}
    fits = all(int(plane.get(f"The{axis}", 0)) < sizes[axis] for plane in old for axis in "ZCT")
    for plane in old:
        if not fits or content.times:
            pixels.remove(plane)
    data = _element("TiffData", {"IFD": "0", "PlaneCount": str(plan.pages)})
    pixels.insert(len(children(pixels, "Channel")), data)
    if content.times:
        unit = _time_unit(content.scales["T"].unit, context)
        for at, value in enumerate(content.times):
            where = {"TheZ": "0", "TheC": "0", "TheT": str(at)}
            _under(pixels, "Plane", {**where, "DeltaT": repr(float(value)), "DeltaTUnit": unit})


def _put_modulo(root: Element, image: Element, plan: Plan) -> None:
    """Describe axes that OME hasn't, as its "6D, 7D and 8D storage" says, in place of the source's."""
    _forget_modulo(root)
    extra = [one for one in plan.outer if not one.native]
    if not extra:
        return
    annotation = _under(_annotations(root), "XMLAnnotation", {"ID": _free_id(root), "Namespace": _MODULO})
    modulo = ElementTree.SubElement(_under(annotation, "Value"), "Modulo", {"namespace": _MODULO_SCHEMA})
    for one in extra:
        ElementTree.SubElement(
            modulo,
            f"ModuloAlong{one.within}",
            {"Type": NAMES.get(one.letter, "other"), "Start": "0", "Step": "1", "End": str(one.size - 1)},
        )
    _refer(image, annotation)


def _forget_modulo(root: Element) -> None:
    gone = set()
    for holder in children(root, "StructuredAnnotations"):
        for annotation in list(holder):
            if annotation.get("Namespace", "").endswith("modulo"):
                gone.add(annotation.get("ID"))
                holder.remove(annotation)
        if not len(holder):
            root.remove(holder)
    for parent in list(root.iter()):
        for child in list(parent):
            if local(child) == "AnnotationRef" and child.get("ID") in gone:
                parent.remove(child)


def _annotations(root: Element) -> Element:
    """Return where annotations stand: after the images, before regions of interest."""
    found = children(root, "StructuredAnnotations")
    if found:
        return found[0]
    holder = _element("StructuredAnnotations")
    at = max(index for index, child in enumerate(root) if local(child) == "Image") + 1
    root.insert(at, holder)
    return holder


def _free_id(root: Element) -> str:
    taken = {element.get("ID") for element in root.iter()}
    number = 0
    while f"Annotation:{number}" in taken:
        number += 1
    return f"Annotation:{number}"


def _refer(image: Element, annotation: Element) -> None:
    """Point to an annotation, before all others: tifffile heeds the first."""
    at = max(index for index, child in enumerate(image) if local(child) in ("Pixels", *_AFTER_PIXELS)) + 1
    image.insert(at, _element("AnnotationRef", {"ID": annotation.get("ID", "")}))
