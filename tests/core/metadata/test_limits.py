"""Metadata that are small in a file and would be huge in memory, or take for ever: refused small and fast."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import time

import blosc2
import pytest

from mlarray import MLArray
from mlarray_core.errors import LimitError, MLArrayError
from mlarray_core.meta import Meta
from mlarray_core.metadata import generations, unpickle

MODULUS = (1 << 61) - 1
"""Integers that differ by it have the same hash (sys.hash_info.modulus)."""


def batches(each: bytes, count: int, end: bytes) -> bytes:
    """Repeat instructions as pickle's writer does: a thousand values are handed over at a time."""
    return (b"(" + each * 1000 + end) * (count // 1000)


def shared_text() -> bytes:
    """One text of 30 kB, referred to 500,000 times: 15 GB where each is written out."""
    text = b"X" + (30_000).to_bytes(4, "little") + b"x" * 30_000 + b"q\x00"
    return b"\x80\x05](" + text + b"e" + batches(b"h\x00", 500_000, b"e") + b"."


def copies() -> bytes:
    """A list of 100,000 values, copied 5,000 times by a rule that makes lists: 4 GB."""
    values = b"]" + batches(b"N", 100_000, b"e") + b"q\x00"
    rule = b"cmlarray.meta\n_FrozenList\nq\x01"
    return b"\x80\x05](" + values + rule + b"e" + batches(b"h\x01h\x00\x85R", 5_000, b"e") + b"."


def colliding() -> bytes:
    """A dict of 30,000 integers of one hash, each of which is compared with all before it."""
    found = b"\x80\x05}"
    for start in range(1, 30_000, 1000):
        numbers = (k * MODULUS for k in range(start, start + 1000))
        found += b"(" + b"".join(b"\x8a\x0a" + one.to_bytes(10, "little") + b"N" for one in numbers) + b"u"
    return found + b"."


@pytest.mark.parametrize("bomb", [shared_text, copies, colliding])
def test_a_bomb_is_refused_fast_and_small(bomb):
    data = bomb()
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError, match=r"bytes of text|1,000,000 values|60 bits"):
        unpickle.loads(data)
    assert time.process_time() - started < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB


def test_what_pickle_itself_shares_is_read():
    """Keys and words that repeat, as Python's pickle stores them once."""
    rows = [{"vr": "DS", "name": f"row {number % 7}", "value": number} for number in range(50_000)]
    assert unpickle.loads(pickle.dumps({"source": rows}, 5)) == {"source": rows}


def test_long_integers_are_kept_as_values():
    assert unpickle.loads(pickle.dumps({"a": MODULUS * 4, "b": {MODULUS - 1: 1}})) == {
        "a": MODULUS * 4,
        "b": {MODULUS - 1: 1},
    }


def test_too_much_text_is_refused_before_it_is_encoded():
    """The same text 5,000 times is 150 MB of pickle, which is never made."""
    text = "x" * 30_000
    meta = Meta(source={"rows": [text] * 5_000})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError, match="limit is"):
        generations.encode(meta)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_millions_of_chunks_of_zeros_take_little(tmp_path):
    """33 million chunks that a file of some hundred bytes names: the index itself, and hardly more."""
    path = tmp_path / "zeros.mla"
    blosc2.zeros((1 << 25, 1), dtype="u1", chunks=(1, 1), blocks=(1, 1), urlpath=str(path))
    assert path.stat().st_size < 10_000
    code = (
        "import resource, sys, time, numpy\n"
        "from mlarray import MLArray\n"
        "a, t = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()\n"
        "image = MLArray.open(sys.argv[1])\n"
        "assert not image[5:9].any()\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - a) >> 10, time.process_time() - t)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    memory, seconds = done.stdout.split()
    assert int(memory) < 700
    assert float(seconds) < 5


@pytest.mark.parametrize("where", ["open", "info"])
def test_a_file_with_a_bomb_is_refused(tmp_path, where):
    import mlarray
    from tests.core.container.test_stored_meta import with_metadata

    path = with_metadata(tmp_path / "a.mla", generations._gzip(colliding()))
    with pytest.raises(MLArrayError, match=r"a\.mla.*60 bits"):
        MLArray.open(path) if where == "open" else mlarray.info(path)


def test_a_layout_of_more_chunks_than_are_read_is_refused(tmp_path):
    with pytest.raises(LimitError, match=r"33,554,432 chunks.*16,777,216"):
        MLArray.create(tmp_path / "a.mla", (1 << 25, 1), "u1", chunk_size=(1, 1), block_size=(1, 1))
    assert list(tmp_path.iterdir()) == []
