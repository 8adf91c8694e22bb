"""One DICOM file: its header, and where its pixel data lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from mlarray_core.errors import CorruptError, MLArrayError, ReadError, UnsupportedError
from mlarray_dicom.elements import items_of, text_of, texts_of, value_of
from mlarray_dicom.header.tags import DOUBLE_PIXELS, FLOAT_PIXELS, PIXEL_DATA, wanted
from mlarray_dicom.parsing import PARSING, quiet
from mlarray_dicom.plain_header import read_plain
from mlarray_dicom.private_names import elements
from mlarray_dicom.signature import HEAD, MAGIC, PREAMBLE, recognise
from mlarray_dicom.syntaxes import BIG, DEFLATED, EXPLICIT, IMPLICIT, NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset, FileDataset

    from mlarray_dicom.pixels.layout import PixelLayout

UNDEFINED = 0xFFFFFFFF
"""A length that isn't said (PS3.5, 7.1.1)."""
_PIXELS = frozenset({PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS})
LARGEST_HEADER = 64 << 20
"""Bytes of a deflated file that are inflated in search of its pixel data."""


@dataclass(frozen=True)
class PixelData:
    """Where the value of a pixel data element lies.

    Parameters
    ----------
    tag
        Pixel Data, Float Pixel Data or Double Float Pixel Data.
    vr
        OB or OW, empty where the transfer syntax has implicit VRs.
    at, length
        Place in the file (of a deflated one: in the inflated stream); length, None when it is in fragments.
    """

    tag: int
    vr: str
    at: int
    length: int | None


@dataclass
class Instance:
    """One file that holds an image.

    Parameters
    ----------
    path
        Of the file.
    dataset
        Its header, or, after `shrink`, the part of it that `tags.wanted` names.
    syntax
        UID of its transfer syntax.
    pixels
        Where its pixels are; None when it has none.
    size
        Length of the file.
    whole
        Whether `dataset` is the whole header.
    layout
        How its pixels are stored, once it is known.
    """

    path: Path
    dataset: FileDataset
    syntax: str
    pixels: PixelData | None
    size: int = 0
    whole: bool = True
    layout: PixelLayout | None = None

    def get(self, keyword: str) -> object:
        """Return the value of an attribute; None when it is absent, empty or unreadable."""
        return value_of(self.dataset, keyword)

    def text(self, keyword: str) -> str:
        """Return an attribute as text, empty when it is absent."""
        return text_of(self.dataset, keyword)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the texts of an attribute, none when it is absent."""
        return texts_of(self.dataset, keyword)

    def items(self, keyword: str) -> Sequence[Dataset]:
        """Return the items of a sequence, none when it is absent."""
        return items_of(self.dataset, keyword)

    def shrink(self) -> None:
        """Forget what grouping and placing don't need; `read_instance` reads it again."""
        keep = _wanted()
        held = elements(self.dataset)
        for tag in [tag for tag in held if tag not in keep]:
            del held[tag]
        self.whole = False

    @property
    def header_size(self) -> int:
        """Bytes before the pixels."""
        return self.pixels.at if self.pixels is not None else self.size

    @cached_property
    def count(self) -> int:
        """Number of frames.

        Raises
        ------
        CorruptError
            It is no number, or below one.
        """
        value = self.get("NumberOfFrames")
        try:
            number = 1 if value is None else int(str(value))
        except ValueError:
            number = 0
        if number < 1:
            raise CorruptError(f"has {value!s} frames", path=self.path, field="NumberOfFrames")
        return number


@cache
def _wanted() -> frozenset[int]:
    return frozenset(wanted())


def read_instance(path: Path) -> Instance:
    """Read the header of a file, and find its pixel data.

    Raises
    ------
    UnsupportedError
        It isn't DICOM.
    CorruptError
        It is damaged.
    ReadError
        The operating system refuses to read it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            if not recognise(head):
                raise UnsupportedError("is not DICOM", path=path)
            size = file.seek(0, 2)
            file.seek(len(head))
            return _parse(path, file, head, size)
    except OSError as error:
        if error.errno is None:
            raise _damaged(path, error) from error
        raise ReadError(f"can't be read: {error.strerror or error}", path=path) from error


def _parse(path: Path, file: BinaryIO, head: bytes, size: int) -> Instance:
    from pydicom.filereader import read_partial

    with quiet():
        plain = read_plain(path, file, head, size)
    if plain is not None and value_of(plain.dataset, "SOPClassUID"):
        pixels = _located(plain.dataset, plain.end, plain.next)
        return Instance(path, plain.dataset, _syntax(plain.dataset), pixels, size)
    file.seek(0)
    deflated = DEFLATED.encode() in head
    stream = BytesIO(inflate(path, LARGEST_HEADER, whole=False)) if deflated else file
    # pydicom would inflate without a limit: to it, what is inflated already is a plain file
    try:
        with quiet():
            dataset = read_partial(stream, lambda tag, vr, length: tag in _PIXELS, force=True)
            _resolve(dataset)
    except MLArrayError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, error) from error
    except PARSING as error:
        raise _damaged(path, error) from error
    syntax = DEFLATED if deflated else _syntax(dataset)
    at = stream.tell()
    pixels = _located(dataset, at, stream.read(12))
    return Instance(path, dataset, syntax, pixels, size)


def _resolve(dataset: FileDataset) -> None:
    """Demand the class of the object, without which nothing is known about it."""
    from pydicom.uid import MediaStorageDirectoryStorage

    meta = getattr(dataset, "file_meta", None)
    kind = value_of(dataset, "SOPClassUID") or (meta and value_of(meta, "MediaStorageSOPClassUID"))
    if not kind:
        raise ValueError("there is no SOP Class UID")
    if "SOPClassUID" not in dataset or not value_of(dataset, "SOPClassUID"):
        dataset.SOPClassUID = MediaStorageDirectoryStorage if "DirectoryRecordSequence" in dataset else kind


def _syntax(dataset: FileDataset) -> str:
    """Return the transfer syntax; without file meta information, the one that pydicom found out."""
    meta = getattr(dataset, "file_meta", None)
    named = text_of(meta, "TransferSyntaxUID") if meta else ""
    if named and named not in NATIVE:
        return named
    implicit, little = dataset.original_encoding
    if not little:
        return BIG
    return IMPLICIT if implicit else EXPLICIT


def _located(dataset: FileDataset, at: int, head: bytes) -> PixelData | None:
    """Return the pixel data element that begins at a place with these bytes; None when it is another one."""
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    if len(head) < 8:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    tag = group << 16 | element
    if tag not in _PIXELS:
        return None
    if implicit or not head[4:6].isalpha():  # some writers mix both kinds
        vr, length = "", struct.unpack(f"{order}I", head[4:8])[0]
        return PixelData(tag, vr, at + 8, None if length == UNDEFINED else length)
    if len(head) < 12:
        return None
    vr, length = head[4:6].decode("latin-1"), struct.unpack(f"{order}I", head[8:12])[0]
    return PixelData(tag, vr, at + 12, None if length == UNDEFINED else length)


def inflate(path: Path, limit: int, *, whole: bool = True) -> bytes:
    """Return the first `limit` bytes of a deflated file as if it had not been deflated (PS3.5, A.5).

    Parameters
    ----------
    path
        Of the file.
    limit
        Bytes that are wanted, so that a small file can't fill the memory.
    whole
        Whether fewer bytes are an error.

    Raises
    ------
    CorruptError
        The deflated stream is damaged, or, when the whole is wanted, ends before `limit` bytes.
    """
    content = path.read_bytes()
    start = _end_of_meta(content)
    meta = content[:start].replace(DEFLATED.encode(), EXPLICIT.encode() + b"\0\0\0")
    try:
        body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:], max(limit - start, 1))
    except zlib.error as error:
        raise _damaged(path, error) from error
    if whole and start + len(body) < limit:
        raise CorruptError("its deflated content ends too early", path=path)
    return meta + body


def _end_of_meta(content: bytes) -> int:
    """Return where the file meta information ends, which is always explicit little endian (PS3.10, 7.1)."""
    at = PREAMBLE + len(MAGIC) if content[PREAMBLE : PREAMBLE + 4] == MAGIC else 0
    while content[at : at + 2] == b"\x02\x00" and at + 12 <= len(content):
        long = content[at + 4 : at + 6] in (b"OB", b"OW", b"UN", b"SQ", b"UT")
        length = (
            struct.unpack_from("<I", content, at + 8)[0]
            if long
            else struct.unpack_from("<H", content, at + 6)[0]
        )
        at += (12 if long else 8) + length
    return min(at, len(content))


def _damaged(path: Path, error: Exception) -> CorruptError:
    brief = " ".join(str(error).split())[:160]
    return CorruptError(
        f"the file is damaged or cut short ({type(error).__name__}: {brief})",
        path=path,
        hint="Fetch or export it again",
    )
