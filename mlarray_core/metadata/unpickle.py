"""A reader for the pickles in `.mla` files that executes nothing.

Python's own unpickler calls whatever a pickle names. This one knows the instructions that plain values need
and a short list of names (`pickle_names`), which it rebuilds as plain values itself; nothing is imported or
called. Everything else is an error that says what was asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from mlarray_core.errors import CorruptError, LimitError, UnsafeError
from mlarray_core.metadata import plain_pickle
from mlarray_core.metadata.pickle_names import HINT, Dtype, Name, lookup

MAX_DEPTH = 256
"""How deeply values may be nested."""
MAX_STEPS = 2_000_000
"""How many instructions a pickle may have."""
MAX_ITEMS = 1_000_000
"""How many values it may hold, counting one that is referred to twice twice."""
MAX_TEXT = 64 << 20
"""Bytes of text and of long integers that it may hold, counted like that: twice what a file may store."""
_SHORT = 64
"""Texts of so many bytes may be shared freely: as many as values may be are no more than MAX_TEXT."""
_MAX_KEY = (1 << 61) - 1
"""From here on integers may share a hash (CPython's modulus), and a dict of them takes quadratic time."""

# Pickle's writer hands over items in batches of 1000; containers that wait for their content add little.
_MAX_STACK = 4096

_LEAVES = frozenset({type(None), bool, int, float, str})


class _Tuple(list[object]):
    """A tuple of the pickle. Knows how deep tuples nest in it: only they are made from the inside out."""

    depth = 1


def loads(data: bytes) -> object:
    """Return the value that a pickle holds, made of None, bool, int, float, str, list and dict only.

    Parameters
    ----------
    data
        The pickle, of any protocol that writes binary instructions.

    Raises
    ------
    UnsafeError
        If it asks for a name that isn't on the list, or holds what isn't plain.
    CorruptError
        If it is no whole pickle.
    LimitError
        If it is nested too deeply or holds too much.
    """
    value = plain_pickle.read(data)
    if value is not plain_pickle.OTHER:
        return value
    machine = _Unpickler(data)
    value = machine.run()
    return (_TextCounter() if machine.shares else _Copier()).copy(value, 0)


def plain(value: object) -> object:
    """Return a copy of a decoded value in which nothing is shared, within the limits.

    Raises
    ------
    UnsafeError
        If it holds something that isn't plain.
    LimitError
        If it is nested too deeply or holds too much.
    """
    return _Copier().copy(value, 0)


class _Copier:
    """Copies values in which no text is shared: they hold no more of it than the file."""

    def __init__(self) -> None:
        self.items = 0

    def count(self, items: int) -> None:
        self.items += items
        if self.items > MAX_ITEMS:
            raise LimitError(f"the metadata holds more than {MAX_ITEMS:,} values")

    def copy(self, value: object, depth: int) -> object:
        if type(value) in _LEAVES:
            return value
        if depth > MAX_DEPTH:
            raise LimitError(f"the metadata is nested more than {MAX_DEPTH} deep")
        if isinstance(value, dict):
            self.count(2 * len(value))
            return {
                _key(key): item if type(item) in _LEAVES else self.copy(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            self.count(len(value))
            return [item if type(item) in _LEAVES else self.copy(item, depth + 1) for item in value]
        if isinstance(value, Dtype):
            return value.order + value.code
        name = value.full if isinstance(value, Name) else type(value).__name__
        raise UnsafeError(f"the metadata holds {name}, which is no plain value")


class _TextCounter(_Copier):
    """Copies values in which text may be shared, and counts it as often as it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.text = 0

    def copy(self, value: object, depth: int) -> object:
        if isinstance(value, (dict, list, tuple)):
            self._count_text(value)
            if isinstance(value, dict):
                self._count_text(value.values())
        return super().copy(value, depth)

    def _count_text(self, values: Iterable[object]) -> None:
        for value in values:
            if type(value) is str:
                self.text += len(value)
            elif type(value) is int and abs(value) > _MAX_KEY:
                self.text += value.bit_length() // 8
        if self.text > MAX_TEXT:
            raise LimitError(f"the metadata holds more than {MAX_TEXT:,} bytes of text")


def _key(key: object) -> object:
    if type(key) is int and abs(key) >= _MAX_KEY:
        raise LimitError("the metadata holds a dict with an integer key of more than 60 bits")
    if key is None or isinstance(key, (str, int, float)):
        return key
    raise UnsafeError(f"the metadata holds a dict with a key of type {type(key).__name__}")


class _Unpickler:
    """A pickle machine: a stack, stacks set aside by marks, and a memo of values."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.copied = 0
        self.shares = False

    def run(self) -> object:
        data, steps, refuse = self.data, _STEPS, _Unpickler.refuse
        try:
            for _ in range(MAX_STEPS):
                code = data[self.at]
                self.at += 1
                if code == 0x2E:  # STOP
                    return self.stack[-1]
                steps.get(code, refuse)(self)
                if len(self.stack) > _MAX_STACK:
                    raise LimitError("the metadata is nested too deeply")
        except (IndexError, KeyError, struct.error, ValueError) as error:
            raise CorruptError(f"the metadata is damaged at byte {self.at}") from error
        raise LimitError(f"the metadata has more than {MAX_STEPS:,} instructions")

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            left = len(self.data) - self.at
            raise CorruptError(f"the metadata claims {count:,} bytes where {left:,} are left")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, code: str) -> Any:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        text = self.take(end - self.at).decode("utf-8")
        self.at += 1
        return text

    def refuse(self) -> None:
        code = self.data[self.at - 1]
        if code in _FOREIGN:
            raise UnsafeError(f"the metadata asks for {_FOREIGN[code]}", hint=HINT)
        raise CorruptError(f"the metadata is damaged at byte {self.at - 1}: 0x{code:02x} is no instruction")

    def skip(self, count: int) -> None:
        self.take(count)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def text(self, size: int) -> None:
        self.stack.append(self.take(size).decode("utf-8", "surrogatepass"))

    def integer(self, size: int) -> None:
        self.stack.append(int.from_bytes(self.take(size), "little", signed=size == 4))

    def byte(self) -> None:
        self.stack.append(self.data[self.at])
        self.at += 1

    def mark(self) -> None:
        if len(self.marks) > 2 * MAX_DEPTH:
            raise LimitError(f"the metadata is nested more than {MAX_DEPTH} deep")
        self.marks.append(self.stack)
        self.stack = []

    def unmark(self) -> list[object]:
        content = self.stack
        self.stack = self.marks.pop()
        return content

    def memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def recall(self, index: int) -> None:
        value = self.memo[index]
        if type(value) is not str or len(value) > _SHORT:
            self.shares = True
        self.stack.append(value)

    def tuple(self, content: list[object]) -> None:
        made = _Tuple(content)
        made.depth = 1 + max((item.depth for item in content if type(item) is _Tuple), default=0)
        if made.depth > MAX_DEPTH:
            raise LimitError(f"the metadata is nested more than {MAX_DEPTH} deep")
        self.stack.append(made)

    def short_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        content = self.stack[-count:]
        del self.stack[-count:]
        self.tuple(content)

    def append(self, content: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise CorruptError("the metadata appends to something that is no list")
        target.extend(content)

    def set_items(self, content: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(content) % 2:
            raise CorruptError("the metadata sets items of something that is no dict")
        for key, value in zip(content[::2], content[1::2], strict=True):
            target[_key(key)] = value

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def long(self, size: int) -> None:
        if size > 1024:
            raise LimitError(f"the metadata holds an integer of {size:,} bytes")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(lookup(module, name))

    def instance(self) -> None:
        lookup(self.line(), self.line())
        raise CorruptError("the metadata makes an instance of a builtin type")

    def reduce(self) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        if type(maker) is not Name or maker.rule is None or type(arguments) is not _Tuple:
            shown = maker.full if type(maker) is Name else type(maker).__name__
            raise UnsafeError(f"the metadata asks to call {shown}", hint=HINT)
        self.copied += sum(len(argument) for argument in arguments if isinstance(argument, (list, dict)))
        if self.copied > MAX_ITEMS:
            raise LimitError(f"the metadata holds more than {MAX_ITEMS:,} values")
        self.stack.append(maker.rule(arguments))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is not Dtype:
            raise UnsafeError("the metadata asks to change the state of an object", hint=HINT)
        order = state[1] if isinstance(state, list) else None
        if order not in ("<", ">", "|", "="):
            raise CorruptError("the metadata holds a damaged NumPy type")
        target.order = order if order in "<>" else "<"


_FOREIGN = {
    ord("P"): "an object outside the file",
    ord("Q"): "an object outside the file",
    ord("o"): "an instance of a class",
    0x82: "a registered class",
    0x83: "a registered class",
    0x84: "a registered class",
    0x92: "an instance of a class",
    0x97: "a buffer outside the file",
    0x98: "a buffer outside the file",
}

_Step = Callable[[_Unpickler], None]

# The instructions, by Lib/pickletools.py of CPython.
_STEPS: dict[int, _Step] = {
    0x80: lambda u: u.skip(1),  # PROTO
    0x95: lambda u: u.skip(8),  # FRAME
    ord("N"): lambda u: u.push(None),
    0x88: lambda u: u.push(True),
    0x89: lambda u: u.push(False),
    ord("K"): _Unpickler.byte,  # BININT1
    ord("M"): lambda u: u.integer(2),  # BININT2
    ord("J"): lambda u: u.integer(4),  # BININT
    0x8A: lambda u: u.long(u.number("B")),  # LONG1
    0x8B: lambda u: u.long(u.number("i")),  # LONG4
    ord("G"): lambda u: u.push(struct.unpack(">d", u.take(8))[0]),  # BINFLOAT
    0x8C: lambda u: u.text(u.number("B")),  # SHORT_BINUNICODE
    ord("X"): lambda u: u.text(u.number("I")),  # BINUNICODE
    0x8D: lambda u: u.text(u.number("Q")),  # BINUNICODE8
    ord("C"): lambda u: u.push(u.take(u.number("B"))),  # SHORT_BINBYTES
    ord("B"): lambda u: u.push(u.take(u.number("I"))),  # BINBYTES
    0x8E: lambda u: u.push(u.take(u.number("Q"))),  # BINBYTES8
    ord("("): _Unpickler.mark,
    ord("]"): lambda u: u.push([]),
    ord("a"): lambda u: u.append([u.stack.pop()]),
    ord("e"): lambda u: u.append(u.unmark()),
    ord("}"): lambda u: u.push({}),
    ord("s"): _Unpickler.set_item,
    ord("u"): lambda u: u.set_items(u.unmark()),
    ord(")"): lambda u: u.tuple([]),
    0x85: lambda u: u.short_tuple(1),
    0x86: lambda u: u.short_tuple(2),
    0x87: lambda u: u.short_tuple(3),
    ord("t"): lambda u: u.tuple(u.unmark()),
    0x94: _Unpickler.memoize,
    ord("q"): lambda u: u.remember(u.number("B")),  # BINPUT
    ord("r"): lambda u: u.remember(u.number("I")),  # LONG_BINPUT
    ord("h"): lambda u: u.recall(u.number("B")),  # BINGET
    ord("j"): lambda u: u.recall(u.number("I")),  # LONG_BINGET
    0x93: _Unpickler.stack_global,
    ord("c"): lambda u: u.push(lookup(u.line(), u.line())),  # GLOBAL
    ord("i"): _Unpickler.instance,  # INST
    ord("R"): _Unpickler.reduce,
    0x81: _Unpickler.reduce,  # NEWOBJ
    ord("b"): _Unpickler.build,
}
