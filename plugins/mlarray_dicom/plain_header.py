"""Headers of the usual kind, taken apart at once: explicit VRs, little endian, every length as it should be.

pydicom's reader asks the file for each element, and makes it anew for each of a series' files, most of whose
elements are the same bytes. Here they are the same objects. What is odd in any way is left to pydicom.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

from mlarray_dicom.header.tags import DOUBLE_PIXELS, FLOAT_PIXELS, PIXEL_DATA
from mlarray_dicom.parsing import PARSING
from mlarray_dicom.signature import MAGIC, PREAMBLE
from mlarray_dicom.syntaxes import BIG, DEFLATED, IMPLICIT

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_dicom.private_names import Element

FIRST, MOST = 16 << 10, 4 << 20
"""Bytes that are read at first, and up to which twice as many are read when a header is longer."""
SHORT, KEPT = 256, 1 << 14
"""Bytes of an element that is kept for the next files, and how many are kept: of some hundred slices."""
UNDEFINED = 0xFFFFFFFF
"""A length that isn't said (PS3.5, 7.1.1)."""
_OTHERS = (IMPLICIT, BIG, DEFLATED)
_PIXELS = frozenset({PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS})
_CHARACTER_SET, _SYNTAX = 0x00080005, 0x00020010
_NO_GROUPS = (0, 0xFFFE)
"""Those of commands, whose VRs are implicit (PS3.7, 6.3.1), and of items (PS3.5, 7.5)."""
_HEAD, _LONG = Struct("<HH2sH").unpack_from, Struct("<I").unpack_from
_VRS = {str(vr).encode(): (str(vr), vr in EXPLICIT_VR_LENGTH_32) for vr in STANDARD_VR}
_SAME: dict[bytes, RawDataElement] = {}
LEAST, LONGEST, RUNS = 4, 1 << 14, 512
"""Elements and bytes of a run of elements that is kept, at least and at most, and how many runs are kept."""
_RUNS: dict[bytes, _Run] = {}
"""Runs of elements that one file after the other has, by the first bytes of them."""


class _Run(NamedTuple):
    """Elements that follow one another, and their bytes."""

    content: bytes
    elements: dict[BaseTag, Element]


class Plain(NamedTuple):
    """A header, where it ends, and the bytes there: those that the element of the pixel data begins with."""

    dataset: FileDataset
    end: int
    next: bytes


class _OddError(Exception):
    """Something that pydicom should look at."""


class _LongerError(Exception):
    """The header goes on behind the bytes that were read."""


def read_plain(path: Path, file: BinaryIO, head: bytes, size: int) -> Plain | None:
    """Return the header of a file; None when it is of another kind, or odd.

    Parameters
    ----------
    path
        Of the file.
    file
        The file, open, of which `head` was read.
    head
        The first bytes of it.
    size
        Length of the file.
    """
    content = head if len(head) >= FIRST else head + file.read(FIRST - len(head))
    while len(content) <= MOST:
        try:
            return _taken_apart(path, content, size)
        except _LongerError:
            if len(content) >= size:
                return None
            content += file.read(len(content))
        except (_OddError, *PARSING):
            return None
    return None


def _taken_apart(path: Path, content: bytes, size: int) -> Plain:
    if content[PREAMBLE : PREAMBLE + 4] != MAGIC:
        raise _OddError
    meta, at = _elements(content, PREAMBLE + 4, size, meta=True)
    syntax = getattr(meta.get(BaseTag(_SYNTAX)), "value", None)
    if not isinstance(syntax, bytes) or syntax.rstrip(b"\0 ").decode("ascii") in _OTHERS:
        raise _OddError
    found, at = _elements(content, at, size)
    spelling = _encodings(found)
    file_meta = FileMetaDataset(meta)
    file_meta.set_original_encoding(False, True, default_encoding)
    whole = FileDataset(str(path), found, content[:PREAMBLE], file_meta, False, True)
    whole.set_original_encoding(False, True, spelling)
    return Plain(whole, at, content[at : at + 12])


def _elements(
    content: bytes, at: int, size: int, *, meta: bool = False
) -> tuple[dict[BaseTag, Element], int]:
    """Return the elements from a place on, up to the pixel data, or those of group 2; and where they end."""
    found: dict[BaseTag, Element] = {}
    run: dict[BaseTag, Element] = {}
    begin = at
    while at < size:
        known = None if meta else _RUNS.get(content[at : at + 8])
        if known is not None and content.startswith(known.content, at):
            _keep(run, content[begin:at])
            found.update(known.elements)
            at += len(known.content)
            run, begin = {}, at
            continue
        if at + 12 > len(content):
            raise _LongerError if len(content) < size else _OddError
        group, number, _, _ = _HEAD(content, at)
        if group << 16 | number in _PIXELS or (meta and group != 2):
            break
        element, end, shared = _element(content, at, size, found)
        found[element.tag] = element
        if shared and not meta and end - begin <= LONGEST:
            run[element.tag] = element
        else:
            _keep(run, content[begin:at])
            run, begin = {}, end
        at = end
    _keep(run, content[begin:at])
    return found, at


def _element(content: bytes, at: int, size: int, found: dict[BaseTag, Element]) -> tuple[Element, int, bool]:
    """Return an element, where it ends, and whether an earlier file had the same."""
    group, number, code, length = _HEAD(content, at)
    vr, is_long = _VRS.get(code, ("", False))
    if not vr or group in _NO_GROUPS:
        raise _OddError
    tag, start = group << 16 | number, at + 8
    if is_long:
        length, start = _LONG(content, start)[0], at + 12
    if length == UNDEFINED:
        return *_sequence(content, BaseTag(tag), vr, start, found), False
    end = start + length
    if end > len(content):
        raise _LongerError if end <= size else _OddError
    whole = content[at:end]
    same = _SAME.get(whole)
    return same or _new(whole, tag, vr, start - at, start), end, same is not None


def _keep(run: dict[BaseTag, Element], content: bytes) -> None:
    """Keep elements that an earlier file had as well, to be found all at once in the next one."""
    if len(run) < LEAST:
        return
    if len(_RUNS) >= RUNS:
        _RUNS.clear()
    _RUNS[content[:8]] = _Run(content, run)


def _new(content: bytes, tag: int, vr: str, start: int, at: int) -> RawDataElement:
    """Return one element, which files that hold the same bytes share; its place is that in the first."""
    value = content[start:] or cast("bytes | None", empty_value_for_VR(vr, raw=True))
    element = RawDataElement(BaseTag(tag), vr, len(content) - start, value, at, False, True)
    if len(content) <= SHORT:
        if len(_SAME) >= KEPT:
            _SAME.clear()
        _SAME[content] = element
    return element


def _sequence(
    content: bytes, tag: BaseTag, vr: str, at: int, found: dict[BaseTag, Element]
) -> tuple[DataElement, int]:
    """Return a sequence of undefined length as pydicom takes it apart, and where it ends."""
    if vr != "SQ":
        raise _OddError
    stream = BytesIO(content)
    stream.seek(at)
    try:
        items = read_sequence(stream, False, True, UNDEFINED, _encodings(found))
    except (OSError, *PARSING) as error:  # most likely, it goes on behind what was read
        raise _LongerError from error
    end = stream.tell()
    if end >= len(content):
        raise _LongerError
    return DataElement(tag, vr, items, at, is_undefined_length=True), end


def _encodings(found: dict[BaseTag, Element]) -> str | list[str]:
    """Return the character sets of a data set, by Python's names."""
    element = found.get(BaseTag(_CHARACTER_SET))
    return default_encoding if element is None else list(_named(cast("RawDataElement", element)))


@lru_cache(maxsize=64)
def _named(element: RawDataElement) -> tuple[str, ...]:
    return tuple(convert_encodings(convert_raw_data_element(element).value))
