"""Sources and targets at URLs: in memory, on a web server of this machine, in an S3 store of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_core.url_text import is_url, scrubbed, shown
from mlarray_io.commands import main as cli
from mlarray_io.engine.sources import opened
from mlarray_io.places import fetching, listing, uploads, url_names
from mlarray_io.places.place import LocalPlace, UrlPlace, place_of
from mlarray_io.places.sources import UrlSource
from mlarray_io.requests.interrupts import TERMINATED

sys.path.insert(0, str(Path(__file__).parents[1]))
from stores import need_s3, s3_server

fsspec = pytest.importorskip("fsspec", reason="URLs need fsspec")

VOXELS = np.random.default_rng(0).integers(0, 4000, (24, 30, 40)).astype("i2")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, empty after every test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(fetching, "RESERVE", 0)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def image():
    return mlarray.MLArray(VOXELS, spacing=(3, 1, 2), origin=(1, 2, 3))


@pytest.fixture
def scan(image, tmp_path):
    path = tmp_path / "scan.nrrd"
    mlarray.write(image, path)
    return path


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, byte ranges too if its server does, and notes what it was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        path = Path(self.translate_path(self.path))
        span = self.headers.get("Range")
        if not (span and self.server.ranges and path.is_file()):
            return super().do_GET()
        content = path.read_bytes()
        first, _, last = span.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(content) - int(last)
        stop = min(int(last) + 1 if first and last else len(content), len(content))
        self.send_response(206)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:stop])
        self.server.sent += stop - start
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(params=["ranges", "no ranges"])
def web(request, tmp_path):
    """A web server of the folder ``web``, as (folder, URL, server)."""
    pytest.importorskip("aiohttp", reason="web servers need aiohttp")
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.ranges, server.asked, server.sent = request.param == "ranges", [], 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}", server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("text", "answer"),
    [("s3://bucket/key", True), ("zip://a.nii::memory://a.zip", True), ("simplecache::s3://b/k", True),
     ("a/b.nii", False), ("/a/b.nii", False), ("C:\\a.nii", False), ("C://a.nii", False), ("a::b", False)],
)  # fmt: skip
def test_what_a_url_is(text, answer):
    assert is_url(text) is answer


def test_file_urls_are_paths(tmp_path):
    assert place_of("file:///a%20b/c.nii") == LocalPlace(Path("/a b/c.nii"))
    assert place_of("a/b.nii") == LocalPlace(Path("a/b.nii"))
    assert place_of(Path("a")) == LocalPlace(Path("a"))
    assert place_of("s3://a/b") == UrlPlace("s3://a/b")


@pytest.mark.parametrize(
    ("url", "name"),
    [("s3://bucket/a/b.nii.gz", "b.nii.gz"), ("https://h/a%20b.nii?sig=1/2.mla", "a b.nii"),
     ("s3://b/c/", "c"),
     ("https://h", "source"), ("zip://in/a.nii::memory://x.zip", "a.nii"), ("memory://../..", "source"),
     ("simplecache::s3://b/k.nii", "k.nii"), ("https://h/..%2f..%2fetc", "etc"), ("memory://a:b|c", "a_b_c")],
)  # fmt: skip
def test_names(url, name):
    assert url_names.name_of(url) == name


def test_names_below_and_beside():
    assert url_names.joined("s3://b/x", "a/b.nii") == "s3://b/x/a/b.nii"
    assert url_names.joined("https://h/x?sig=1", "a") == "https://h/x/a?sig=1"
    assert url_names.joined("memory://", "a") == "memory://a"
    assert url_names.beside("s3://b/x/a.hdr", "a.img") == "s3://b/x/a.img"
    assert url_names.beside("https://h/x/a.hdr?sig=1", "a.img") == "https://h/x/a.img?sig=1"
    assert url_names.beside("memory://a.hdr", "a.img") == "memory://a.img"
    assert url_names.beside("zip://x/a.hdr::memory://b.zip", "a.img") == "zip://x/a.img::memory://b.zip"


@pytest.mark.parametrize(
    ("url", "seen"),
    [("https://user:word@host/x.nii?token=t#f", "https://host/x.nii"),
     ("https://user:wo/rd@host/x", "https://host/x"), ("https://user:w?rd@host/x", "https://host/x"),
     ("https://token@host/x", "https://host/x"), ("https://host/x?mail=a@b", "https://host/x"),
     ("http://host:80/a@b", "http://host:80/a@b"), ("http://[::1]:80/x?t", "http://[::1]:80/x"),
     ("zip://a::https://u:w@h/x?t", "zip://a::https://h/x"), ("s3://KEY:SECRET@b/k y", "s3://b/k y"),
     ("memory://a@b", "memory://a@b")],
)  # fmt: skip
def test_secrets_are_not_shown(url, seen):
    assert shown(url) == seen
    if " " not in url:
        assert scrubbed(f"no '{url}', sorry") == f"no '{seen}', sorry"
    error = errors.ReadError("no", path=url)
    assert (error.path, str(error)) == (seen, f"{seen}: no")


@pytest.mark.parametrize(
    "suffix", [".mla", ".nii.gz", ".nhdr", ".hdr", ".npy", ".ome.zarr", ".zarr.zip", ".tif"]
)
def test_there_and_back(memory, scan, suffix):
    url = f"memory://out/a{suffix}"
    done = mlarray.convert(scan, url)
    assert done.target == url
    stored = sum(memory.size(name) for name in memory.find("/out"))
    assert done.target_bytes == stored
    again = mlarray.convert(url, f"memory://out/b{suffix}")
    assert (again.source, again.target) == (url, f"memory://out/b{suffix}")
    assert np.array_equal(mlarray.read(f"memory://out/b{suffix}").to_numpy().squeeze(), VOXELS)
    if suffix not in (".npy",):
        assert mlarray.info(url).spatial.spacing == [3, 1, 2]


def test_the_command_line(memory, scan, capsys):
    assert cli.main(["convert", str(scan), "memory://a/scan.mla"]) == 0
    assert "-> memory://a/scan.mla" in capsys.readouterr().out
    assert cli.main(["info", "memory://a/scan.mla", "--json"]) == 0
    assert '"path": "memory://a/scan.mla"' in capsys.readouterr().out
    assert cli.main(["convert", "memory://a/scan.mla", "memory://a/scan.mla"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["convert", "memory://a/scan.mla", "memory://a/scan.mla", "--force"]) == 1
    assert "are the same" in capsys.readouterr().err
    assert cli.main(["convert", str(scan), "memory://a/scan.mla", "--force", "-q"]) == 0
    assert cli.main(["convert", "memory://a/scan.mla", "memory://folder/", "--all"]) == 0
    assert memory.exists("/folder/scan.mla")
    assert cli.main(["show", "memory://folder/scan.mla"]) == 0


def test_other_commands(memory, scan, capsys):
    mlarray.convert(scan, "memory://a.mla", options={"levels": "1"})
    assert cli.main(["verify", "memory://a.mla"]) == 0
    assert "sealed" in capsys.readouterr().out
    assert cli.main(["levels", "memory://a.mla", "--verify"]) == 0
    assert "all checksums agree" in capsys.readouterr().out
    assert cli.main(["formats", "memory://a.mla", "--json"]) == 0
    assert '"format": "mla"' in capsys.readouterr().out
    for change in (["levels", "memory://a.mla", "--drop"], ["levels", "memory://a.mla", "--build"]):
        assert cli.main(change) == 1
        assert "can't be changed in place" in capsys.readouterr().err
    content = bytearray(memory.cat("/a.mla"))
    content[len(content) // 3] ^= 1
    memory.pipe("/a.mla", bytes(content))
    assert cli.main(["verify", "memory://a.mla"]) == 1
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["convert", "show"])
def test_errors_name_the_url_not_its_copy(memory, scan, capsys, command):
    memory.pipe("/cut.nrrd", scan.read_bytes()[:-3000])
    assert (
        cli.main([command, "memory://cut.nrrd", *(["memory://a.mla"] if command == "convert" else [])]) == 1
    )
    said = capsys.readouterr().err
    assert "memory://cut.nrrd" in said
    assert "temporary" not in said


def test_a_polite_kill_leaves_no_copy(tmp_path, temporary):
    """A server that never ends its answer is waited for; who kills the wait finds no copy left."""
    pytest.importorskip("aiohttp", reason="web servers need aiohttp")
    stop = threading.Event()

    class Slow(SimpleHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(b"NRRD0004\n" + bytes(1 << 20))
            self.wfile.flush()
            stop.wait(30)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    command = [
        sys.executable,
        "-c",
        "import sys; from mlarray_io.commands.main import main; sys.exit(main())",
    ]
    url = f"http://127.0.0.1:{server.server_port}/a.nrrd"
    child = subprocess.Popen(
        [*command, "convert", url, str(tmp_path / "a.mla")], env={**os.environ, "TMPDIR": str(temporary)}
    )
    try:
        for _ in range(600):
            if list(temporary.glob("*/a.nrrd")):
                break
            time.sleep(0.05)
        assert [path.name for path in temporary.glob("*/*")] == ["a.nrrd"]
        child.terminate()
        assert child.wait(20) == TERMINATED
    finally:
        child.kill()
        child.wait()
        stop.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert not (tmp_path / "a.mla").exists()


def test_targets_are_never_replaced_unasked(memory, scan):
    memory.pipe("/a.nii", b"precious")
    with pytest.raises(errors.ExistsError, match=r"memory://a\.nii: exists"):
        mlarray.convert(scan, "memory://a.nii")
    assert memory.cat("/a.nii") == b"precious"
    mlarray.convert(scan, "memory://a.nii", overwrite=True)
    assert np.array_equal(mlarray.read("memory://a.nii"), VOXELS)


def test_nothing_appears_when_writing_fails(memory, scan, tmp_path):
    with pytest.raises(errors.LossError, match=r"memory://a\.npy"):
        mlarray.convert(scan, "memory://a.npy", strict=True)
    damaged = tmp_path / "damaged.nrrd"
    damaged.write_bytes(scan.read_bytes()[:-3000])
    with pytest.raises(errors.MLArrayError, match=r"damaged\.nrrd"):
        mlarray.convert(damaged, "memory://a.ome.zarr")
    assert memory.find("/") == []


def test_a_folder_that_cannot_be_uploaded_whole_is_removed(memory, scan, monkeypatch):
    plain = type(memory).put_file

    def failing(self, path, place, **how):
        if place.endswith("a.ome.zarr/zarr.json"):
            raise OSError("the network is gone")
        return plain(self, path, place, **how)

    monkeypatch.setattr(type(memory), "put_file", failing)
    with pytest.raises(errors.WriteError, match=r"memory://a\.ome\.zarr: .*network is gone"):
        mlarray.convert(scan, "memory://a.ome.zarr")
    assert memory.find("/") == []


def test_what_a_folder_is_comes_last(memory, scan, monkeypatch):
    order = []
    plain = type(memory).put_file
    monkeypatch.setattr(
        type(memory), "put_file",
        lambda self, path, place, **how: (order.append(place), plain(self, path, place, **how))[1],
    )  # fmt: skip
    mlarray.convert(scan, "memory://a.ome.zarr", options={"chunk_size": (8, 16, 16)})
    assert order[-1] == "/a.ome.zarr/zarr.json"
    memory.pipe("/a.ome.zarr/stale", b"")
    mlarray.convert(scan, "memory://a.ome.zarr", overwrite=True)
    assert not memory.exists("/a.ome.zarr/stale")
    assert np.array_equal(mlarray.read("memory://a.ome.zarr"), VOXELS)


def test_elsewhere_files_are_renamed_into_place(tmp_path, scan, image):
    target = tmp_path / "there"
    target.mkdir()
    mlarray.write(image, tmp_path / "a.ome.zarr")
    for name, url in (
        (scan, f"local://{target}/a.nrrd"),
        (tmp_path / "a.ome.zarr", f"local://{target}/b.zarr"),
    ):
        uploads.publish(name, url)
        with pytest.raises(errors.ExistsError):
            uploads.publish(name, url)
        uploads.publish(name, url, overwrite=True)
    assert sorted(path.name for path in target.iterdir()) == ["a.nrrd", "b.zarr"]
    assert np.array_equal(mlarray.read(target / "b.zarr"), VOXELS)


def test_web_servers_and_chains_are_no_targets(memory, scan):
    for url in ("https://user:word@host/a.mla?t=secret", "simplecache::memory://a.mla"):
        with pytest.raises(errors.UnsupportedError, match="can't be written to") as caught:
            mlarray.convert(scan, url)
        assert "word" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_an_archive_is_looked_into(memory, scan, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(scan, "inside/scan.nrrd")
    memory.pipe("/a.zip", (tmp_path / "a.zip").read_bytes())
    assert np.array_equal(mlarray.read("zip://inside/scan.nrrd::memory://a.zip"), VOXELS)


def test_pairs_are_fetched_together_and_others_are_told(memory, scan, tmp_path):
    mlarray.convert(scan, "memory://a/x.nhdr")
    assert memory.find("/a") == ["/a/x.nhdr", "/a/x.raw.gz"]
    assert np.array_equal(mlarray.read("memory://a/x.nhdr"), VOXELS)
    memory.mv("/a/x.raw.gz", "/a/other.raw.gz")
    header = memory.cat("/a/x.nhdr").replace(b"x.raw.gz", b"other.raw.gz")
    memory.pipe("/a/x.nhdr", header)
    with pytest.raises(errors.NotFoundError, match=r"^memory://a/x\.nhdr: .*Only this file was fetched"):
        mlarray.read("memory://a/x.nhdr")


def test_a_url_in_a_file_is_never_opened(memory, scan):
    mlarray.convert(scan, "memory://a/x.nhdr")
    header = memory.cat("/a/x.nhdr").replace(b"x.raw.gz", b"memory://a/x.raw.gz")
    memory.pipe("/a/y.nhdr", header)
    with pytest.raises(errors.MLArrayError, match=r"^memory://a/y\.nhdr"):
        mlarray.read("memory://a/y.nhdr")
    with pytest.raises(errors.UnsafeError, match="which other URLs are opened"):
        mlarray.read("reference://x")


def test_folders_are_fetched(memory, tmp_path):
    pytest.importorskip("imagecodecs", reason="pictures need imagecodecs")
    mlarray.write(mlarray.MLArray(VOXELS.astype("u2")), tmp_path / "slices.pngs")
    memory.put(str(tmp_path / "slices.pngs"), "/study/slices", recursive=True)
    for url in ("memory://study/slices", "memory://study/slices/"):
        assert np.array_equal(mlarray.read(url), VOXELS)


def test_listing(memory):
    memory.pipe({"/top/b.nii": b"22", "/top/a/z.nii": b"1", "/top/a/y/x.nii": b"333", "/topmost": b"4"})
    found = list(listing.listing("memory://top"))
    assert [(one.name, one.size) for one in found] == [("b.nii", 2), ("a/z.nii", 1), ("a/y/x.nii", 3)]
    assert found[1].url == "memory://top/a/z.nii"
    assert all(one.mtime is not None and one.mtime > 1e9 for one in found)
    assert [one.name for one in listing.listing("memory://top/b.nii")] == ["b.nii"]
    assert listing.exists("memory://top/a")
    assert not listing.exists("memory://top/c")
    with pytest.raises(errors.ReadError, match=r"memory://no: there is nothing"):
        list(listing.listing("memory://no"))


@pytest.mark.parametrize("name", ["../../escape", "a/../../b", "/x//y", "a\nb"])
def test_names_that_lead_out_are_refused(memory, monkeypatch, name, tmp_path):
    entry = {"name": f"/top/{name}", "size": 1, "type": "file"}
    memory.pipe("/top/a", b"1")
    monkeypatch.setattr(type(memory), "ls", lambda *_, **__: [entry])
    with pytest.raises(errors.UnsafeError, match="leads out"), fetching.local_copy("memory://top"):
        pass


def test_sizes_are_limited(memory, monkeypatch):
    memory.pipe("/big", b"0" * 1000)
    memory.pipe({f"/many/{number}": b"0" * 100 for number in range(11)})
    with fetching.local_copy("memory://big", 1000) as path:
        assert path.read_bytes() == b"0" * 1000
    for url, most in (("memory://big", 999), ("memory://many", 1000)):
        with pytest.raises(errors.LimitError, match="room for"), fetching.local_copy(url, most):
            pass
    monkeypatch.setattr(fetching, "MOST_FILES", 10)
    with pytest.raises(errors.LimitError, match="over 10 files"), fetching.local_copy("memory://many"):
        pass
    monkeypatch.setattr(fetching, "RESERVE", 1 << 60)
    with pytest.raises(errors.LimitError, match="TMPDIR"), fetching.local_copy("memory://big"):
        pass


def test_copies_are_removed_when_reading_fails(memory, scan):
    memory.pipe("/cut.nrrd", scan.read_bytes()[:-3000])
    with pytest.raises(errors.CorruptError, match=r"^memory://cut\.nrrd: ") as caught:
        mlarray.read("memory://cut.nrrd")
    assert "temporary" not in str(caught.value)
    memory.pipe("/text.xyz", b"no image at all")
    with pytest.raises(errors.UnknownFormatError, match=r"^memory://text\.xyz"):
        mlarray.info("memory://text.xyz")


def test_only_what_is_needed_is_read_of_mla(memory, tmp_path, monkeypatch):
    noise = np.random.default_rng(1).integers(0, 1 << 14, (128, 128, 128), np.int16)
    mlarray.write(mlarray.MLArray(noise), "memory://a.mla")
    fetched = []
    plain = type(memory).cat_file

    def counted(self, *args, **how):
        fetched.append(len(data := plain(self, *args, **how)))
        return data

    monkeypatch.setattr(type(memory), "cat_file", counted)
    monkeypatch.setattr(fetching, "fetch", None)
    assert mlarray.info("memory://a.mla").spatial.shape == [128, 128, 128]
    assert sum(fetched) < 300_000


def test_what_is_not_installed_is_named(monkeypatch):
    known = import_module("fsspec.registry").known_implementations
    monkeypatch.setitem(known, "gs", {"class": "nowhere_at_all.X", "err": "install it"})
    with pytest.raises(errors.MissingDependencyError, match=r"gs://b/a\.nii: .*gcsfs.*pip install 'gcsfs'"):
        mlarray.read("gs://b/a.nii")
    with pytest.raises(errors.ReadError, match="foo:// is no protocol"):
        mlarray.read("foo://b/a.nii")


def test_sniffing_a_url_breaks_no_format(memory, scan):
    mlarray.convert(scan, "memory://a.nii.gz")
    from mlarray_io.engine.registry import installed

    before = dict(installed().broken)
    with opened(place_of("memory://a.nii.gz")) as (source, format):
        assert format.name == "nifti"
        assert source.url is None
        assert str(source.where) == "memory://a.nii.gz"
    assert installed().broken == before


def test_from_a_web_server(web, scan, image):
    folder, url, server = web
    for name in ("a.nrrd", "b c.nii.gz", "d.mla", "e.ome.zarr", "f.zarr.zip"):
        mlarray.convert(scan, folder / name)
        found = mlarray.read(f"{url}/{name}?token=secret")
        assert np.array_equal(found, VOXELS), name
        assert found.spacing == [3, 1, 2]
    assert UrlSource(f"{url}/d.mla").in_parts is server.ranges


def test_a_cache_of_fsspec_is_its_own(web, scan, temporary):
    folder, url, _ = web
    for name in ("a.nrrd", "d.mla"):
        mlarray.convert(scan, folder / name)
        assert np.array_equal(mlarray.read(f"simplecache::{url}/{name}"), VOXELS), name
    for left in temporary.iterdir():  # until the interpreter ends
        assert left.name.startswith("tmp")
        shutil.rmtree(left)


def test_a_folder_of_a_web_server(web, tmp_path):
    pytest.importorskip("imagecodecs", reason="pictures need imagecodecs")
    folder, url, _ = web
    (folder / "secret.txt").write_text("x")
    mlarray.write(mlarray.MLArray(VOXELS.astype("u2")), folder / "slices.pngs")
    assert np.array_equal(mlarray.read(f"{url}/slices.pngs"), VOXELS)
    names = [one.name for one in listing.listing(f"{url}/slices.pngs/")]
    assert len(names) == 24
    assert all(name.endswith(".png") and "/" not in name for name in names)


def test_web_errors_hold_no_secrets(web):
    _, url, _ = web
    with pytest.raises(errors.ReadError, match=r"no\.nii: there is nothing at this URL\. ") as caught:
        mlarray.read(f"{url}/no.nii?token=secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(errors.ReadError, match=r"refused|connect") as caught:
        mlarray.read("http://user:word@127.0.0.1:1/x.nii?token=secret")
    assert not any(part in str(caught.value) for part in ("secret", "word"))
    assert caught.value.__cause__ is None


def test_a_server_that_sends_without_an_end(monkeypatch):
    """However much a server sends, no more is read than was asked for, or than there is room for."""
    pytest.importorskip("aiohttp", reason="web servers need aiohttp")
    import tracemalloc

    class Endless(SimpleHTTPRequestHandler):
        def do_HEAD(self):
            if ".zarr" in self.path and not self.path.endswith("zarr.json"):
                return self.send_error(404)
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length" if self.command == "HEAD" else "X-Nothing", "5000")
            self.end_headers()
            return None

        def do_GET(self):
            self.do_HEAD()
            start = b"\x9e\xa8b2frame\x00" if self.path.endswith(".mla") else b"NRRD0004\n# "
            with suppress(OSError):
                self.wfile.write(start)
                while True:
                    self.wfile.write(b" " * (1 << 20))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    tracemalloc.start()
    try:
        for name, what in (("a.mla", errors.CorruptError), ("a.zarr", errors.MLArrayError),
                           ("a.nrrd", errors.LimitError)):  # fmt: skip
            with pytest.raises(what):
                mlarray.read(f"http://127.0.0.1:{server.server_port}/{name}")
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()
        server.shutdown()
        thread.join()
        server.server_close()


def test_pages_lead_nowhere_else(web):
    folder, url, _ = web
    (folder / "in").mkdir()
    (folder / "outside.nii").write_bytes(b"x")
    links = ["a.nii", "../outside.nii", "%2e%2e/outside.nii", "/outside.nii", "http://other.example/x.nii",
             "?C=N;O=D", "javascript:void(0)"]  # fmt: skip
    (folder / "in" / "index.html").write_text("".join(f'<a href="{link}">x</a>' for link in links))
    (folder / "in" / "a.nii").write_bytes(b"x")
    assert {one.name for one in listing.listing(f"{url}/in/")} <= {"a.nii", "javascript:void(0)"}


@pytest.fixture(scope="module")
def store():
    """A bucket of an S3 server of this machine, as fsspec's file system."""
    need_s3()
    with s3_server() as system:
        system.mkdir("bucket")
        yield system


@pytest.mark.parametrize("suffix", [".mla", ".nii.gz", ".hdr", ".ome.zarr", ".zarr.zip"])
def test_s3(store, scan, suffix):
    url = f"s3://bucket/folder/a{suffix}"
    mlarray.convert(scan, url)
    with pytest.raises(errors.ExistsError, match=r"s3://bucket/folder/a"):
        mlarray.convert(scan, url)
    mlarray.convert(scan, url, overwrite=True)
    mlarray.convert(url, f"s3://bucket/other/a{suffix}")
    found = mlarray.read(f"s3://bucket/other/a{suffix}")
    assert np.array_equal(found, VOXELS)
    assert found.spacing == [3, 1, 2]


def test_s3_listing_and_errors(store, scan):
    mlarray.convert(scan, "s3://bucket/list/a.nrrd")
    mlarray.convert(scan, "s3://bucket/list/deep/b.nrrd")
    found = list(listing.listing("s3://bucket/list/"))
    assert [one.name for one in found] == ["a.nrrd", "deep/b.nrrd"]
    assert all(one.size and one.mtime for one in found)
    with fetching.local_copy("s3://bucket/list/") as path:
        assert (path / "deep/b.nrrd").stat().st_size == found[1].size
    for url in ("s3://bucket/no.nii", "s3://nobucket/no.nii"):
        with pytest.raises(errors.ReadError, match=url):
            mlarray.read(url)
    with pytest.raises(errors.WriteError, match=r"s3://nobucket/no\.nii"):
        mlarray.convert(scan, "s3://nobucket/no.nii")
    with pytest.raises(errors.ReadError) as caught:
        mlarray.read("s3://KEY:SECRET@bucket/a.nrrd")
    assert "SECRET" not in str(caught.value)
