"""The JSON schema of the metadata, made from the classes: `python -m conformance.schema` writes it anew."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from mlarray_core.meta import BaseMeta, Meta, SingleKeyBaseMeta
from mlarray_core.metadata.generations import _SECTIONS as SECTIONS

PATH = Path(__file__).with_name("meta.schema.json")
_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object"}
_NARROWER = {
    "spacing": {"items": {"type": "number", "exclusiveMinimum": 0}},
    "shape": {"items": {"type": "integer", "minimum": 0}},
}
"""What the checks of a field demand beyond its type."""
_PARTS = ("spacing", "origin", "direction")


def schema() -> dict[str, Any]:
    """Return the schema of `Meta.to_mapping`, in the JSON Schema language of 2020-12."""
    sections = {name: _section(kind) for name, kind in SECTIONS.items()}
    # an affine, or the three parts of one, never both (docs/schema.md)
    sections["spatial"]["not"] = {**_set("affine"), "anyOf": [_set(name) for name in _PARTS]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Metadata of a .mla file",
        "description": "Unset fields are left out or null; NaN and infinities are allowed.",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
    }


def _set(name: str) -> dict[str, Any]:
    """Return the schema of a dict that has a field which isn't null."""
    return {"required": [name], "properties": {name: {"type": "array"}}}


def _section(kind: type[BaseMeta]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, localns={"JsonDict": dict})
    said = descriptions(kind)
    fields = {
        field.name: {
            **_type(hints[field.name], _NARROWER.get(field.name, {})),
            **({"description": said[field.name]} if field.name in said else {}),
        }
        for field in dataclasses.fields(kind)
    }
    whole: dict[str, Any] = {"type": "object", "properties": fields, "additionalProperties": False}
    title = (kind.__doc__ or "").split("\n")[0]
    if issubclass(kind, SingleKeyBaseMeta) and not set(fields) & {"data"}:
        # some generations store the bare value
        (bare,) = fields.values()
        return {
            "title": title,
            "anyOf": [whole, {key: value for key, value in bare.items() if key != "description"}],
        }
    return {"title": title, **whole}


def _type(hint: Any, narrower: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a Python type: None for unset fields, lists, numbers, text, dicts."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = [{"type": "null"} if one is types.NoneType else _type(one, narrower) for one in arguments]
        names = [kind["type"] for kind in kinds]
        if "number" in names:
            names = [name for name in names if name != "integer"]
        merged = {key: value for kind in kinds for key, value in kind.items()}
        return {**merged, "type": names if len(names) > 1 else names[0]}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], {}), **narrower}
    return {"type": _KINDS[origin or hint]}


def descriptions(kind: type) -> dict[str, str]:
    """Return what the docstring of a class says of each field, or of each member."""
    found: dict[str, str] = {}
    text = re.split(r"(?:Attributes|Parameters)\n    ----------\n", kind.__doc__ or "")[-1]
    for names, said in re.findall(r"^    (\w[\w, ]*)\n((?:        .*\n?|\n)+)", text, re.M):
        for name in names.split(", "):
            found[name] = " ".join(said.split())
    return found


def main() -> None:
    """Write the schema beside this module."""
    PATH.write_text(json.dumps(schema(), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    assert set(SECTIONS) == set(Meta._names())
    main()
