"""XML read without following anything that it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from mlarray_core.errors import CorruptError, LimitError, UnsafeError

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 256 << 20
DEEPEST = 200


def check_markup(text: str, path: Path, field: str) -> None:
    """Refuse XML that defines entities or types of its own: none of TIFF's does, attacks do.

    Parameters
    ----------
    text
        The XML.
    path
        The file, for errors.
    field
        Where it stands, for errors.

    Raises
    ------
    UnsafeError
        It has a document type or entities.
    LimitError
        It is absurdly long.
    """
    if len(text) > LONGEST:
        raise LimitError(f"holds {len(text):,} characters of XML", path=path, field=field)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnsafeError("the XML defines entities, which is how XML attacks work", path=path, field=field)


def parse_markup(text: str, path: Path, field: str) -> ElementTree.Element:
    """Return the root element.

    Parameters
    ----------
    text
        The XML.
    path
        The file, for errors.
    field
        Where it stands, for errors.

    Raises
    ------
    CorruptError
        It is no XML, or nested too deeply.
    """
    check_markup(text, path, field)
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    root: ElementTree.Element | None = None
    depth = 0
    try:
        for start in range(0, len(text), 1 << 16):
            parser.feed(text[start : start + (1 << 16)])
            for event, element in parser.read_events():
                root = element if root is None else root
                depth += 1 if event == "start" else -1
                if depth > DEEPEST:
                    raise CorruptError("the XML is nested too deeply", path=path, field=field)
        parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise CorruptError(f"the XML is damaged ({error})", path=path, field=field) from error
    if root is None:
        raise CorruptError("the XML is empty", path=path, field=field)
    return root


def local(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Return the children called `name`, in whatever namespace (there is one for each version of OME)."""
    return [child for child in element if local(child) == name]
