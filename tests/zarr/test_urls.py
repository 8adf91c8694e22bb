"""Stores at URLs: only the chunks that are asked for are fetched, and all that guards local stores holds."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, ReadError, UnsafeError
from mlarray_io.places import fetching

fsspec = pytest.importorskip("fsspec", reason="URLs need fsspec")
zarr = pytest.importorskip("zarr")

VOLUME = np.random.default_rng(4).integers(0, 900, (40, 48, 56)).astype(np.uint16)


@pytest.fixture
def memory(monkeypatch):
    """An empty store in memory, from which nothing is fetched whole."""
    monkeypatch.setattr(fetching, "fetch", None)
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def asked(memory, monkeypatch):
    """What is read of the store: (path, bytes)."""
    reads = []
    plain = type(memory).cat_file

    def noted(self, path, *args, **how):
        data = plain(self, path, *args, **how)
        reads.append((path, len(data)))
        return data

    monkeypatch.setattr(type(memory), "cat_file", noted)
    return reads


@pytest.fixture
def url(memory, tmp_path):
    """An image in chunks of 20 x 24 x 28, eight of them, with a level."""
    image = mlarray.MLArray(VOLUME, spacing=(3, 1, 2))
    mlarray.write(image, tmp_path / "a.ome.zarr", options={"chunk_size": (20, 24, 28), "levels": 1})
    memory.put(str(tmp_path / "a.ome.zarr"), "/a.ome.zarr", recursive=True)
    return "memory://a.ome.zarr"


def test_each_chunk_is_fetched_once(url, asked, tmp_path):
    mlarray.convert(url, tmp_path / "a.mla")
    image = mlarray.read(tmp_path / "a.mla")
    assert np.array_equal(image, VOLUME)
    assert image.spacing == [3, 1, 2]
    chunks = [path for path, _ in asked if "/c/" in path]
    assert len(chunks) == len(set(chunks)) == 8
    assert all(path.startswith("/a.ome.zarr/0/") for path in chunks)


def test_headers_alone(url, asked):
    assert mlarray.info(url).spatial.spacing == [3, 1, 2]
    assert not [path for path, _ in asked if "/c/" in path]


def test_a_level(url, asked):
    coarse = mlarray.read(url, options={"level": 1})
    assert coarse.shape == (40, 24, 56)
    assert not [path for path, _ in asked if path.startswith("/a.ome.zarr/0/c")]


def test_shards_are_fetched_in_part(memory, asked, tmp_path):
    array = zarr.create_array(
        str(tmp_path / "a.zarr"), data=VOLUME, chunks=(10, 12, 14), shards=(40, 48, 56), compressors=None
    )
    memory.put(str(tmp_path / "a.zarr"), "/a.zarr", recursive=True)
    from mlarray_io.engine.select import choose, images_of, open_image
    from mlarray_io.engine.settings import Settings
    from mlarray_io.engine.sources import opened
    from mlarray_io.places.place import place_of

    with opened(place_of("memory://a.zarr")) as (source, format):
        options, context = format.options_type(), Settings().context()
        image = choose(images_of(source, format, options, context), None, source)
        with open_image(source, format, image, options, context) as reader:
            box = (slice(5, 12), slice(0, 12), slice(30, 40))
            assert np.array_equal(reader[box], VOLUME[box])
    assert array.chunks == (10, 12, 14)
    assert sum(size for path, size in asked if "/c/" in path) < VOLUME.nbytes / 4


def test_several_images_are_listed(memory, tmp_path):
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    group.create_array("one", data=VOLUME)
    group.create_array("deep/two", data=VOLUME[:5])
    memory.put(str(tmp_path / "g.zarr"), "/g.zarr", recursive=True)
    with pytest.raises(MLArrayError, match="deep/two, one"):
        mlarray.read("memory://g.zarr")
    assert np.array_equal(mlarray.read("memory://g.zarr", image="deep/two"), VOLUME[:5])
    assert np.array_equal(mlarray.read("memory://g.zarr/one"), VOLUME)


def test_an_archive_is_read_in_place(memory, tmp_path):
    mlarray.write(VOLUME, tmp_path / "a.zarr.zip")
    memory.pipe("/a.zarr.zip", (tmp_path / "a.zarr.zip").read_bytes())
    assert np.array_equal(mlarray.read("memory://a.zarr.zip"), VOLUME)


def test_missing_chunks_are_zero(url, memory):
    memory.rm("/a.ome.zarr/0/c/0/0/0")
    found = mlarray.read(url).to_numpy()
    assert not found[:20, :24, :28].any()
    assert np.array_equal(found[20:], VOLUME[20:])


def change(memory, path, edit):
    content = json.loads(memory.cat_file(path))
    edit(content)
    memory.pipe(path, json.dumps(content).encode())


def test_hostile_stores(url, memory):
    chunk = "/a.ome.zarr/0/c/0/0/0"
    good = memory.cat_file(chunk)
    memory.pipe(chunk, bytes(64 << 20))
    with pytest.raises(CorruptError, match="larger than a chunk"):
        mlarray.read(url)
    memory.pipe(chunk, b"\x28\xb5\x2f\xfd\xa0" + (1 << 31).to_bytes(4, "little") + bytes(99))
    with pytest.raises(CorruptError, match=r"memory://a\.ome\.zarr: .*would become"):
        mlarray.read(url)
    memory.pipe(chunk, good)
    with pytest.raises(LimitError, match="limit"):
        mlarray.read(url, max_bytes=1000)
    for path in ("../b.zarr", "/b.zarr", "memory://b.zarr", "..\\b"):
        change(
            memory, "/a.ome.zarr/zarr.json",
            lambda c, path=path: c["attributes"]["ome"]["multiscales"][0]["datasets"][0].update(path=path),
        )  # fmt: skip
        with pytest.raises((UnsafeError, MLArrayError), match="out of the store"):
            mlarray.read(url)
    memory.pipe("/a.ome.zarr/zarr.json", b" " * ((16 << 20) + 1))
    with pytest.raises(MLArrayError, match="16,777,216 bytes, which are the most"):
        mlarray.read(url)


def test_a_network_that_fails_is_told(url, memory, monkeypatch):
    plain = type(memory).cat_file

    def failing(self, path, *args, **how):
        if "/c/" in path:
            raise OSError("connection to https://user:word@host/x?token=secret lost")
        return plain(self, path, *args, **how)

    monkeypatch.setattr(type(memory), "cat_file", failing)
    with pytest.raises(ReadError, match=r"memory://a\.ome\.zarr: .*connection to https://host/x lost"):
        mlarray.read(url)


def test_nothing_lists_a_web_page_store(tmp_path, monkeypatch):
    """A store on a web server that doesn't list: images that metadata lead to are read all the same."""
    pytest.importorskip("aiohttp", reason="web servers need aiohttp")
    web = import_module("fsspec.implementations.http").HTTPFileSystem
    monkeypatch.setattr(web, "ls", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError("no listing")))
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def list_directory(self, path):
            self.send_error(404)

    mlarray.write(mlarray.MLArray(VOLUME, spacing=(1, 1, 2)), tmp_path / "a.ome.zarr")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(tmp_path)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        found = mlarray.read(f"http://127.0.0.1:{server.server_port}/a.ome.zarr")
        assert np.array_equal(found, VOLUME)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
