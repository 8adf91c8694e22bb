"""Files that are being written: what others see meanwhile, locks, replaced files, giving up."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.array.writing.sessions import _sessions
from mlarray_core.container.open import open_contents
from mlarray_core.errors import LockedError, ModeError, WriteError

if TYPE_CHECKING:
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")
LAYOUT = {"chunk_size": (8, 12, 12), "block_size": (4, 6, 6)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    MLArray(VOXELS, **LAYOUT).save(path)
    return path


def elsewhere(code: str, path: Path) -> str:
    """Return what another process prints."""
    lines = f"from mlarray import MLArray\nimport sys\npath = sys.argv[1]\n{code}"
    found = subprocess.run(
        [sys.executable, "-c", lines, str(path)], capture_output=True, text=True, check=False
    )
    return (found.stdout + found.stderr).strip()


def voxels(path: Path) -> np.ndarray:
    with MLArray.open(path, verify="full") as image:
        return np.array(image[...])


def test_an_edit_shows_when_it_is_committed(path: Path) -> None:
    image = MLArray.open(path, mmap_mode="r+")
    image[0] = 1
    assert "0" in elsewhere("print((MLArray.open(path)[0] == 1).sum())", path)
    image.flush()
    assert elsewhere("print((MLArray.open(path)[0] == 1).all())", path) == "True"
    image[1] = 2
    image.close()
    assert elsewhere("print((MLArray.open(path)[1] == 2).all())", path) == "True"


def test_bytes_of_the_old_frame_are_not_touched_before_the_commit(path: Path) -> None:
    before = path.read_bytes()
    image = MLArray.open(path, mmap_mode="r+")
    image[...] = 3
    image._state.session.writable.editor.flush()  # type: ignore[union-attr]
    assert path.stat().st_size > len(before)
    assert path.read_bytes()[: len(before)] == before
    image.close()
    assert (voxels(path) == 3).all()


def test_giving_up_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_bytes()

    class GiveUpError(Exception):
        pass

    with pytest.raises(GiveUpError), MLArray.open(path, mmap_mode="r+") as image:
        image[...] = 3
        image._state.session.writable.editor.flush()  # type: ignore[union-attr]
        raise GiveUpError
    assert path.read_bytes() == before


def test_giving_up_after_a_commit_keeps_the_commit(path: Path) -> None:
    with pytest.raises(KeyError), MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 3
        image.flush()
        image[0] = 4
        raise KeyError
    assert (voxels(path)[0] == 3).all()


def test_a_second_writer_is_refused(path: Path) -> None:
    with MLArray.open(path, mmap_mode="r+"):
        said = elsewhere("MLArray.open(path, mmap_mode='r+')", path)
        assert "LockedError" in said
        assert str(path) in said
    assert elsewhere("MLArray.open(path, mmap_mode='r+').close()", path) == ""


def test_a_writer_that_was_too_late_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process commits after this one has read the file and before it has the lock."""
    import mlarray_core.array.files as module

    def late(name: str, verify: str) -> object:
        contents = open_contents(name, verify)
        elsewhere("with MLArray.open(path, mmap_mode='r+') as image: image[0] = 9", path)
        return contents

    monkeypatch.setattr(module, "open_contents", late)
    with pytest.raises(LockedError, match="changed the file"):
        MLArray.open(path, mmap_mode="r+")
    monkeypatch.undo()
    assert (voxels(path)[0] == 9).all()


def test_the_same_process_takes_over(path: Path) -> None:
    first = MLArray.open(path, mmap_mode="r+")
    first[0] = 1
    second = MLArray.open(path, mmap_mode="r+")
    assert (second[0] == 1).all()
    with pytest.raises(LockedError, match="again"):
        first[0] = 2
    second[1] = 2
    second.close()
    first.close()
    assert (voxels(path)[0] == 1).all()
    assert (voxels(path)[1] == 2).all()


def test_a_file_that_was_replaced_is_left_alone(path: Path) -> None:
    image = MLArray.open(path, mmap_mode="r+")
    image[0] = 1
    elsewhere("import numpy; MLArray(numpy.full((3, 3), 7)).save(path)", path)
    with pytest.raises(WriteError, match="replaced or removed"):
        image.close()
    assert (voxels(path) == 7).all()


def test_a_file_that_was_removed_stays_removed(path: Path) -> None:
    image = MLArray.open(path, mmap_mode="r+")
    image[0] = 1
    path.unlink()
    with pytest.raises(WriteError, match="replaced or removed"):
        image.close()
    assert not path.exists()


def test_a_link_is_followed(path: Path) -> None:
    link = path.with_name("link.mla")
    link.symlink_to(path)
    with MLArray.open(link, mmap_mode="r+") as image:
        image[0] = 1
    assert link.is_symlink()
    assert (voxels(path)[0] == 1).all()


def test_created_files_appear_whole(tmp_path: Path) -> None:
    path = tmp_path / "new.mla"
    with MLArray.create(path, VOXELS.shape, "i2", **LAYOUT) as image:
        image[...] = VOXELS
        assert not path.exists()
    assert np.array_equal(voxels(path), VOXELS)
    assert os.listdir(tmp_path) == ["new.mla"]


def test_created_files_can_be_written_on_after_a_flush(tmp_path: Path) -> None:
    path = tmp_path / "new.mla"
    with MLArray.create(path, VOXELS.shape, "i2", **LAYOUT) as image:
        image[:10] = VOXELS[:10]
        image.flush()
        assert np.array_equal(voxels(path)[:10], VOXELS[:10])
        image[10:] = VOXELS[10:]
    assert np.array_equal(voxels(path), VOXELS)


def test_a_failed_body_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), MLArray.create(tmp_path / "new.mla", (4, 4), "i2") as image:
        image[...] = 1 / 0
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_leaves_its_parents_file_alone(path: Path, tmp_path: Path) -> None:
    edited = MLArray.open(path, mmap_mode="r+")
    edited[0] = 1
    created = MLArray.create(tmp_path / "new.mla", (4, 4), "i2")
    child = os.fork()
    if child == 0:
        try:
            edited.close()
            created.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    created[...] = 5
    created.close()
    edited.close()
    assert (voxels(path)[0] == 1).all()
    assert (voxels(tmp_path / "new.mla") == 5).all()


def test_a_reader_may_not_write(path: Path) -> None:
    with MLArray.open(path) as image, pytest.raises(ModeError, match="r\\+"):
        image[0] = 1


def test_no_session_outlives_its_image(path: Path) -> None:
    with MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 1
        assert str(path) in _sessions
    assert str(path) not in _sessions


def test_levels_stay_whole_until_the_commit(path: Path) -> None:
    rng = np.random.default_rng(1)
    MLArray(rng.integers(0, 900, (300, 300)).astype("i2")).save(path, levels=1)
    before = path.read_bytes()
    image = MLArray.open(path, mmap_mode="r+")
    image[...] = 3
    image._state.session.writable.editor.flush()  # type: ignore[union-attr]
    assert path.read_bytes()[: len(before)] == before
    image._state.session.abort()  # type: ignore[union-attr]
    assert path.read_bytes() == before
