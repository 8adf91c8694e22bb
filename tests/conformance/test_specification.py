"""The numbers of docs/specification.md, found in a file by that page alone: struct, gzip and xxhash."""

import gzip
import pickletools
import struct
from pathlib import Path

import pytest
from xxhash import xxh3_64_digest, xxh3_128_digest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/specification.md").read_text("utf-8")
DATA = (ROOT / "conformance/cases/place-parts.mla").read_bytes()
HEADER = struct.unpack_from(">i", DATA, 11)[0]
LENGTH = struct.unpack_from(">Q", DATA, 16)[0]
STORED = struct.unpack_from(">q", DATA, 39)[0]
TRAILER = LENGTH - struct.unpack_from(">I", DATA, LENGTH - 22)[0]


def entry(name):
    """The MessagePack byte string of an entry of the trailer, by section 5 and the header of a chunk."""
    marker = bytes([0xA0 + len(name)]) + name + b"\xd2"
    at = DATA.index(marker, TRAILER) + len(marker)
    content = TRAILER + struct.unpack_from(">i", DATA, at)[0]
    assert DATA[content] == 0xC6
    chunk = DATA[content + 5 : content + 5 + struct.unpack_from(">I", DATA, content + 1)[0]]
    assert chunk[2] & 0x07 == 0x07, "stored as it is"
    return chunk[32:]


def test_the_example():
    assert f"The file has {len(DATA)} bytes. Its header takes {HEADER}, its eight chunks" in PAGE
    assert f"take {STORED} bytes of 8 · 128 decompressed ones" in PAGE
    assert f"is at byte {HEADER} + {STORED} = {HEADER + STORED}, the trailer at {TRAILER}." in PAGE
    packed = entry(b"mlarray")[5:]
    assert f"Metadata are {len(packed)} bytes, and {len(gzip.decompress(packed))} decompressed." in PAGE
    assert len(DATA) == LENGTH


def test_the_header():
    assert DATA[:10] == b"\x9e\xa8b2frame\0"[:10]
    assert [DATA[at] for at in (10, 15, 24, 29, 38, 47, 52, 57, 62, 65, 68, 69, 70)] == [
        0xD2, 0xCF, 0xA4, 0xD3, 0xD3, 0xD2, 0xD2, 0xD2, 0xD1, 0xD1, 0xC3, 0xD8, 0x06,
    ]  # fmt: skip
    assert struct.unpack_from(">q", DATA, 30)[0] == 8 * 128
    assert [struct.unpack_from(">i", DATA, at)[0] for at in (48, 53, 58)] == [2, 32, 128]


def test_only_instructions_of_the_first_table_are_written():
    table = PAGE[PAGE.index("These instructions are written") : PAGE.index("write some more")]
    pickled = gzip.decompress(entry(b"mlarray")[5:])
    used = {f"`{opcode.code.encode('latin-1').hex()}`" for opcode, _, _ in pickletools.genops(pickled)}
    assert used == {code for code in used if code in table}


def test_the_seal():
    table = entry(b"mlarray_seal")[5:]
    assert table[:4] == b"MLS1"
    cut = DATA[:16] + DATA[24:30] + DATA[47:68] + DATA[69:HEADER]
    assert table[4:20] == xxh3_128_digest(cut + entry(b"mlarray")[5:])
    assert len(table) == 20 + 8 * 8
    at = HEADER
    for number in range(8):
        size = struct.unpack_from("<i", DATA, at + 12)[0]
        assert table[20 + 8 * number :][:8] == xxh3_64_digest(DATA[at : at + size])[::-1]
        at += size
    assert at == HEADER + STORED
    assert DATA[-17] == 3
    assert DATA[-16:] == xxh3_128_digest(DATA[:HEADER] + DATA[at:TRAILER] + DATA[TRAILER:-17])


def test_the_index_of_levels():
    import json
    import zipfile

    import blosc2

    with zipfile.ZipFile(ROOT / "conformance/cases/levels.mla") as archive:
        index = json.loads(archive.read("levels.json"))
        frame = (ROOT / "conformance/cases/levels.mla").read_bytes()
        length = struct.unpack_from(">Q", frame, 16)[0]
        assert index["frame"] == {"length": length, "fingerprint": frame[length - 16 : length].hex()}
        assert (index["version"], index["method"]) == (1, "mean")
        level = blosc2.ndarray_from_cframe(archive.read(index["levels"][0]["name"]))
        assert index["levels"][0]["factors"] == [2, 2, 2]
        assert level.shape == (36, 35, 33)


@pytest.mark.parametrize("position", ["x = -0.42 · 5 + 0.72 · 6 - 10 = -7.78"])
def test_the_worked_position(position):
    assert position in PAGE
    assert pytest.approx(-7.78) == -0.42 * 5 + 0.72 * 6 - 10
