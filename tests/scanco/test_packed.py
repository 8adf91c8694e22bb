"""AIMs whose voxels are packed: runs that AimIO (aimio-py 0.4.1) wrote, cells as it has them, borders."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError
from mlarray_io.testing import FormatTests, specimens
from mlarray_scanco import ScancoFormat, runs

DATA = Path(__file__).parent.parent / "data" / "scanco"
VOXELS = np.zeros((4, 20, 24), "i1")
VOXELS[1, 3:9, 5:20] = 5
VOXELS[2, :, ::2] = -7
VOXELS[3, 4:, 3:] = np.arange(16 * 21).reshape(16, 21) % 3
TWO = np.where(VOXELS > 0, 127, 0).astype("i1")
FLOATS = ((np.arange(120) * 7 - 200) / np.float32(3)).astype("f4").reshape(4, 5, 6)
FLOATS[0, 0, :3] = 0, 1e30, -1e-30
KNOWN = {"bytes": VOXELS, "two": TWO, "vax": FLOATS}
RNG = np.random.default_rng(6)
KINDS = {"bytes": 0x00080002, "two": 0x00150001, "cells": 0x00060001}


class TestPacked(FormatTests):
    @pytest.fixture
    def format(self):
        return ScancoFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / f"{name}.aim" for name in KNOWN]

    def reference(self, path, image):
        affine = np.array([[0, 0, 0.061, 0.61], [0, 0.061, 0, 1.22], [0.082, 0, 0, 2.46], [0, 0, 0, 1]])
        return KNOWN[path.stem], affine, None


def write(path, kind, sizes, payload, *, offset=(0, 0, 0), long=False, log=b"! a log"):
    """Write an AIM around packed voxels; sizes and offset are x, y, z."""
    triples = [(1, 2, 3), sizes, offset, *[(0, 0, 0)] * 4]
    numbers = [number for triple in triples for number in triple]
    if long:
        content = struct.pack("<4i24q", 0, 0, 0, KINDS[kind], *numbers, 61_000, 61_000, 82_000)
        lengths = struct.pack("<5q", 40, len(content), len(log), len(payload), 0)
        path.write_bytes(b"AIMDATA_V030   \0" + lengths + content + log + payload)
    else:
        head = struct.pack("<6i21i", 0, 0, 0, 0, 0, KINDS[kind], *numbers)
        steps = b"".join(vax(step) for step in (0.061, 0.061, 0.082))
        lengths = struct.pack("<5i", 20, 140, len(log), len(payload), 0)
        path.write_bytes(lengths + (head + steps).ljust(140, b"\0") + log + payload)
    return path


def vax(value):
    content = struct.pack("<f", value * 4)
    return content[2:] + content[:2]


def counted(content, *, long=False):
    """Return runs behind their length, which counts itself."""
    return struct.pack("<q" if long else "<i", len(content) + (8 if long else 4)) + content


def by_bytes(voxels):
    flat, found, at = voxels.ravel().view("u1"), bytearray(), 0
    while at < len(flat):
        length = 1
        while at + length < len(flat) and length < 255 and flat[at + length] == flat[at]:
            length += 1
        found += bytes([flat[at], length])
        at += length
    return bytes(found)


def by_two(voxels, low, high):
    """Return runs of two values; one of more than 254 voxels goes on with 255, which turns nothing."""
    flat = (voxels.ravel() == high).astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    found = bytearray([low, high] if not flat[0] else [high, low])
    for length in np.diff([0, *edges, len(flat)]):
        while length > 254:
            found.append(255)
            length -= 254
        found.append(length)
    return bytes(found)


def by_cells(voxels, value):
    z, y, x = (size + size % 2 for size in voxels.shape)
    even = np.zeros((z, y, x), "u1")
    even[tuple(slice(size) for size in voxels.shape)] = voxels != 0
    cells = even.reshape(z // 2, 2, y // 2, 2, x // 2, 2).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 8)
    return (cells << np.arange(8)).sum(1).astype("u1").tobytes() + bytes([value])


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_any_box_is_unpacked(tmp_path, monkeypatch, kind, long):
    monkeypatch.setattr(runs, "_RUNS", 7)
    monkeypatch.setattr(runs, "_PIECE", 14)
    voxels = np.zeros((5, 23, 31), "i1")
    voxels[RNG.random(voxels.shape) < 0.2] = 99
    voxels[2:4] = 0
    payload = {
        "bytes": lambda: counted(by_bytes(voxels), long=long),
        "two": lambda: counted(by_two(voxels, 0, 99), long=long),
        "cells": lambda: by_cells(voxels, 99),
    }[kind]()
    path = write(tmp_path / "a.aim", kind, voxels.shape[::-1], payload, long=long)
    with specimens.opened(ScancoFormat(), path) as reader:
        assert reader.dtype == np.int8
        np.testing.assert_array_equal(specimens.whole(reader), voxels)
        for _ in range(40):
            ends = [np.sort(RNG.integers(0, size + 1, 2)) for size in voxels.shape]
            box = tuple(slice(int(start), int(stop)) for start, stop in ends)
            np.testing.assert_array_equal(reader[box], voxels[box])


def test_a_border_is_left_out_of_runs(tmp_path):
    """AimIO puts it back as zeros: the offset is its width."""
    voxels = np.zeros((5, 8, 9), "i1")
    voxels[1:4, 2:6, 3:6] = RNG.integers(1, 100, (3, 4, 3))
    payload = counted(by_bytes(voxels[1:4, 2:6, 3:6].copy()))
    path = write(tmp_path / "a.aim", "bytes", (9, 8, 5), payload, offset=(3, 2, 1))
    with specimens.opened(ScancoFormat(), path) as reader:
        np.testing.assert_array_equal(specimens.whole(reader), voxels)
        np.testing.assert_array_equal(reader[2:3, 0:8, 4:9], voxels[2:3, :, 4:])
        assert not reader[0:1, 0:2, 0:9].any()


def test_bits_without_a_value(tmp_path):
    path = write(tmp_path / "a.aim", "cells", (3, 2, 1), bytes([0b0010, 0b0101, 0]))
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), [[[0, 127, 127], [0, 0, 127]]])


@pytest.mark.parametrize(
    ("kind", "sizes", "payload", "offset"),
    [
        ("bytes", (3, 2, 2), b"", (0, 0, 0)),
        ("bytes", (3, 2, 2), counted(b""), (0, 0, 0)),
        ("bytes", (3, 2, 2), struct.pack("<i", -9) + b"\1\14", (0, 0, 0)),
        ("bytes", (3, 2, 2), counted(b"\1\13"), (0, 0, 0)),  # 11 voxels of 12
        ("bytes", (3, 2, 2), counted(b"\1\15"), (0, 0, 0)),  # 13
        ("bytes", (3, 2, 2), counted(b"\1\14\0"), (0, 0, 0)),  # half a run
        ("bytes", (3, 2, 2), counted(b"\1\14")[:-1], (0, 0, 0)),  # cut short
        ("bytes", (3, 2, 2), counted(b"\1\0" * 900 + b"\1\14"), (0, 0, 0)),  # runs of nothing
        ("bytes", (1 << 30, 1 << 30, 1 << 20), counted(b"\1\377" * 60), (0, 0, 0)),
        ("bytes", (3, 2, 2), counted(b"\1\14"), (2, 0, 0)),  # no room in the border
        ("bytes", (3, 2, 2), counted(b"\1\14"), (-1, 0, 0)),
        ("two", (3, 2, 2), counted(b"\0\1\13"), (0, 0, 0)),
        ("two", (3, 2, 2), counted(b"\0"), (0, 0, 0)),
        ("two", (255, 1, 1), counted(b"\0\1\377"), (0, 0, 0)),  # is 254
        ("cells", (3, 2, 2), bytes(2), (0, 0, 0)),
        ("cells", (1 << 30, 1 << 30, 1 << 20), bytes(99), (0, 0, 0)),
    ],
)  # fmt: skip
def test_runs_that_hold_another_number_of_voxels(tmp_path, kind, sizes, payload, offset):
    path = write(tmp_path / "a.aim", kind, sizes, payload, offset=offset)
    with (
        pytest.raises(CorruptError, match=r"a\.aim"),
        specimens.opened(ScancoFormat(), path, 1 << 62) as reader,
    ):
        reader[tuple(slice(0, min(size, 99)) for size in reader.shape)]


def test_numbers_of_a_vax(tmp_path):
    """The smallest exponents have no room in IEEE 754 but as numbers with fewer digits; -0 is no number."""
    from mlarray_scanco.floats import from_vax

    words = np.array([0x00004080, 0x0000C080, 0x00000080, 0x00000100, 0x00008000, 0, 0xFFFF7FFF], "<u4")
    found = from_vax(words.view("<f4"))
    np.testing.assert_array_equal(found[[0, 1, 5]], [1, -1, 0])
    np.testing.assert_array_equal(found[2:4], np.float32([2**-128, 2**-127]))
    assert np.isnan(found[4])
    assert found[6] == np.float32(2**127 * (1 - 2**-24))


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_voxels_is_told(tmp_path, kind):
    """Such as data that an AIM has beside them."""
    payload = {"bytes": counted(b"\1\14"), "two": counted(b"\0\1\14"), "cells": bytes(3)}[kind]
    for rest in (b"", bytes(7)):
        path = write(tmp_path / "a.aim", kind, (3, 2, 2), payload + rest)
        said = mlarray.convert(path, tmp_path / "a.mla", overwrite=True).warnings
        told = [text for text in said if "follow the voxels" in text]
        assert len(told) == bool(rest)
        assert all("7 bytes of the file" in text for text in told)
