"""Publishing: the target is the old file or the whole new one, and nothing else stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlarray_core import disk, publish
from mlarray_core.errors import CorruptError, ExistsError, WriteError
from mlarray_core.leftovers import sweep
from mlarray_core.publish import Publication, atomic


def entries(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_appears_when_the_body_ends(tmp_path: Path) -> None:
    target = tmp_path / "scan.nii.gz"
    with atomic(target) as temp:
        assert temp.name == "scan.nii.gz"
        assert temp.parent.parent == tmp_path
        temp.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert entries(tmp_path) == ["scan.nii.gz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.mla"
    target.write_bytes(b"old")
    with pytest.raises(error), atomic(target, overwrite=True) as temp:
        temp.write_bytes(b"half")
        raise error
    assert target.read_bytes() == b"old"
    assert entries(tmp_path) == ["a.mla"]


def test_an_existing_target_is_refused_at_once(tmp_path: Path) -> None:
    target = tmp_path / "a.mla"
    target.write_bytes(b"old")
    with pytest.raises(ExistsError, match="--force"), atomic(target):
        pytest.fail("the body ran")
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False])
def test_a_target_that_appears_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "a.mla"
    with pytest.raises(ExistsError), atomic(target) as temp:
        temp.write_bytes(b"mine")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    assert entries(tmp_path) == ["a.mla"]


def test_a_file_system_without_links_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with atomic(tmp_path / "a.mla") as temp:
        temp.write_bytes(b"new")
    assert (tmp_path / "a.mla").read_bytes() == b"new"


def test_links_are_followed_and_permissions_kept(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    real = tmp_path / "store" / "real.mla"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "link.mla"
    link.symlink_to(real)
    with atomic(link, overwrite=True) as temp:
        temp.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert entries(tmp_path / "store") == ["real.mla"]


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    with atomic(tmp_path / "a.mla") as temp:
        temp.write_bytes(b"")
    assert (tmp_path / "a.mla").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_companions_are_published_and_protected_too(tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(b"old")
    with pytest.raises(ExistsError, match=r"a\.img"), atomic(tmp_path / "a.hdr") as temp:
        temp.write_bytes(b"header")
        temp.with_suffix(".img").write_bytes(b"voxels")
    assert entries(tmp_path) == ["a.img"]
    with atomic(tmp_path / "a.hdr", overwrite=True) as temp:
        temp.write_bytes(b"header")
        temp.with_suffix(".img").write_bytes(b"voxels")
    assert entries(tmp_path) == ["a.hdr", "a.img"]
    assert (tmp_path / "a.img").read_bytes() == b"voxels"


@pytest.mark.parametrize("before", ["nothing", "folder", "file"])
def test_a_folder_is_a_target(tmp_path: Path, before: str) -> None:
    target = tmp_path / "a.zarr"
    if before == "folder":
        target.mkdir()
        (target / "old").write_bytes(b"old")
    elif before == "file":
        target.write_bytes(b"old")
    with atomic(target, overwrite=True) as temp:
        (temp / "c").mkdir(parents=True)
        (temp / "c" / "0").write_bytes(b"new")
    assert entries(target) == ["c"]
    assert entries(tmp_path) == ["a.zarr"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_folder_is_there_at_every_moment(tmp_path: Path) -> None:
    """Somebody who looks all the time sees the old folder or the new one, never none."""
    target = tmp_path / "a.zarr"
    code = (
        "import os, sys\n"
        "print('ready', flush=True)\n"
        "missing = 0\n"
        "while not os.path.exists(sys.argv[1] + '.done'): missing += not os.path.isdir(sys.argv[1])\n"
        "print(missing)\n"
    )
    target.mkdir()
    looking = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True)
    assert looking.stdout is not None
    assert looking.stdout.readline() == "ready\n"
    for number in range(200):
        with atomic(target, overwrite=True) as temp:
            temp.mkdir()
            (temp / "c").write_text(str(number))
    Path(f"{target}.done").touch()
    assert looking.communicate()[0] == "0\n"
    assert (target / "c").read_text() == "199"


def test_a_folder_that_cannot_move_gives_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.zarr"
    target.mkdir()
    (target / "old").write_bytes(b"old")
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.parent.name.startswith(".a.zarr.tmp") and self.name == "a.zarr":
            raise OSError(errno.EIO, "Input/output error")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(publish, "exchange", lambda *_: False)  # as on systems that have no such call
    with pytest.raises(WriteError, match="Input/output"), atomic(target, overwrite=True) as temp:
        temp.mkdir()
    assert entries(target) == ["old"]
    assert entries(tmp_path) == ["a.zarr"]


@pytest.mark.parametrize(
    ("code", "text"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EDQUOT, "quota")],
)
def test_errors_of_writing_name_path_and_cause(tmp_path: Path, code: int, text: str) -> None:
    target = tmp_path / "a.mla"
    target.write_bytes(b"old")
    with pytest.raises(WriteError, match=text) as caught, atomic(target, overwrite=True) as temp:
        temp.write_bytes(b"half")
        raise OSError(code, os.strerror(code))
    assert caught.value.path == str(target)
    assert target.read_bytes() == b"old"
    assert entries(tmp_path) == ["a.mla"]


def test_errors_of_reading_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic(tmp_path / "a.mla"):
        open(tmp_path / "missing", encoding="utf-8")  # noqa: SIM115
    assert not isinstance(caught.value, WriteError)
    with pytest.raises(CorruptError), atomic(tmp_path / "a.mla"):
        raise CorruptError("cut short", path=tmp_path / "source")


def test_errors_that_name_the_temporary_path_name_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.mla"
    with pytest.raises(WriteError) as caught, atomic(target) as temp:
        raise WriteError("won't", path=temp)
    assert caught.value.path == str(target)


def test_missing_and_impossible_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match="folder does not exist"):
        Publication(tmp_path / "none" / "a.mla")
    with pytest.raises(WriteError, match="not a folder"):
        Publication(tmp_path / "file" / "a.mla")
    with pytest.raises(WriteError, match="neither a file nor a folder"):
        Publication("/dev/null", overwrite=True)


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="nothing was written"), atomic(tmp_path / "a.mla"):
        pass
    assert entries(tmp_path) == []


def test_long_names_fit(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 120 + ".mla")
    with atomic(target) as temp:
        temp.write_bytes(b"x")
    assert target.exists()


def test_a_publication_lives_outside_of_a_with(tmp_path: Path) -> None:
    publication = Publication(tmp_path / "a.mla")
    publication.path.write_bytes(b"x")
    publication.commit()
    publication.commit()
    publication.abort()
    assert entries(tmp_path) == ["a.mla"]


def test_files_are_synced_before_they_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for module in (disk, publish):
        monkeypatch.setattr(module, "sync_one", lambda path: seen.append(path.name))
    with atomic(tmp_path / "a.mla") as temp:
        temp.write_bytes(b"x")
    assert seen == ["a.mla", tmp_path.name]


def put_pair(target: Path, content: bytes, needed: tuple[str, ...] = (), data: str = "") -> None:
    with atomic(target, overwrite=True, needed=needed) as temp:
        temp.write_bytes(content)
        temp.with_name(data or f"{target.stem}.img").write_bytes(content)


def test_a_pair_is_put_back_when_one_of_it_cannot_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pair(tmp_path / "a.hdr", b"old")

    def refuse(self: Path, to: Path) -> Path:
        if self.name == "a.hdr":
            raise OSError(errno.EIO, "Input/output error")
        return real(self, to)

    real = Path.replace
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(WriteError, match="Input/output"):
        put_pair(tmp_path / "a.hdr", b"new")
    assert entries(tmp_path) == ["a.hdr", "a.img"]
    assert [(tmp_path / name).read_bytes() for name in entries(tmp_path)] == [b"old", b"old"]


def test_what_can_not_be_put_back_is_kept_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that goes on failing must not make us remove the only copy."""
    put_pair(tmp_path / "a.hdr", b"old")

    def refuse(self: Path, to: Path) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(WriteError, match="can't be put back") as caught:
        put_pair(tmp_path / "a.hdr", b"new")
    monkeypatch.undo()
    (kept,) = tmp_path.glob(".a.hdr.tmp-*")
    assert str(kept) in str(caught.value)
    assert (kept / "a.hdr.replaced").read_bytes() == b"old"
    kept.rename(kept.with_name(f".a.hdr.tmp-{2**30}-0123abcd"))  # as if its process were gone
    sweep(tmp_path, older=-1)
    assert [(tmp_path / name).read_bytes() for name in entries(tmp_path)] == [b"old", b"old"]


def test_data_under_a_fresh_name_leave_the_old_pair_until_the_header_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pair(tmp_path / "a.mhd", b"old", data="a.raw")

    def look(self: Path, to: Path) -> Path:
        assert (tmp_path / "a.mhd").read_bytes() == b"old"
        assert (tmp_path / "a.raw").read_bytes() == b"old"
        return real(self, to)

    real = Path.replace
    monkeypatch.setattr(Path, "replace", look)
    put_pair(tmp_path / "a.mhd", b"new", ("a.raw",), data="a.mhd.raw")
    assert entries(tmp_path) == ["a.mhd", "a.mhd.raw"]


def test_another_writer_of_a_pair_is_noticed(tmp_path: Path) -> None:
    """Data that were written beside a header which has been replaced meanwhile are not put there."""
    put_pair(tmp_path / "a.mhd", b"old", data="a.raw")
    late = Publication(tmp_path / "a.mhd", overwrite=True, needed=["a.raw"])
    for path in (late.path, late.path.with_name("a.mhd.raw")):
        path.write_bytes(b"late")
    put_pair(tmp_path / "a.mhd", b"early", ("a.raw",), data="a.mhd.raw")
    with pytest.raises(WriteError, match="another writer has replaced it"):
        late.commit()
    assert [(tmp_path / name).read_bytes() for name in ("a.mhd", "a.mhd.raw")] == [b"early", b"early"]


def test_two_writers_of_one_folder(tmp_path: Path) -> None:
    """The second one doesn't replace what the first one wrote, when neither may overwrite."""
    target = tmp_path / "a.zarr"
    both = [Publication(target), Publication(target)]
    for number, one in enumerate(both):
        one.path.mkdir()
        (one.path / "c").write_text(str(number))
    both[0].commit()
    with pytest.raises(ExistsError, match="exists already"):
        both[1].commit()
    assert (target / "c").read_text() == "0"
    assert entries(tmp_path) == ["a.zarr"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("flags", [True, False])
def test_what_appears_in_the_last_moment_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, flags: bool
) -> None:
    """Between looking and renaming, another process puts something there."""
    target = tmp_path / "a.zarr"
    real = disk.sync_one

    def late(path: Path) -> None:
        real(path)
        if not target.exists():
            target.mkdir()
            (target / "c").write_text("theirs")

    monkeypatch.setattr(disk, "sync_one", late)
    if not flags:  # a system without RENAME_NOREPLACE
        monkeypatch.setattr(disk, "_renamed", lambda *_: None)
    with pytest.raises(ExistsError), atomic(target) as temp:
        if kind == "folder":
            temp.mkdir()
        (temp / "c" if kind == "folder" else temp).write_text("ours")
    assert (target / "c").read_text() == "theirs"
    assert entries(tmp_path) == ["a.zarr"]


def test_no_file_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.mla").mkdir()
    (tmp_path / "a.mla" / "thesis.txt").write_text("of three years")
    with (
        pytest.raises(WriteError, match="is a folder, which no file replaces"),
        atomic(tmp_path / "a.mla", overwrite=True) as temp,
    ):
        temp.write_bytes(b"new")
    assert (tmp_path / "a.mla" / "thesis.txt").read_text() == "of three years"
    assert entries(tmp_path) == ["a.mla"]


def test_a_target_is_called_unchanged_only_where_it_is(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "unchanged" not in str(disk.write_error(full, tmp_path / "journal.jsonl"))
    with pytest.raises(WriteError, match="target is unchanged"), atomic(tmp_path / "a.mla") as temp:
        temp.write_bytes(b"half")
        raise full
