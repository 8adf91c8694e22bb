"""The other files of a set: of OME-TIFF, as the OME-XML of one of them names them, or of Micro-Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tifffile import TiffFile

from mlarray_tiff.markup import parse_markup
from mlarray_tiff.ome.read import FIELD, check_ome, companion_of
from mlarray_tiff.open_file import companion_xml, understood
from mlarray_tiff.read import micromanager
from mlarray_tiff.scan import scan
from mlarray_tiff.signature import is_companion, recognise

if TYPE_CHECKING:
    from pathlib import Path


def members_of(path: Path) -> list[Path]:
    """Return the files that hold parts of the same images, with the companion that has the XML.

    Raises
    ------
    MLArrayError
        The file or its XML is damaged, or a file that it names is missing.
    """
    with path.open("rb") as file:
        start = file.read(65536)
    if is_companion(start):
        xml = companion_xml(path)
    elif recognise(start) is None:
        return []
    else:
        scan(path)
        with understood(path), TiffFile(path) as tiff:
            if micromanager.is_stack(tiff):
                return micromanager.files_of(tiff, path.parent)
            xml = tiff.ome_metadata or "" if tiff.is_ome else ""
    if not xml:
        return []
    root = parse_markup(xml, path, FIELD)
    companion = companion_of(root, path)
    if companion is None:
        return check_ome(root, path)
    return [companion, *check_ome(parse_markup(companion_xml(companion), companion, FIELD), companion)]
