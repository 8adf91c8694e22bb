"""The seal: its table, its sums against xxHash's own command line values, and what it notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import blosc2
import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.container import seal
from mlarray_core.container.contents import Contents
from mlarray_core.container.open import read_meta
from mlarray_core.container.seal import State, Table
from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from pathlib import Path


def test_sums_are_those_of_xxhash() -> None:
    # xxhash's sanity values for empty input, XXH3 64 and 128 bits
    assert seal.chunk_sum(b"") == 0x2D06800538D394C2
    assert seal.fingerprint(b"", b"", bytes(17)).hex() == "99aa06d3014798d86001c324468d497f"


def test_a_table_survives_packing() -> None:
    table = Table(bytes(range(16)), seal.pack_sums([1, 2**64 - 1, seal.chunk_sum(b"")]))
    again = Table.unpack(table.pack(), 3)
    assert again == table
    assert again.as_list() == [1, 2**64 - 1, seal.chunk_sum(b"")]
    assert again.sum_of(1) == 2**64 - 1
    assert again.absent().tolist() == [False, False, True]


@pytest.mark.parametrize("damage", [b"", b"XXXX" + bytes(40), b"MLS1" + bytes(39), b"MLS1" + bytes(41)])
def test_a_damaged_table_is_refused(damage: bytes) -> None:
    with pytest.raises(CorruptError, match="table"):
        Table.unpack(damage, 3)


def test_the_sums_cover_all_but_sizes_and_themselves() -> None:
    header = bytes(range(100))
    for at in range(100):
        changed = header[:at] + bytes([255 - header[at]]) + header[at + 1 :]
        sizes = 16 <= at < 24 or 30 <= at < 47 or at == 68
        assert (seal.head_sum(changed, b"m") == seal.head_sum(header, b"m")) == sizes
        assert seal.fingerprint(changed, b"i", bytes(20)) != seal.fingerprint(header, b"i", bytes(20))
    assert seal.fingerprint(header, b"", bytes(20)) == seal.fingerprint(header, b"", bytes(4) + b"x" * 16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    voxels = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")
    MLArray(voxels, chunk_size=(8, 12, 12), block_size=(4, 6, 6), meta={"a": 1}).save(path)
    return path


def test_our_files_are_sealed(path: Path) -> None:
    assert Contents(path.read_bytes()).state is State.SEALED
    with MLArray.open(path, verify="full") as image:
        assert image.verify() == "sealed"


def test_blosc2_reads_a_sealed_file(path: Path) -> None:
    stored = blosc2.open(str(path), mode="r")
    with MLArray.open(path) as image:
        assert np.array_equal(stored[:], image[:])
    assert seal.KEY in stored.schunk.vlmeta


def test_a_file_of_blosc2_is_unsealed(tmp_path: Path) -> None:
    path = tmp_path / "b.mla"
    blosc2.asarray(np.arange(90), urlpath=str(path), mode="w", contiguous=True)
    with MLArray.open(path, verify="full") as image:
        assert image.verify() == "unsealed"


def test_an_edit_by_blosc2_breaks_the_seal_and_is_said(path: Path) -> None:
    stored = blosc2.open(str(path), mode="a")
    stored[0] = 5
    del stored
    with pytest.warns(UserWarning, match="edited by another program"):
        image = MLArray.open(path)
    assert (image[0] == 5).all()
    with pytest.raises(CorruptError, match="--reseal"):
        image.verify()
    with pytest.raises(CorruptError, match="--reseal"):
        MLArray.open(path, verify="full")
    with pytest.warns(UserWarning, match="edited by another program"):
        read_meta(path)


def test_our_edit_does_not_mend_a_seal_that_another_program_broke(path: Path) -> None:
    stored = blosc2.open(str(path), mode="a")
    stored[0] = 5
    del stored
    with pytest.warns(UserWarning, match="edited"), MLArray.open(path, mmap_mode="r+") as image:
        image[19] = 6
    with pytest.warns(UserWarning, match="edited"):
        image = MLArray.open(path)
    assert (image[0] == 5).all()
    assert (image[19] == 6).all()


def test_a_zeroed_fingerprint_does_not_pass_as_unsealed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-17] + bytes(17))
    with pytest.warns(UserWarning, match="or damaged"):
        MLArray.open(path)


@pytest.mark.parametrize("part", ["header", "chunk", "index", "trailer", "fingerprint"])
def test_one_wrong_bit_is_noticed(path: Path, part: str) -> None:
    data = bytearray(path.read_bytes())
    frame = Contents(bytes(data)).frame
    at = {
        "header": 80,
        "chunk": frame.header_size + 300,
        "index": frame.offsets_at + 40,
        "trailer": frame.trailer_at + 60,
        "fingerprint": len(data) - 3,
    }[part]
    data[at] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptError, match=str(path)):
        MLArray.load(path, compressed=False)
    if part != "chunk":
        with pytest.raises(CorruptError):
            read_meta(path)


def test_a_damaged_chunk_is_an_error_only_where_it_is_touched(path: Path) -> None:
    data = bytearray(path.read_bytes())
    contents = Contents(bytes(data))
    where = contents.index.locate(0)
    assert where is not None
    data[where[0] + where[1] - 1] ^= 1
    path.write_bytes(bytes(data))
    with MLArray.open(path) as image:
        assert image[10:, 13:, 13:].size
        with pytest.raises(CorruptError, match="chunk 0"):
            image[0, 0, 0]
        with pytest.raises(CorruptError, match="chunk 0"):
            image[0, 0, 0]  # and stays one
        with pytest.raises(CorruptError, match="1 of 12"):
            image.verify()
    with pytest.raises(CorruptError, match="1 of 12"):
        MLArray.open(path, verify="full")
