"""What the end of a file's name says: which format reads it, which one writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.sdk.format import Format


class Suffixes:
    """The suffixes of some formats, those that are read apart from those that are written.

    Parameters
    ----------
    formats
        Of two that share a suffix, the first is asked for reading and writing.

    Attributes
    ----------
    read
        The format that reads each suffix.
    written
        The format that writes each suffix.
    """

    def __init__(self, formats: Sequence[Format]) -> None:
        self.read: dict[str, Format] = {}
        self.written: dict[str, Format] = {}
        for format in formats:
            for suffix in format.suffixes if format.reads else ():
                self.read.setdefault(suffix, format)
            for suffix in format.written_suffixes:
                self.written.setdefault(suffix, format)

    def names_target(self, name: str) -> bool:
        """Whether a name is that of a file (or of a folder that is one image) that can be written."""
        return self.target(name) is not None

    def target(self, name: str) -> Format | None:
        """Return the format that writes files with this name: that of the longest suffix that fits."""
        longest = _longest(name, self.written)
        return None if longest is None else self.written[longest]

    def source(self, name: str) -> Format | None:
        """Return the format that reads files with this name: that of the longest suffix that fits."""
        longest = _longest(name, self.read)
        return None if longest is None else self.read[longest]


def _longest(name: str, suffixes: dict[str, Format]) -> str | None:
    fitting = [suffix for suffix in suffixes if suffix_length(name, (suffix,))]
    return max(fitting, key=len, default=None)
