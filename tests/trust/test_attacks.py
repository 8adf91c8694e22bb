"""Files made to harm: nothing in them runs, and none costs much time or memory."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np
import pytest

from mlarray_core.container import frame as frames
from mlarray_core.container.trailer import trailer_of
from tests.trust.child import Child

if TYPE_CHECKING:
    from pathlib import Path

SECONDS, MIB = 0.2, 64
PLAIN = gzip.compress(pickle.dumps({"spatial": {"spacing": [1.0]}}, 5))
Attack = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Opens, loads, inspects, reads, verifies and converts files in another process."""
    child = Child("tests.trust.attack_worker", timeout=60)
    yield child
    child.stop()


@pytest.fixture
def attack(child: Child) -> Attack:
    def attack(path: Path, ways: tuple[str, ...] = ()) -> dict[str, Any]:
        said = child.ask(f"{path}\t{','.join(ways)}")
        assert said.startswith("{"), said
        assert not (path.parent / "canary").exists(), "something of the file was executed"
        answers: dict[str, Any] = json.loads(said)
        return answers

    return attack


def refused(answers: dict[str, Any], ways: tuple[str, ...] = ()) -> None:
    """Check that a file was refused in all ways, cheaply."""
    for way in ways or set(answers) - {"reseal"}:
        assert answers[way]["said"] != "accepted", way
        assert not answers[way]["said"].startswith("unexplained"), answers[way]
    for way, answer in answers.items():
        assert answer["seconds"] < SECONDS, (way, answer)
        assert answer["mib"] < MIB, (way, answer)


def carrier(folder: Path, metadata: Any, name: str = "a.mla") -> Path:
    """Write a frame with any metadata, as a stranger would."""
    path = folder / name
    stored = blosc2.asarray(np.arange(64, dtype="i2"), urlpath=str(path), mode="w", contiguous=True)
    stored.schunk.vlmeta["mlarray"] = metadata
    return path


class Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_a_crafted_pickle_executes_nothing(attack: Attack, tmp_path: Path, protocol: int, pack: Any) -> None:
    path = carrier(tmp_path, pack(pickle.dumps({"source": Canary()}, protocol)))
    refused(attack(path))


def test_an_import_hidden_in_a_harmless_name_executes_nothing(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "stranger.py").write_text("open('canary', 'w')")
    refused(attack(carrier(tmp_path, gzip.compress(b"cstranger\nanything\n."))))


def test_a_function_stored_by_blosc2_is_not_run(attack: Attack, tmp_path: Path) -> None:
    path = tmp_path / "a.mla"
    operand = blosc2.asarray(np.arange(64.0), urlpath=str(tmp_path / "operand.b2nd"), mode="w")
    lazy = blosc2.lazyudf(harmful, (operand,), dtype=np.float64)
    (tmp_path / "canary").unlink(missing_ok=True)
    lazy.save(urlpath=str(tmp_path / "lazy.b2nd"))
    (tmp_path / "lazy.b2nd").rename(path)
    refused(attack(path))


def harmful(inputs: Any, output: Any, offset: Any) -> None:
    open("canary", "w", encoding="utf-8").close()
    output[:] = inputs[0]


@pytest.mark.parametrize("layer", ["LazyArray", "b2frame", "b2o"])
def test_frames_with_other_layers_are_refused(attack: Attack, tmp_path: Path, layer: str) -> None:
    path = tmp_path / "a.mla"
    meta = {layer: {"UDF": "open('canary', 'w')"}}
    blosc2.asarray(np.arange(64), urlpath=str(path), mode="w", meta=meta, contiguous=True)
    refused(attack(path))


@pytest.mark.parametrize("codec", [36, 37, 38, 160])
def test_a_chunk_can_not_make_blosc2_run_python(attack: Attack, tmp_path: Path, codec: int) -> None:
    """Blosc2 looks for the codecs 36 and up by running ``python -c "import blosc2_..."`` where one is."""
    for module in ("blosc2_grok", "blosc2_openhtj2k", "blosc2_openzl", "blosc2_j2k", "blosc2_htj2k"):
        (tmp_path / f"{module}.py").write_text("open('canary', 'w')")
    path = carrier(tmp_path, PLAIN)
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[11:15], "big")
    data[at + 2] |= 0xE0 & 0xC0
    data[at + 2] &= 0xDF
    data[at + 22] = codec
    path.write_bytes(data)
    answers = attack(path)
    refused(answers, ("open", "load", "verify", "convert"))
    assert "not built in" in answers["open"]["said"]


def test_a_chunk_can_not_be_elsewhere(attack: Attack, tmp_path: Path) -> None:
    path = carrier(tmp_path, PLAIN)
    data = bytearray(path.read_bytes())
    data[int.from_bytes(data[11:15], "big") + 31] |= 0x08
    path.write_bytes(data)
    refused(attack(path), ("open", "load", "verify", "convert"))


@cache
def bomb() -> bytes:
    """Return 1 GiB of zeros, compressed to 1 MB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(1 << 10)) + deflate.flush()


@pytest.mark.parametrize("claimed", [1 << 30, 1000, 30 << 20])
def test_a_gzip_bomb_is_not_unpacked(attack: Attack, tmp_path: Path, claimed: int) -> None:
    refused(attack(carrier(tmp_path, bomb()[:-4] + struct.pack("<I", claimed))))


@pytest.mark.parametrize("nested", [b"\x80\x05" + b"]" * 1_000_000 + b"a" * 999_999 + b".",
                                    b"\x80\x05" + b"(" * 1_000_000 + b"l" * 1_000_000 + b".",
                                    b"\x80\x05" + b")" + b"\x85" * 1_000_000 + b"."])  # fmt: skip
def test_deep_nesting_is_refused(attack: Attack, tmp_path: Path, nested: bytes) -> None:
    refused(attack(carrier(tmp_path, gzip.compress(nested))))


def test_deep_nesting_of_messagepack_is_refused(attack: Attack, tmp_path: Path) -> None:
    path = carrier(tmp_path, PLAIN)
    data = path.read_bytes()
    frame = frames.parse(lambda at, count: data[at : at + count], len(data))
    end = trailer_of({"mlarray": b"\x91" * 1_000_000 + b"\xc0"})
    header = frames.patch_header(
        frame.header, length=frame.trailer_at + len(end), cbytes=frame.cbytes, has_vlmeta=True
    )
    path.write_bytes(header + data[len(header) : frame.trailer_at] + end)
    answers = attack(path)
    refused(answers)
    assert "nested" in answers["info"]["said"]


@pytest.mark.parametrize("code", [b"\x8e", b"\x8d", b"\x8b", b"B", b"X"])
def test_a_claim_of_a_huge_value_allocates_nothing(attack: Attack, tmp_path: Path, code: bytes) -> None:
    size = struct.pack("<Q", 1 << 40) if code in (b"\x8e", b"\x8d") else struct.pack("<i", (1 << 31) - 1)
    refused(attack(carrier(tmp_path, gzip.compress(b"\x80\x05" + code + size + b"."))))


def test_an_array_of_objects_is_refused(attack: Attack, tmp_path: Path) -> None:
    path = carrier(tmp_path, PLAIN)
    path.write_bytes(path.read_bytes().replace(b"<i2", b"|O2", 1))
    refused(attack(path), ("open", "load", "verify", "convert"))


def test_terabytes_of_zeros_can_be_opened_but_not_read_whole(attack: Attack, tmp_path: Path) -> None:
    path = tmp_path / "a.mla"
    blosc2.zeros((1 << 14, 1 << 14, 1 << 14), "f8", urlpath=str(path), mode="w", chunks=(512, 512, 512),
                 blocks=(64, 64, 64))  # fmt: skip
    assert path.stat().st_size < 10_000
    ways = ("open", "load", "read")
    refused(attack(path, ways), ways)


def test_a_pipe_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.mla"
    os.mkfifo(path)
    from mlarray import MLArray
    from mlarray_core.errors import ReadError

    with pytest.raises(ReadError, match="pipe"):
        MLArray.open(path)
    with pytest.raises(ReadError, match="pipe"):
        MLArray.load(path)
