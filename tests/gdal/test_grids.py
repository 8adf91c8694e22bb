"""Fields of a GRIB that lie on several grids; GDAL has one for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="rasterio isn't installed")

import mlarray
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_gdal import grids
from mlarray_gdal.grids import grids_of

DATA = Path(__file__).parent.parent / "data/gdal/example.grib"
FIRST = DATA.read_bytes()[:0xDA]
"""Its first message, of edition 2: section 1 has 21 bytes and section 3 begins at 37."""
COLUMNS, ROWS, LATITUDE, FLAGS = 37 + 33, 37 + 37, 37 + 49, 37 + 54
"""The last byte of each number (template 3.0)."""


def changed(*pairs):
    """Return the first message with other bytes."""
    found = bytearray(FIRST)
    for at, value in pairs:
        found[at] = value
    return bytes(found)


def old(*, size=(4, 3), kind=0, levels=b"", flags=0x80, length=None):
    """Return a message of edition 1: sections 0 and 1, a grid, and no field (Manual on Codes, I.2, FM 92)."""
    product = (28).to_bytes(3, "big") + bytes([2, 98, 1, 255, 0x80]) + bytes(20)
    grid = bytes([len(levels) // 4, 33 if levels else 255, kind])
    grid += (
        b"".join(side.to_bytes(2, "big") for side in size) + bytes(6) + bytes([flags]) + bytes(15) + levels
    )
    body = product + (len(grid) + 3).to_bytes(3, "big") + grid + b"7777"
    return b"GRIB" + (len(body) + 8 if length is None else length).to_bytes(3, "big") + b"\1" + body


def written(folder, *messages):
    path = folder / "a.grib"
    path.write_bytes(b"".join(messages))
    return path


def test_one_grid():
    (grid,) = grids_of(DATA)
    assert grid.size == (4, 3)


def test_sizes_differ(tmp_path):
    """GDAL would cut the second field to the size of the first."""
    path = written(tmp_path, FIRST, changed((COLUMNS, 6), (ROWS, 2)))
    with pytest.raises(UnsupportedError, match=r"several sizes \(4 x 3, 6 x 2\).*split it"):
        mlarray.read(path)


def test_places_differ(tmp_path):
    path = written(tmp_path, FIRST, changed((LATITUDE, 1)))
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert any("grids' headers differ" in one.why for one in done.losses)
    voxels = mlarray.read(tmp_path / "a.mla").to_numpy()
    np.testing.assert_array_equal(voxels, mlarray.read(DATA).to_numpy()[[0, 0]])


def test_winds_lie_where_other_fields_do(tmp_path):
    path = written(tmp_path, FIRST, b"padding", changed((FLAGS, FIRST[FLAGS] ^ 8)))
    assert len(grids_of(path)) == 1
    assert mlarray.read(path).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("message", "match"),
    [
        (changed((37 + 13, 50)), "spectral"),
        (old(kind=50), "spectral"),
        (old(kind=4, size=(0xFFFF, 96)), "reduced grid"),
        (changed(*((at, 0xFF) for at in range(COLUMNS - 3, COLUMNS + 1))), "reduced grid"),
    ],
)
def test_fields_that_are_no_rasters(tmp_path, message, match):
    with pytest.raises(UnsupportedError, match=match):
        mlarray.read(written(tmp_path, message))


def test_levels_make_no_other_grid(tmp_path):
    assert len(grids_of(written(tmp_path, old(), old(levels=bytes(8)), old(flags=0x88)))) == 1
    assert len(grids_of(written(tmp_path, old(), old(size=(4, 4))))) == 2


def test_large_messages_of_the_first_edition(tmp_path):
    """Their length is told by 120 bytes, here four times."""
    large = old(length=0x800004).ljust(470, b"\0")
    sizes = [grid.size for grid in grids_of(written(tmp_path, large, old(size=(9, 9))))]
    assert sizes == [(4, 3), (9, 9)]


@pytest.mark.parametrize("cut", [4, 9, 20, 40, 60, 71])
def test_what_is_cut_off_tells_no_grid(tmp_path, cut):
    for message in (FIRST, old()):
        assert len(grids_of(written(tmp_path, message, message[:cut]))) == 1
        assert grids_of(written(tmp_path, message[:cut])) == []


def test_a_grid_ends_with_its_message(tmp_path):
    """Else many short messages would each have all that follows, far more than the file."""
    message = old()
    at = 8 + 28  # of section 2
    long = message[:at] + (1 << 20).to_bytes(3, "big") + message[at + 3 :]
    found = grids_of(written(tmp_path, long, bytes(1 << 20)))
    assert [grid.size for grid in found] == [(4, 3)]
    assert len(found[0].content) < len(message)


def test_a_grid_of_many_fields_is_looked_at_once(tmp_path, monkeypatch):
    looked, look = [], grids._of_section
    monkeypatch.setattr(grids, "_of_section", lambda found: looked.append(found) or look(found))
    fields = b"".join((5).to_bytes(4, "big") + b"\7" for _ in range(40)) + b"7777"
    message = FIRST[:-4] + fields
    message = message[:8] + len(message).to_bytes(8, "big") + message[16:]
    path = written(tmp_path, message, changed((COLUMNS, 6)))
    assert [grid.size for grid in grids_of(path)] == [(4, 3), (6, 3)]
    assert len(looked) == 2


@pytest.mark.parametrize("length", [1 << 32, (1 << 64) - 1])
def test_a_message_longer_than_any_file(tmp_path, length):
    path = written(tmp_path, FIRST[:8] + length.to_bytes(8, "big") + FIRST[16:])
    assert [grid.size for grid in grids_of(path)] == [(4, 3)]
    with pytest.raises(CorruptError, match=r"a\.grib"):
        mlarray.read(path).to_numpy()
