"""What a search finds below folders, and what it leaves out."""

from __future__ import annotations

import os

import numpy as np
import pytest

from mlarray_io.search.criteria import Criteria, Found, LeftOut
from mlarray_io.search.sources import Search

imagecodecs = pytest.importorskip("imagecodecs", reason="the extra pictures isn't installed")


def search(source, **criteria):
    """Return places by kind, and the names that are left out."""
    found = list(Search(Criteria(**criteria)).search([str(source)]))
    places = sorted((one.kind, one.place) for one in found if isinstance(one, Found))
    return places, sorted(os.path.basename(one.path) for one in found if isinstance(one, LeftOut))


def picture(path, size=4):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(np.zeros((size, 5), "u1")))


def test_pictures_in_a_folder_are_images_of_their_own(tmp_path):
    """Whether they are slices of a volume, the files don't say: only a folder's name does."""
    for number in range(3):
        picture(tmp_path / f"xrays/patient{number}.png", 4 + number)
        picture(tmp_path / f"scan.pngs/{number}.png")
    assert search(tmp_path)[0] == [
        ("file", "xrays/patient0"), ("file", "xrays/patient1"), ("file", "xrays/patient2"),
        ("folder", "scan"),
    ]  # fmt: skip
    assert search(tmp_path / "scan.pngs")[0] == [("folder", "scan")]


def test_a_zarr_is_one_image_whatever_its_version(tmp_path):
    zarr = pytest.importorskip("zarr")
    for version in (2, 3):
        group = zarr.open_group(tmp_path / f"v{version}.zarr", mode="w", zarr_format=version)
        group.create_array("0", shape=(4, 5), dtype="u1")
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert search(tmp_path) == ([("file", "a"), ("folder", "v2"), ("folder", "v3")], [])


def test_patterns_choose_what_is_left_out_too(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "README").write_text("read me")
    (tmp_path / "b.npy").write_bytes(b"no array at all")
    assert search(tmp_path)[1] == ["README", "b.npy"]
    assert search(tmp_path, include=("*.npy",))[1] == ["b.npy"]
    assert search(tmp_path, exclude=("b*",))[1] == ["README"]


def test_what_is_read_with_an_image_is_not_left_out(tmp_path):
    """Its BIDS sidecar (BIDS 1.8, "file collections"), and what is nobody's is still named."""
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), "i2"), np.eye(4)), tmp_path / "sub-01_dwi.nii.gz")
    for name in ("sub-01_dwi.json", "sub-01_dwi.bval", "sub-01_dwi.bvec", "participants.json"):
        (tmp_path / name).write_text("{}")
    assert search(tmp_path) == ([("file", "sub-01_dwi")], ["participants.json"])


def test_patterns_of_folders(tmp_path):
    """A folder that fits takes along what is in it, and ``**/`` stands for no folder too, as in a source."""
    for folder in ("raw", "sub/raw", "raw2"):
        (tmp_path / folder).mkdir(parents=True)
        np.save(tmp_path / folder / "a.npy", np.zeros(3))
    np.save(tmp_path / "raw.npy", np.zeros(3))

    def places(**criteria):
        return [place for _, place in search(tmp_path, **criteria)[0]]

    assert places(include=("**/raw/*",)) == ["raw/a", "sub/raw/a"]
    assert places(include=("raw",)) == ["raw/a", "sub/raw/a"]
    assert places(include=("sub/raw",)) == ["sub/raw/a"]
    assert places(exclude=("raw2",)) == ["raw", "raw/a", "sub/raw/a"]
    assert places(exclude=("**/raw",)) == ["raw", "raw2/a"]


def test_patterns_that_fit_nothing_are_told(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.npy", "b.npy", "sub/c.npy"):
        np.save(tmp_path / name, np.zeros(3))
    criteria = Criteria(include=("a*", "b*", "*.nii"), exclude=("sub", "b.npy", "x*", "._*", "./y"))
    search = Search(criteria)
    assert [one.place for one in search.images([str(tmp_path)])] == ["a"]
    told = [text.partition(" fits nothing")[0] for text in criteria.idle()]
    assert told == ["include '*.nii'", "exclude 'x*'", "exclude './y'"]
    with pytest.warns(UserWarning, match="fits nothing") as warned:
        search.warn_idle()
    assert len(warned) == 3


def test_what_the_journal_knows_is_not_opened(tmp_path, monkeypatch):
    from mlarray_io.search import folders

    np.save(tmp_path / "a.npy", np.zeros(3))
    monkeypatch.setattr(folders, "claim_of", None)
    status = (tmp_path / "a.npy").stat()
    known = {str(tmp_path / "a.npy"): (status.st_size, status.st_mtime_ns)}
    assert search(tmp_path, known=known.get)[0] == [("file", "a")]
