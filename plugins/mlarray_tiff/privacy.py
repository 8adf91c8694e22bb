"""What tags and descriptions of a TIFF file say about a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAY = frozenset({
    254, 256, 257, 258, 259, 262, 266, 274, 277, 282, 283, 284, 292, 296, 317, 320, 322, 323, 338, 339, 530,
    532, 33550, 33922, 34264, 34675, 34735, 34736, 34737, 42113,
})  # fmt: skip
"""Tags of layout, resolution, colour and georeference (TIFF 6.0; GeoTIFF 1.1, 7.1)."""
_FORMAT = ("format", "kind", "axes", "shape", "dtype", "levels", "image")
_IMAGEJ = frozenset({
    "ImageJ", "images", "channels", "slices", "frames", "hyperstack", "mode", "unit", "spacing", "finterval",
    "fps", "loop", "min", "max", "vunit", "tunit",
})  # fmt: skip
_NAMED = {
    306: "DateTime", 315: "Artist", 316: "HostComputer", 33432: "Copyright", 34853: "GPSTag",
    42016: "ImageUniqueID", 40092: "XPComment", 40093: "XPAuthor",
}  # fmt: skip
_OME = re.compile(
    r"<(?:\w+:)?(Experimenter|ExperimenterGroup|AcquisitionDate|Project|Dataset|Group|Leader)\b"
)
"""Elements of OME-XML that say who and when."""


def identifying(source: Mapping[str, Any]) -> list[str]:
    """Return the names of tags and of elements of OME-XML that say who, when and where."""
    codes = {kind[0] for kind in source.get("tag_types", {}).values() if kind}
    xml = source.get("ome_xml")
    elements = sorted(set(_OME.findall(xml))) if isinstance(xml, str) else []
    return [name for code, name in _NAMED.items() if code in codes] + [f"OME {name}" for name in elements]


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says how the voxels are stored and where they lie: no descriptions, OME-XML neither."""
    types = source.get("tag_types", {})
    stay = [name for name, kind in types.items() if kind and kind[0] in _STAY]
    clean: dict[str, Any] = {name: source[name] for name in _FORMAT if name in source}
    clean["tags"] = {name: source["tags"][name] for name in stay if name in source.get("tags", {})}
    clean["tag_types"] = {name: types[name] for name in stay}
    imagej = source.get("imagej")
    if isinstance(imagej, dict):
        clean["imagej"] = {name: value for name, value in imagej.items() if name in _IMAGEJ}
    return clean
