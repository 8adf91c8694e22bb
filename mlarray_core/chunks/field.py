"""One number in a header of known layout."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Field(NamedTuple):
    """Where a value stands in a header, and how it is packed.

    Attributes
    ----------
    at
        Its first byte.
    form
        As `struct` takes it.
    marker
        The byte before it, where MessagePack says what follows.
    """

    at: int
    form: str
    marker: int | None = None

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.at + struct.calcsize(self.form)

    def of(self, header: Any) -> Any:
        """Return the value that a header holds, in whatever kind of buffer."""
        return struct.unpack_from(self.form, header, self.at)[0]

    def put(self, header: bytearray, value: float | bytes) -> None:
        """Write a value into a header."""
        struct.pack_into(self.form, header, self.at, value)


def all_of(*fields: Field) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values of some fields, in their order in the header, out of any kind of buffer.

    Parameters
    ----------
    fields
        Big-endian, as all of a frame's header are.
    """
    form, at = ">", 0
    for field in fields:
        form += f"{field.at - at}x{field.form[1:]}"
        at = field.end
    return struct.Struct(form).unpack_from
