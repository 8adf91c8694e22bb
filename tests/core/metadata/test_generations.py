"""Metadata of every generation: read as stored, written for the most readers, never executed."""

import collections
import contextlib
import gc
import gzip
import json
import os
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import CorruptError, LimitError, MetadataTypeError, MLArrayError, UnsafeError
from mlarray_core.meta import Meta
from mlarray_core.metadata import generations, unpickle

CASES = os.environ.get("MLARRAY_CASES")
SAMPLES = Path(CASES).parent / "mla-generations" if CASES else Path("unset")
FILES = sorted(path for path in SAMPLES.glob("*/*") if path.suffix in (".mla", ".mb2nd"))

FULL = {
    "source": {"a": [1, float("nan"), {"b": None}]},
    "extra": {"e": "ü"},
    "spatial": {
        "spacing": [1.0, 2.0],
        "shape": [3, 4, 5],
        "axis_labels": ["channel", "spatial_y", "spatial_x"],
        "coord_system": "LPS",
    },
    "stats": {"min": 0.5},
    "bbox": {"bboxes": [[[0, 1], [2, 3]]]},
    "is_seg": True,
    "blosc2": {"chunk_size": [1, 4, 5], "cparams": {"codec": 1}},
    "_has_array": True,
    "_image_meta_format": "nifti",
    "_mlarray_version": "v0",
}


def pack(value, protocol=5):
    return gzip.compress(pickle.dumps(value, protocol))


def raw(*instructions):
    return gzip.compress(b"\x80\x05" + b"".join(instructions))


def stored(path):
    blosc2 = pytest.importorskip("blosc2")
    array = blosc2.open(str(path))
    schunk = array.schunk
    return (
        schunk.vlmeta["mlarray"] if "mlarray" in schunk.vlmeta else schunk.meta["med_blosc2"]
    ), array.shape


@pytest.mark.skipif(not FILES, reason="MLARRAY_CASES is not set: no files of earlier releases here")
def test_there_are_samples_of_all_generations():
    assert len({path.parent.name for path in FILES}) >= 16


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_of_earlier_releases(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    content, shape = stored(path)
    mapping = generations.decode(content)
    assert mapping == expected.get("stored_mapping", expected.get("metalayer_med_blosc2", mapping))
    meta = generations.lift(mapping, shape=shape)
    wanted = dict(expected.get("user_meta_expected", {}))
    index = wanted.pop("non_spatial_axis", None)
    labels = meta.spatial.axis_labels or []
    assert [i for i, label in enumerate(labels) if not label.startswith("spatial")] == [
        i for i in [index] if i is not None
    ]
    for name, value in wanted.items():
        home = next(part for part in (meta, meta.spatial, meta.bbox) if name in part._names())
        assert getattr(home, name) == value, name
    if meta._has_array:
        assert meta.spatial.shape == list(shape)
    assert generations.lift(generations.decode(generations.encode(meta))) == meta


def test_encoding_is_plain_sparse_and_deterministic():
    encoded = generations.encode(Meta(**FULL))
    assert encoded == generations.encode(Meta(**FULL).copy())
    mapping = pickle.loads(gzip.decompress(encoded))
    assert list(mapping) == [name for name in FULL if name in mapping]
    assert mapping["spatial"]["_num_spatial_axes"] == 2
    assert mapping["is_seg"] == {"is_seg": True}
    assert mapping["_mlarray_version"] == "v0"
    assert "origin" not in mapping["spatial"]
    assert encoded[4:8] == bytes(4)
    assert generations.decode(generations.encode(Meta())) == {"_mlarray_version": "v0"}
    assert generations.lift(generations.decode(encoded)) == Meta(**FULL)


def test_equal_values_give_equal_bytes_whoever_shares_them():
    shared = ["x" * 10]
    left = Meta(extra={"a": shared, "b": shared})
    right = Meta(extra={"a": ["x" * 10], "b": ["".join("x" for _ in range(10))]})
    assert generations.encode(left) == generations.encode(right)


def test_encode_refuses_what_other_readers_could_not_load():
    meta = Meta(source={"a": {}})
    meta.source["a"]["b"] = np.float64(1)
    with pytest.raises(MetadataTypeError, match=r"source\.data\.a\.b: float64 is no plain value"):
        generations.encode(meta)
    meta.validate()
    generations.encode(meta)


def test_encode_refuses_what_decode_would():
    with pytest.raises(LimitError, match="bytes"):
        generations.encode(Meta(source={"a": "x" * (generations.MAX_BYTES + 1)}))
    with pytest.raises(LimitError, match="values"):
        generations.encode(Meta(source={"a": [0] * 1_000_001}))
    deep = [1]
    for _ in range(190):
        deep = [deep]
    assert generations.lift(generations.decode(generations.encode(Meta(source={"a": deep})))).source == {
        "a": deep
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_metadata_comes_back(content):
    meta = Meta(source=content, extra={"again": content}, _mlarray_version="v0")
    assert generations.lift(generations.decode(generations.encode(meta))) == meta


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_decoding_agrees_with_pickle(content):
    assert repr(generations.decode(pack(content))) == repr(content)


def test_what_the_reference_was_seen_to_store():
    value = {
        "numbers": [
            np.float64(1.5),
            np.float32(0.5),
            np.float16(2),
            np.int16(-3),
            np.uint64(2**63),
            np.bool_(True),
        ],
        "big": np.float64(1.5).astype(">f8"),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {"k": [1]}),
        "tuple": (1, (2, (3, [4]))),
        "integers": [2**70, -(2**70), 255, 65535, -1],
        "long": ["x" * 300, "y" * 70000],
        "shared": [collections.OrderedDict()] * 2,
        "many": list(range(2500)),
        "dtype": np.dtype(">i2"),
    }
    found = generations.decode(pack(value))
    assert found["numbers"] == [1.5, 0.5, 2.0, -3, 2**63, True]
    assert [type(number) for number in found["numbers"]] == [float, float, float, int, int, bool]
    assert found["big"] == 1.5
    assert found["ordered"] == {"a": 1}
    assert found["default"] == {"k": [1]}
    assert found["tuple"] == [1, [2, [3, [4]]]]
    assert found["shared"][0] is not found["shared"][1]
    assert found["dtype"] == ">i2"
    for name in ("integers", "long", "many"):
        assert found[name] == value[name]


def test_names_of_the_reference_and_of_numpy_1():
    frozen = raw(b"}\x8c\x01a\x8c\x0cmlarray.meta\x8c\x0b_FrozenList\x93]K\x01a\x85Rs.")
    assert generations.decode(frozen) == {"a": [1]}
    dtype = (
        b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    scalar = b"cnumpy.core.multiarray\nscalar\n" + dtype + b"C\x04" + struct.pack(">f", 0.5) + b"\x86R"
    assert generations.decode(raw(b"}\x8c\x01a", scalar, b"s.")) == {"a": 0.5}
    label = raw(b"}\x8c\x01a\x8c\x0cmlarray.meta\x8c\x0dAxisLabelEnum\x93\x8c\x07channel\x85Rs.")
    assert generations.decode(label) == {"a": "channel"}


class Runs:
    def __reduce__(self):
        return os.system, ("touch mlarray-was-here",)


class Stateful:
    def __init__(self):
        self.a = 1


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_code_is_not_run_and_is_named(protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeError, match=r"(posix|nt)\.system"):
        generations.decode(pack({"source": {"data": {"a": Runs()}}}, protocol))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (pack({"a": Stateful()}), "Stateful"),
        (pack({"a": {1, 2}}), "no instruction"),
        (pack({"a": 1j}), "builtins.complex"),
        (pack({"a": np.arange(3)}), "asks to load numpy"),
        (pack({"a": np.complex64(1)}), "'c8'"),
        (pack({"a": list}), "builtins.list"),
        (pack({"a": eval}), "builtins.eval"),
        (pack({"a": b"bytes"}), "bytes"),
        (raw(b"}\x8c\x08builtins\x8c\x04list\x93)R."), "call builtins.list"),
        (raw(b"}K\x01K\x01)R."), "call int"),
        (raw(b"}\x8c\x04data\x93."), "has no name"),
        (raw(b"\x8c\x08builtins]\x93."), "has no name"),
        (raw(b"]}b."), "state of an object"),
        (raw(b"(i__main__\nThing\n."), "__main__.Thing"),
        (raw(b"Pid\n."), "outside the file"),
        (raw(b"\x97."), "buffer"),
        (raw(b"\x82\x01."), "registered class"),
    ],
)
def test_what_is_not_plain_is_refused(content, name):
    with pytest.raises((UnsafeError, CorruptError)) as caught:
        generations.decode(content)
    assert name in str(caught.value)


def bomb(size):
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(deflate.compress(block) for _ in range(size >> 20)) + deflate.flush()


@pytest.fixture
def alone():
    """What other tests have left is not searched for garbage: that is no cost of an attack."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


BOMB = bomb(1 << 30)
DEPTH = 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        BOMB[:-4] + struct.pack("<I", 10),
        BOMB[:-4] + struct.pack("<I", 0),
        BOMB[:-4] + struct.pack("<I", 8 << 20),
        raw(b"]" * DEPTH, b"a" * (DEPTH - 1), b"."),
        raw(b"(]" * DEPTH, b"e" * (DEPTH - 1), b"."),
        raw(b")", b"\x85" * DEPTH, b"."),
        raw(b"}", b"K\x01}" * DEPTH, b"s" * DEPTH, b"."),
        raw(b"}K\x00\x8e", struct.pack("<Q", 1 << 40), b"abc"),
        raw(b"}K\x00\x8d", struct.pack("<Q", 1 << 40), b"abc"),
        raw(b"}K\x00\x8b", struct.pack("<i", -1), b"abc"),
        raw(b"}K\x00\x8b", struct.pack("<i", 1 << 30), b"abc"),
    ],
    ids=[
        "bomb",
        "liar",
        "zero",
        "8M",
        "lists",
        "marks",
        "tuples",
        "dicts",
        "bytes8",
        "text8",
        "-1",
        "long4",
    ],
)
def test_attacks_cost_neither_time_nor_memory(content, alone):
    started = time.process_time()
    with pytest.raises(MLArrayError):
        generations.decode(content)
    assert time.process_time() - started < 0.2
    tracemalloc.start()
    try:
        with pytest.raises(MLArrayError):
            generations.decode(content)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_values_that_refer_to_each_other_are_bounded():
    laughs = [1, 2]
    for _ in range(60):
        laughs = [laughs, laughs]
    loop = []
    loop.append(loop)
    for value in (laughs, loop):
        with pytest.raises(LimitError):
            generations.decode(pack({"a": value}))


def test_too_many_instructions_are_refused():
    for content in (
        raw(b"}", b"K\x01K\x01s" * (unpickle.MAX_STEPS // 3 + 1), b"."),
        gzip.compress(pickle.dumps({i: i for i in range(3_000_000)}, 5), 1),
    ):
        with pytest.raises(LimitError, match=r"instructions|limit is"):
            generations.decode(content)


@given(st.data())
def test_damage_is_an_error_or_another_value_but_never_a_crash(data):
    plain = pickle.dumps(Meta(**FULL).to_mapping(), 5)
    at = data.draw(st.integers(0, len(plain) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = plain[:at] + bytes([byte]) + plain[at + 1 :]
    with contextlib.suppress(MLArrayError):
        assert isinstance(generations.decode(gzip.compress(damaged)), dict)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_a_dict(content):
    for candidate in (content, gzip.compress(content), gzip.compress(b"\x80\x05" + content + b".")):
        with contextlib.suppress(MLArrayError):
            assert isinstance(generations.decode(candidate), dict)


def test_every_cut_and_flip_of_the_stored_bytes_is_noticed():
    encoded = generations.encode(Meta(**FULL))
    for at in range(len(encoded)):
        with pytest.raises(MLArrayError):
            generations.decode(encoded[:at])
        if at not in range(3, 10):  # gzip's own header: flags, time, system
            flipped = encoded[:at] + bytes([encoded[at] ^ 0x10]) + encoded[at + 1 :]
            if at == len(encoded) - 9:  # the last bits before the checksum may be padding
                continue
            with pytest.raises(MLArrayError):
                generations.decode(flipped)
    with pytest.raises(CorruptError):
        generations.decode(encoded + b"\x00")


@pytest.mark.parametrize("content", [[1], "text", 3, None, pack([1]), pack({1: 2}), b"\x01", b""])
def test_metadata_that_is_no_dict(content):
    with pytest.raises(MLArrayError):
        generations.decode(content)


def test_message_pack_bytes_are_read_too():
    assert generations.decode(b"\x81\xa6is_seg\x81\xa6is_seg\xc3") == {"is_seg": {"is_seg": True}}
    encoded = generations.encode(Meta(is_seg=True))
    assert generations.decode(b"\xc5" + struct.pack(">H", len(encoded)) + encoded) == generations.decode(
        encoded
    )


def test_first_generations_by_hand():
    meta = generations.lift(
        {
            "image": {"data": {"x": 1}},
            "extra": {"data": {"y": 2}},
            "bbox": [[[0, 1], [2, 3]]],
            "is_seg": False,
            "stats": None,
            "spatial": {"spacing": [1, 2], "channel_axis": -1, "shape": None},
            "_blosc2": {"chunk_size": [4, 5, 3]},
            "_has_array": True,
            "_mlarray_version": "v0",
        }
    )
    assert meta.source == {"data": {"x": 1}}
    assert meta.extra == {"data": {"y": 2}}
    assert meta.bbox.bboxes == [[[0, 1], [2, 3]]]
    assert meta.is_seg == False  # noqa: E712
    assert meta.spatial.axis_labels == ["spatial", "spatial", "channel"]
    assert meta.blosc2.chunk_size == [4, 5, 3]


def test_geometry_is_read_as_stored():
    for spatial in [
        {"spacing": [3, 2, 1], "origin": [30, 20, 10], "direction": [[0, 0, 1], [0, 1, 0], [1, 0, 0]]},
        {"affine": np.diag([1, 2, 3, 1]).tolist(), "coord_system": "RAS"},
    ]:
        read = generations.lift({"spatial": spatial}).spatial
        assert read.to_mapping(include_none=False) == spatial


def test_the_true_shape_wins():
    mapping = {"spatial": {"shape": [9, 9]}, "_has_array": {"has_array": True}}
    assert generations.lift(mapping, shape=(2, 3)).spatial.shape == [2, 3]
    assert generations.lift({}, shape=(2, 3))._has_array == True  # noqa: E712
    only = {"spatial": {"spacing": [1, 2]}, "_has_array": {"has_array": False}}
    assert generations.lift(only, shape=(0,)).to_plain() == {"spatial": {"spacing": [1, 2]}}


def test_what_a_newer_writer_added_is_kept():
    mapping = {
        "_mlarray_version": "v0",
        "spatial": {"spacing": [1], "curvature": [2]},
        "future": {"a": 1},
        "extra": {"data": {"mlarray": {"x": 1}}},
    }
    with pytest.warns(
        UserWarning, match=r"future: unknown.*spatial\.curvature|spatial\.curvature.*future: unknown"
    ):
        meta = generations.lift(mapping)
    assert meta.spatial.spacing == [1]
    assert meta.extra["mlarray"] == {"x": 1, "unread": {"spatial.curvature": [2], "future": {"a": 1}}}
    assert generations.lift(generations.decode(generations.encode(meta))) == meta


@pytest.mark.parametrize(
    ("mapping", "kept", "reason"),
    [
        (
            {"spatial": {"spacing": [0, 1], "origin": [5, 6]}},
            {"spatial.spacing", "spatial.origin"},
            r"spacing\[0\]",
        ),
        ({"spatial": {"affine": [[1, 1, 0], [1, 1, 0], [0, 0, 1]]}}, {"spatial.affine"}, "invertible"),
        ({"spatial": {"shape": [1, 2], "axis_units": ["mm"]}}, {"spatial.axis_units"}, "axis_units"),
        ({"is_seg": {"is_seg": "yes"}}, {"is_seg"}, "is_seg"),
        ({"stats": {"min": "low", "max": 1}}, {"stats.min"}, r"stats\.min"),
        ({"spatial": {"shape": [1, 2]}, "bbox": {"bboxes": [[[0, 1]]]}}, {"bbox"}, "expected 2 axes"),
        ({"stats": [1]}, {"stats"}, "stats"),
    ],
)
def test_values_that_the_schema_refuses_are_kept_aside(mapping, kept, reason):
    with pytest.warns(UserWarning, match=reason):
        meta = generations.lift(mapping)
    assert set(meta.extra["mlarray"]["unread"]) == kept
    meta.validate()


def test_reading_imports_no_numpy():
    code = (
        "import sys; from mlarray_core.metadata import generations as g; from mlarray_core.meta import Meta;"
        "g.lift(g.decode(g.encode(Meta(source={'a': 1}))));"
        "sys.exit(bool({'numpy', 'blosc2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
