"""``mlarray verify``: what it says of each kind of file, and what ``--reseal`` makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import blosc2
import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.container.contents import Contents
from mlarray_io.checks import verifying
from mlarray_io.checks.verifying import verify
from mlarray_io.commands.main import main

if TYPE_CHECKING:
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    MLArray(VOXELS, chunk_size=(8, 12, 12), block_size=(4, 6, 6), meta={"a": 1}).save(path)
    return path


def damage(path: Path, at: int = 300) -> None:
    """Flip a bit of the first chunk."""
    data = bytearray(path.read_bytes())
    data[Contents(bytes(data)).frame.header_size + at] ^= 1
    path.write_bytes(bytes(data))


def edit_elsewhere(path: Path) -> None:
    stored = blosc2.open(str(path), mode="a")
    stored[0] = 5
    del stored


def test_a_sealed_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = path.read_bytes()
    assert main(["verify", "--reseal", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: sealed, and all checksums agree\n"
    assert path.read_bytes() == before


def test_a_damaged_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(path)
    before = path.read_bytes()
    for arguments in (["verify", str(path)], ["verify", "--reseal", str(path)]):
        assert main(arguments) == 1
        assert "1 of 12 chunks are damaged: 0" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_file_that_was_edited_elsewhere_is_accepted_on_request(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_elsewhere(path)
    assert main(["verify", str(path)]) == 1
    assert "edited by another program" in capsys.readouterr().err
    path.chmod(0o640)
    assert main(["verify", "--reseal", str(path)]) == 0
    assert "sealed anew" in capsys.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o640
    with MLArray.open(path, verify="full") as image:
        assert (image[0] == 5).all()
        assert np.array_equal(image[1:], VOXELS[1:])
        assert image.meta.source.to_plain() == {"a": 1}
    assert np.array_equal(blosc2.open(str(path), mode="r")[1:], VOXELS[1:])


def test_an_unsealed_file_is_checked_by_decoding(tmp_path: Path) -> None:
    path = tmp_path / "b.mla"
    blosc2.asarray(VOXELS, urlpath=str(path), mode="w", chunks=(8, 12, 12), contiguous=True)
    found = verify(path)
    assert (found.state, found.failed, found.resealed) == ("unsealed", False, False)
    assert verify(path, reseal=True).resealed
    assert verify(path).state == "sealed"
    data = bytearray(path.read_bytes())
    stored = tmp_path / "c.mla"
    blosc2.asarray(VOXELS, urlpath=str(stored), mode="w", chunks=(8, 12, 12), contiguous=True)
    data = bytearray(stored.read_bytes())
    at = Contents(bytes(data)).frame.header_size + 32
    data[at : at + 40] = b"\xff" * 40
    stored.write_bytes(bytes(data))
    found = verify(stored, reseal=True)
    assert (found.state, found.damaged, found.resealed) == ("damaged", (0,), False)


def test_what_an_interrupted_edit_left_is_removed(path: Path) -> None:
    before = path.read_bytes()
    path.write_bytes(before + b"half of an edit")
    with pytest.warns(UserWarning, match="15 bytes"):
        assert verify(path, reseal=True).resealed
    assert path.stat().st_size <= len(before)
    assert verify(path).state == "sealed"


def test_a_file_that_is_being_written_is_not_resealed(path: Path) -> None:
    edit_elsewhere(path)
    with pytest.warns(UserWarning, match="edited"), MLArray.open(path, mmap_mode="r+"):
        found = verify(path, reseal=True)
    assert found.failed
    assert "another writer" in str(found.error)


def test_json_of_several_files(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.mla"
    other.write_bytes(b"no frame")
    assert main(["verify", "--json", str(path), str(other), str(tmp_path / "none.mla")]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["state"] for one in found] == ["sealed", "damaged", "unreadable"]
    assert found[0] == {
        "path": str(path), "state": "sealed", "chunks": 12, "damaged": [], "error": None, "resealed": False
    }  # fmt: skip


def test_all_files_of_a_folder_a_pattern_or_a_list(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder, files are known by their names: a damaged one may be recognised by nothing else."""
    folder = path.parent / "in"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.mla", "sub/b.MLA", "c.MLA.txt"):
        (folder / name).write_bytes(path.read_bytes())
    (folder / "README").write_text("read me")
    assert main(["verify", str(folder)]) == 0
    sound = "sealed, and all checksums agree"
    two = [f"{folder}/{name}: {sound}" for name in ("a.mla", "sub/b.MLA")]
    out = capsys.readouterr().out.splitlines()
    assert out == [*two, "2 files, something is wrong with 0 of them"]
    (folder / "sub/overwritten.mla").write_bytes(b"\0" * 999)
    (path.parent / "list.txt").write_text(f"{folder}/a.mla\n{folder}/sub\n", encoding="utf-8")
    for source in (folder, f"{folder}/**", f"@{path.parent}/list.txt"):
        assert main(["verify", str(source), "--json"]) == 1
        states = {one["path"]: one["state"] for one in json.loads(capsys.readouterr().out)}
        assert sorted(states.values()) == ["damaged", "sealed", "sealed"]
        assert states[f"{folder}/sub/overwritten.mla"] == "damaged"
    (folder / "none").mkdir()
    assert main(["verify", str(folder / "none")]) == 1
    assert "no .mla file was found" in capsys.readouterr().err


def test_what_killed_writers_left_beside_it_is_swept(path: Path) -> None:
    left = path.with_name(".a.mla.tmp-999999999-0123abcd")
    left.mkdir()
    os.utime(left, (0, 0))
    assert main(["verify", str(path)]) == 0
    assert not left.exists()


def test_a_commit_while_a_file_is_checked_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process edits after the file was read, and before it is sealed anew."""
    path.write_bytes(path.read_bytes() + b"half of an edit")
    code = "import sys, mlarray\nwith mlarray.MLArray.open(sys.argv[1], mmap_mode='r+') as i: i[0] = 99"
    plain = verifying._resealed

    def late(*given: object) -> object:
        subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(path)], check=True)
        return plain(*given)

    monkeypatch.setattr(verifying, "_resealed", late)
    with pytest.warns(UserWarning, match="15 bytes"):
        verify(path, reseal=True)
    with MLArray.open(path, verify="full") as image:
        assert (image[0] == 99).all()


def test_levels_are_not_made_while_somebody_edits(path: Path) -> None:
    before = path.read_bytes()
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 99
        code = "import sys; from mlarray_io.commands.main import main; sys.exit(main(sys.argv[1:]))"
        for option in ("--build", "--drop"):
            command = [sys.executable, "-c", code, "levels", str(path), option]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode != 0
            assert "another writer has the file open" in done.stderr
    assert path.read_bytes() != before
    with MLArray.open(path, verify="full") as image:
        assert (image[0] == 99).all()


def test_levels_are_kept_when_a_file_is_sealed_anew(tmp_path: Path) -> None:
    """What follows them is removed, whatever it is."""
    path = tmp_path / "a.mla"
    MLArray(np.arange(40**3, dtype="i4").reshape(40, 40, 40)).save(path, levels=2)
    expected = [level.to_numpy() for level in MLArray.open(path).levels]
    path.write_bytes(path.read_bytes() + b"half of an edit")
    with pytest.warns(UserWarning, match="15 bytes"):
        assert verify(path, reseal=True).resealed
    with MLArray.open(path, verify="full") as image:
        assert [level.shape for level in image.levels] == [(20, 20, 20), (10, 10, 10)]
        assert all(
            np.array_equal(level.to_numpy(), old) for level, old in zip(image.levels, expected, strict=True)
        )
