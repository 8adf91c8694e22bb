"""Pickles of nothing but plain values, as most files hold them, read with little work: opening a file waits.

Everything else, damaged pickles too, is left to `unpickle`, which gives the same value for what is read here
and says what is wrong with what isn't.
"""

from __future__ import annotations

import struct
from typing import Any

OTHER = object()
"""Returned for pickles that aren't read here."""

_LONGEST = 1 << 16
"""Bytes of a pickle that is read here: what it can hold is then within all limits but that of depth."""
_MOST_CONTAINERS = 256
"""Lists and dicts, so that none can be nested too deeply."""
_FLOAT, _SIZE, _SHORT, _LONG = (struct.Struct(form).unpack_from for form in (">d", "<I", "<H", "<i"))
_TEXTS = frozenset({str})
_CONSTANTS = {0x4E: None, 0x88: True, 0x89: False}


def read(data: bytes) -> object:
    """Return the value that a pickle holds, or `OTHER`.

    Parameters
    ----------
    data
        The pickle.
    """
    if len(data) > _LONGEST:
        return OTHER
    try:
        return _read(data)
    except (IndexError, KeyError, TypeError, ValueError, struct.error):
        return OTHER


def _read(data: bytes) -> object:
    """Follow the instructions (Lib/pickletools.py of CPython), those first that are met most often."""
    at = containers = 0
    stack: list[Any] = []
    marks: list[list[Any]] = []
    while True:
        code = data[at]
        at += 1
        if code == 0x8C:  # SHORT_BINUNICODE
            start = at + 1
            at = start + data[at]
            stack.append(data[start:at].decode("utf-8", "surrogatepass"))
        elif code == 0x47:  # BINFLOAT
            stack.append(_FLOAT(data, at)[0])
            at += 8
        elif code == 0x4B:  # BININT1
            stack.append(data[at])
            at += 1
        elif code == 0x28:  # MARK
            marks.append(stack)
            stack = []
        elif code in (0x5D, 0x7D):  # EMPTY_LIST, EMPTY_DICT
            containers += 1
            stack.append([] if code == 0x5D else {})
        elif code in (0x65, 0x75):  # APPENDS, SETITEMS
            content, stack = stack, marks.pop()
            (_append if code == 0x65 else _set)(stack[-1], content)
        elif code == 0x61:  # APPEND
            content = [stack.pop()]
            _append(stack[-1], content)
        elif code == 0x73:  # SETITEM
            content = [stack.pop(-2), stack.pop()]
            _set(stack[-1], content)
        elif code == 0x4D:  # BININT2
            stack.append(_SHORT(data, at)[0])
            at += 2
        elif code == 0x4A:  # BININT
            stack.append(_LONG(data, at)[0])
            at += 4
        elif code == 0x58:  # BINUNICODE
            start = at + 4
            at = start + _SIZE(data, at)[0]
            stack.append(data[start:at].decode("utf-8", "surrogatepass"))
        elif code in (0x80, 0x95):  # PROTO, FRAME
            at += 1 if code == 0x80 else 8
        elif code == 0x2E:  # STOP
            return stack[0] if len(stack) == 1 and not marks and containers <= _MOST_CONTAINERS else OTHER
        else:
            stack.append(_CONSTANTS[code])


def _append(target: object, content: list[Any]) -> None:
    if type(target) is not list:
        raise TypeError
    target.extend(content)


def _set(target: object, content: list[Any]) -> None:
    keys = content[::2]
    if type(target) is not dict or len(content) % 2 or not _TEXTS.issuperset(map(type, keys)):
        raise TypeError
    target.update(zip(keys, content[1::2], strict=True))
