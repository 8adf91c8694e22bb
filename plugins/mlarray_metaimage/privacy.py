"""What a MetaImage header says about a person: every field that its voxels don't need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.headers import plain, restore
from mlarray_metaimage.header import LAST, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = frozenset({
    "ObjectType", "ObjectSubType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB",
    "CompressedData", "CompressedDataSize", "CompressionLevel", "TransformMatrix", "Rotation", "Orientation",
    "Offset", "Origin", "Position", "CenterOfRotation", "AnatomicalOrientation", "ElementSpacing",
    "ElementSize", "DimSize", "HeaderSize", "Modality", "SequenceID", "ElementMin", "ElementMax",
    "ElementNumberOfChannels", "ElementType", "DistanceUnits", "Color",
    "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset",
})  # fmt: skip
"""Fields of MetaIO that place voxels and say what they are (ITK, MetaIO: metaImage)."""
_HERE = "LOCAL"
"""Stands for the names of data files, which are called after a source."""


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header with the fields that its voxels need."""
    fields = {name: value for name, value in source.get("fields", {}).items() if name in _FIELDS}
    lines = [str(restore(text)) for text in source.get("lines", ())]
    kept = [line for line in lines if key_of(line) in _FIELDS]
    return {
        "fields": {**fields, LAST: _HERE},
        "lines": [plain(line) for line in (*kept, f"{LAST} = {_HERE}")],
    }
