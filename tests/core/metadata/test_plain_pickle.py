"""Pickles of plain values: what is read with little work is what the whole machine makes of them."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from mlarray_core.errors import MLArrayError
from mlarray_core.meta import Meta
from mlarray_core.metadata import generations, unpickle
from mlarray_core.metadata.plain_pickle import OTHER, read


def whole(data: bytes) -> str:
    """Return what the machine makes of a pickle, copied as `loads` does, as text that tells types and NaN."""
    machine = unpickle._Unpickler(data)
    return repr(unpickle.plain(machine.run()))


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(10 if depth < 4 else 8)
    if kind < 8:
        return chance.choice(
            [None, True, False, 0, 255, 256, 65_535, 65_536, -1, -(1 << 31), 1.5, -0.0, float("nan"), 1e300,
             "", "a" * 255, "b" * 300, "ü\n", "\ud800", chance.random(), chance.randrange(1 << 20)]
        )  # fmt: skip
    count = chance.randrange(6)
    if kind == 8:
        return [value(chance, depth + 1) for _ in range(count)]
    return {f"key {number}": value(chance, depth + 1) for number in range(count)}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_any_plain_value(protocol: int) -> None:
    chance = random.Random(protocol)
    for _ in range(300):
        data = pickle.dumps(value(chance), protocol)
        found = read(data)
        assert found is OTHER or repr(found) == whole(data)


def test_what_is_written_here_is_read_here() -> None:
    meta = Meta(source={"a": [1, 2.5, {"b": None}], "long": "x" * 400}, is_seg=True)
    data = generations._gunzip(generations.encode(meta))
    found = read(data)
    assert found is not OTHER
    assert repr(found) == whole(data)


def test_mutants_are_left_to_the_machine_or_read_as_it_does() -> None:
    chance = random.Random(0)
    data = generations._gunzip(generations.encode(Meta(source={"a": [1, 2.5, {"b": None}]}, is_seg=True)))
    taken = 0
    for _ in range(4000):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice(data + bytes(range(256)))
        del changed[chance.choice([len(changed), chance.randrange(len(changed))]) :]
        found = read(bytes(changed))
        if found is not OTHER:
            taken += 1
            assert repr(found) == whole(bytes(changed))
    assert taken > 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"NN.",
        b"(N.",
        b"]]a",
        b"](K\x01u.",
        b"}(\x8c\x01aK\x01K\x02u.",
        b"}(K\x01K\x02u.",
        b"](](K\x01ee.",
        b"K\x01(K\x02e.",
        b"\x8c\x05ab.",
        b"X\xff\xff\xff\xffab.",
        b"\x8c\x01\xff.",
        b"}q\x00.",
        b"]\x94.",
        b").",
        b"C\x01a.",
        b"\x8a\x0a" + b"\x01" * 10 + b".",
        b"cos\nsystem\n(\x8c\x04true\x85R.",
        b"]" * 300 + b"a" * 299 + b".",
        b"](" + b"N" * (1 << 16) + b"e.",
    ],
)
def test_everything_else_is_left_to_the_machine(data: bytes) -> None:
    found = read(data)
    try:
        known = whole(data)
    except MLArrayError:
        assert found is OTHER
    else:
        assert found is OTHER or repr(found) == known
