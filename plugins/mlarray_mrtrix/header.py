"""The header of an MRtrix image: lines of ``key: value`` up to ``END``; a key may come several times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, MetadataError
from mlarray_core.headers import plain, restore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_io.sdk import Bytes

LARGEST = 16 << 20
"""Bytes of a header."""
FIRST = "mrtrix image"
LAST = "END"
DATA = ".dat"
"""Suffix of the data of a ``.mih``."""
FILE = "file"
OWN_KEYS = ("dim", "vox", "layout", "datatype", "scaling", "transform")
"""Those that the format gives a meaning, in the order in which MRtrix writes them; in any case."""
GRADIENTS = "dw_scheme"
AXES, UNITS = "mlarray_axes", "mlarray_units"
"""Keys of our own for what MRtrix has no place for; it keeps them like all that it doesn't know."""
NEEDED = frozenset({*OWN_KEYS, GRADIENTS, AXES, UNITS})
"""What an image is whole with: nothing that may name somebody."""

_PIECE = 1 << 16


@dataclass
class MrtrixHeader:
    """A header.

    Parameters
    ----------
    fields
        All lines of each key, in their order.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)

    def lines(self, name: str) -> list[str]:
        """Return the lines of one of the format's own keys, in whatever case it is written."""
        return [line for key, lines in self.fields.items() if key.lower() == name for line in lines]

    def last(self, name: str, path: Path) -> str:
        """Return the last line of one of the format's own keys.

        Raises
        ------
        CorruptError
            There is none.
        """
        found = self.lines(name)
        if not found:
            raise CorruptError("is missing", path=path, field=name)
        return found[-1]

    def numbers(self, name: str, text: str, path: Path) -> list[float]:
        """Return the numbers of a line.

        Parameters
        ----------
        name
            The key, for errors.
        text
            The line.
        path
            The file, for errors.

        Raises
        ------
        CorruptError
            It holds something else.
        """
        try:
            return [float(word) for word in text.replace(",", " ").split()]
        except ValueError:
            raise CorruptError(f"expected numbers, got {text[:60]!r}", path=path, field=name) from None

    @property
    def source(self) -> dict[str, Any]:
        """As `meta.source` holds it: a text for each key, or a list where it comes several times."""
        return {key: plain(lines if len(lines) > 1 else lines[0]) for key, lines in self.fields.items()}


def read_header(file: Bytes) -> MrtrixHeader:
    """Return the header of an open file. That of a ``.mih`` may go on to the end of the file.

    Parameters
    ----------
    file
        The file, decompressed.

    Raises
    ------
    CorruptError
        It isn't a header.
    LimitError
        It is larger than any that is meant.
    """
    block = b""
    while (end := _end(block)) < 0:
        piece = file.read(len(block), _PIECE)
        if not piece:
            end = len(block)
            break
        block += piece
        if len(block) > LARGEST:
            raise LimitError(f"its header is over {LARGEST:,} bytes long", path=file.path)
    return _parsed(block[:end].decode("utf-8", "surrogateescape"), file.path)


def _end(block: bytes) -> int:
    """Return where the line ``END`` ends, -1 where there is none yet."""
    for mark in (b"\nEND\n", b"\nEND\r\n"):
        if (at := block.find(mark)) >= 0:
            return at + len(mark)
    return -1


def _parsed(text: str, path: Path) -> MrtrixHeader:
    first, *lines = text.split("\n")
    if first.strip() != FIRST:
        raise CorruptError(f"doesn't begin with {FIRST!r}", path=path)
    header = MrtrixHeader()
    for line in lines:
        stripped = line.partition("#")[0].strip()
        if stripped == LAST:
            break
        key, _, value = (part.strip() for part in stripped.partition(":"))
        if key and value:  # MRtrix passes over all other lines
            header.fields.setdefault(key, []).append(_text(value))
    return header


def _text(value: str) -> str:
    """Return a text that is no UTF-8 as Latin-1 has it."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1") if _is_torn(value) else value


def _is_torn(value: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in value)


def from_source(source: Mapping[str, Any]) -> MrtrixHeader | None:
    """Return the header that `meta.source` holds, None where that is another format's.

    Raises
    ------
    MetadataError
        It was edited into something that no header can hold.
    """
    if not {"dim", "layout", "datatype"} <= {str(key).lower() for key in source}:
        return None
    header = MrtrixHeader()
    for key, value in source.items():
        lines = restore(value)
        lines = lines if isinstance(lines, list) else [lines]
        header.fields[_plain_line(str(key))] = [_plain_line(str(line)) for line in lines]
    return header


def _plain_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise MetadataError(f"a line end in {text[:60]!r} would make it two lines", field="source")
    return text
