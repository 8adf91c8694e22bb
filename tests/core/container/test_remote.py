"""Images at URLs, read lazily through fsspec."""

import builtins
import copy
import pickle

import numpy as np
import pytest

fsspec = pytest.importorskip("fsspec")

from mlarray import Meta, MLArray  # noqa: E402
from mlarray_core.container.frame import parse  # noqa: E402
from mlarray_core.container.remote import together  # noqa: E402
from mlarray_core.errors import (  # noqa: E402
    CorruptError,
    MissingDependencyError,
    ModeError,
    ReadError,
    UnsupportedError,
)

VOXELS = np.arange(40 * 50 * 60, dtype=np.int16).reshape(40, 50, 60)


@pytest.fixture
def memory():
    """An empty file system in memory."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def put(memory, tmp_path):
    """Upload an image, and return its URL."""

    def upload(image, name="image.mla"):
        image.save(tmp_path / name)
        memory.pipe(f"/{name}", (tmp_path / name).read_bytes())
        return f"memory://{name}"

    return upload


@pytest.fixture
def url(put):
    return put(MLArray(VOXELS, spacing=(1, 2, 3), meta={"k": 1}, patch_size=16))


def test_metadata(url):
    image = MLArray.open(url)
    assert image.shape == VOXELS.shape
    assert image.dtype == np.int16
    assert image.spacing == [1, 2, 3]
    assert image.meta.source == {"k": 1}
    assert image.meta.blosc2.patch_size == [16, 16, 16]
    assert image.filepath == url


@pytest.mark.parametrize("key", [..., 3, np.s_[3:30, 5, ::2], np.s_[-1, [3, 1], None], np.s_[5:5]])
def test_voxels(url, key):
    assert np.array_equal(MLArray.open(url)[key], VOXELS[key])


def test_given_buffers_are_filled(url):
    out = np.empty_like(VOXELS)
    assert MLArray.open(url).to_numpy(out=out) is out
    assert np.array_equal(out, VOXELS)


def test_a_patch_fetches_less_than_the_file(put, memory, monkeypatch):
    noise = np.random.default_rng(1).integers(0, 1 << 14, (128, 128, 128), np.int16)
    url = put(MLArray(noise))
    fetched = []
    plain = type(memory).cat_file

    def counted(self, path, start=None, end=None, **how):
        data = plain(self, path, start, end, **how)
        fetched.append(len(data))
        return data

    monkeypatch.setattr(type(memory), "cat_file", counted)
    image = MLArray.open(url)
    assert np.array_equal(image[:8, :8, :8], noise[:8, :8, :8])
    assert sum(fetched) < memory.size("/image.mla") / 4


def test_loading_takes_urls_too(url):
    for image in (MLArray(url), MLArray.load(url), MLArray.load(url, compressed=False)):
        assert np.array_equal(image, VOXELS)
        assert image.meta.source == {"k": 1}


def test_copies_and_pickles(url, tmp_path):
    image = MLArray.open(url)
    assert len(pickle.dumps(image)) < 10_000
    for twin in (copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        assert np.array_equal(twin, VOXELS)
    image.save(tmp_path / "saved.mla")
    assert np.array_equal(MLArray(tmp_path / "saved.mla"), VOXELS)
    assert np.array_equal(image.to_blosc2()[...], VOXELS)


@pytest.mark.parametrize(
    "voxels", [np.array(3.5), np.zeros((0, 3)), np.arange(9), np.zeros((64, 64, 64), np.float32)]
)
def test_any_shape(put, voxels):
    assert np.array_equal(MLArray.open(put(MLArray(voxels))).to_numpy(), voxels)


def test_metadata_only(put):
    image = MLArray.open(put(MLArray(meta=Meta(bbox=[[[0, 1]]]))))
    assert image.shape is None
    assert image.meta.bbox.bboxes == [[[0, 1]]]


def test_nothing_is_written(url, memory):
    before = memory.cat_file("/image.mla")
    for how in ({"mmap_mode": "r+"}, {"mode": "a", "mmap_mode": None}):
        with pytest.raises(ModeError, match="edited in place"):
            MLArray.open(url, **how)
    for write in (lambda: MLArray(VOXELS).save(url), lambda: MLArray.create(url, (3,), "u1")):
        with pytest.raises(ModeError, match=r"Use mlarray\.write"):
            write()
    with pytest.raises(ModeError, match="reading only"):
        MLArray.open(url)[0] = 1
    image = MLArray.open(url, mmap_mode="c")
    image[0] = 7
    assert (image[0] == 7).all()
    assert np.array_equal(image[1:], VOXELS[1:])
    image.close()
    assert memory.cat_file("/image.mla") == before


@pytest.mark.parametrize("call", [MLArray.open, MLArray.load])
def test_errors_name_the_url(memory, call):
    with pytest.raises(ReadError, match=r"^memory://no\.mla: there is nothing"):
        call("memory://no.mla")
    with pytest.raises(ReadError, match=r"foo://x\.mla.*foo"):
        call("foo://x.mla")
    memory.pipe("/text.mla", b"not a frame" * 100)
    with pytest.raises(CorruptError, match=r"memory://text\.mla"):
        call("memory://text.mla")


def test_what_is_missing_is_named(monkeypatch):
    plain = builtins.__import__

    def refuse(name, *rest):
        if name == "fsspec":
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mlarray\[remote\]'"):
        MLArray.open("memory://x.mla")


def test_no_byte_is_damaged_unnoticed(put, memory):
    url = put(MLArray(np.random.default_rng(3).integers(0, 99, (64, 64, 64), np.uint8), patch_size=16))
    good = memory.cat_file("/image.mla")
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    memory.pipe("/image.mla", bytes(bad))
    with pytest.raises(CorruptError, match=r"memory://image\.mla.*checksum"):
        MLArray.open(url)[...]
    with pytest.raises(CorruptError, match="damaged"):
        MLArray.open(url, verify="full")
    assert MLArray.open(url, verify="none").shape == (64, 64, 64)
    memory.pipe("/image.mla", good)
    assert MLArray.open(url).verify() == "sealed"


def test_a_chunk_that_names_a_foreign_codec_never_reaches_blosc2(put, memory):
    url = put(MLArray(np.random.default_rng(3).integers(0, 99, (32, 32, 32), np.uint8)))
    frame = bytearray(memory.cat_file("/image.mla"))
    start = parse(lambda at, count: bytes(frame[at : at + count]), len(frame)).header_size
    frame[start + 2] = frame[start + 2] & 0x1F | 6 << 5
    frame[start + 22] = 200
    memory.pipe("/image.mla", bytes(frame))
    with pytest.raises(UnsupportedError, match="codec"):
        MLArray.open(url, verify="none")[...]


def test_levels_are_fetched_alone(memory, tmp_path):
    voxels = np.random.default_rng(5).integers(0, 1 << 12, (200, 160, 160), np.int16)
    MLArray(voxels, spacing=(1, 1, 1)).save(tmp_path / "deep.mla", levels="auto")
    memory.pipe("/deep.mla", (tmp_path / "deep.mla").read_bytes())
    local = MLArray.open(tmp_path / "deep.mla")
    for ours, theirs in zip(MLArray.open("memory://deep.mla").levels, local.levels, strict=True):
        assert np.array_equal(ours, theirs)
        assert np.array_equal(ours.affine, theirs.affine)
    assert len(local.levels) > 0


def test_a_server_that_ignores_ranges_is_told_apart(url, memory, monkeypatch):
    plain = type(memory).cat_file
    monkeypatch.setattr(type(memory), "cat_file", lambda self, path, start=None, end=None: plain(self, path))
    with pytest.raises(ReadError, match="came"):
        MLArray.open(url)[...]


@pytest.fixture
def counted(memory, monkeypatch):
    """The ranges that are fetched, as (first byte, end)."""
    fetched = []
    plain = type(memory).cat_file

    def noted(self, path, start=None, end=None, **how):
        fetched.append((start, end))
        return plain(self, path, start, end, **how)

    monkeypatch.setattr(type(memory), "cat_file", noted)
    return fetched


NOISE = np.random.default_rng(2).integers(0, 1 << 14, (128, 128, 128), np.int16)
SMALL = {"chunk_size": (16, 32, 32), "block_size": (16, 32, 32)}


def test_a_patch_takes_few_requests_and_is_kept(put, counted):
    image = MLArray.open(put(MLArray(NOISE, patch_size=None, **SMALL)))
    counted.clear()
    assert np.array_equal(image[5:101, 7:103, 9:105], NOISE[5:101, 7:103, 9:105])
    assert 0 < len(counted) <= 8  # of 7 x 4 x 4 chunks
    counted.clear()
    assert np.array_equal(image[10:90, 10:90, 10:90], NOISE[10:90, 10:90, 10:90])
    assert counted == []
    image._state.need().release()
    image[0, 0, 0]
    assert len(counted) == 1


def test_many_boxes_fetch_each_chunk_once(put, counted, monkeypatch):
    monkeypatch.setattr("mlarray_core.container.remote.AT_ONCE", 200_000)  # several batches
    image = MLArray.open(put(MLArray(NOISE, patch_size=None, **SMALL)))
    counted.clear()
    boxes = [np.s_[start : start + 64, start : start + 64, 32:96] for start in (0, 16, 32, 64)]
    assert np.array_equal(image.read_many(boxes), [NOISE[box] for box in boxes])
    assert len(counted) == len({first for first, _ in counted})
    counted.clear()
    assert np.array_equal(image.read_many(boxes), [NOISE[box] for box in boxes])
    assert counted == []


def test_prefetched_chunks_are_there(put, counted):
    image = MLArray.open(put(MLArray(NOISE, patch_size=None, **SMALL)))
    image.prefetch([np.s_[:32, :32, :32]])
    contents = image._state.need().contents
    contents.buffer._requests.threads.shutdown()  # waits for what is under way
    counted.clear()
    assert contents.chunk(0) is not None
    assert counted == []


def test_little_is_kept(put, monkeypatch):
    monkeypatch.setattr("mlarray_core.container.remote.KEPT", 100_000)
    image = MLArray.open(put(MLArray(NOISE, patch_size=None, **SMALL)))
    assert np.array_equal(image[...], NOISE)
    assert sum(map(len, image._state.need().contents.buffer._chunks.values())) <= 100_000


@pytest.mark.parametrize(
    ("ranges", "groups"),
    [
        ([], []),
        ([(0, 10), (10, 20)], [[(0, 10), (10, 20)]]),
        ([(0, 10), (60_000, 60_010)], [[(0, 10), (60_000, 60_010)]]),  # a request costs more than the gap
        ([(0, 10), (90_000, 90_010)], [[(0, 10)], [(90_000, 90_010)]]),
        # of 10 ranges, the two smallest gaps are bridged: 8 requests are left
        (
            [(n * 300_000 + 1000 * (n % 2), n * 300_000 + 150_000) for n in range(10)],
            8,
        ),
    ],
)
def test_neighbours_are_fetched_together(ranges, groups):
    found = together(ranges)
    assert (len(found) if isinstance(groups, int) else found) == groups
    assert [one for group in found for one in group] == ranges


def test_a_request_is_no_longer_than_it_may_be():
    ranges = [(n << 20, (n + 1) << 20) for n in range(16)]
    assert [len(group) for group in together(ranges)] == [4, 4, 4, 4]


def test_a_broken_connection_is_tried_again(url, memory, monkeypatch):
    monkeypatch.setattr("mlarray_core.urls.PAUSES", (0, 0))
    image, plain, broken = MLArray.open(url), type(memory).cat_file, [2]

    def shaky(self, *where, **how):
        if broken[0]:
            broken[0] -= 1
            raise ConnectionResetError("reset by peer")
        return plain(self, *where, **how)

    monkeypatch.setattr(type(memory), "cat_file", shaky)
    assert np.array_equal(image[...], VOXELS)
    broken[0] = 100
    image._state.need().release()
    with pytest.raises(ReadError, match="reset by peer"):
        image[...]


def test_what_isnt_there_is_not_tried_again(url, memory, monkeypatch):
    image, asked = MLArray.open(url), []

    def gone(self, *where, **how):
        asked.append(where)
        raise FileNotFoundError(where)

    monkeypatch.setattr(type(memory), "cat_file", gone)
    with pytest.raises(ReadError, match="nothing at this URL"):
        image[0, 0, 0]
    assert len(asked) == 1
