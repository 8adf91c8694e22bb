"""The second file of an image may not lead out of its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core.errors import UnsafeError

THEIRS = Path(nibabel.__file__).parent / "tests" / "data"


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "here").mkdir()
    return tmp_path / "outside", tmp_path / "here"


@pytest.mark.parametrize(("named", "linked"), [("a.hdr", "a.img"), ("a.img", "a.img"), ("a.img", "a.hdr")])
def test_nifti(outside, named, linked):
    elsewhere, here = outside
    nibabel.save(nibabel.Nifti1Pair(np.zeros((2, 3, 4), "i2"), np.eye(4)), here / "a.hdr")
    shutil.move(here / linked, elsewhere / linked)
    (here / linked).symlink_to(elsewhere / linked)
    if named == linked:  # what the user names may be a link: its other file may not be elsewhere
        assert mlarray.read(here / named).shape == (4, 3, 2)
        return
    with pytest.raises(UnsafeError, match="link out of its folder"):
        mlarray.read(here / named)


@pytest.mark.parametrize(
    ("stem", "named", "linked"), [("scaled+tlrc", ".HEAD", ".BRIK"), ("phantom_varscale", ".PAR", ".REC")]
)
def test_read_by_nibabel(outside, stem, named, linked):
    elsewhere, here = outside
    for path in THEIRS.glob(f"{stem}.*"):
        shutil.copyfile(path, here / path.name)
    shutil.move(here / f"{stem}{linked}", elsewhere / f"{stem}{linked}")
    (here / f"{stem}{linked}").symlink_to(elsewhere / f"{stem}{linked}")
    with pytest.raises(UnsafeError, match="link out of its folder"):
        mlarray.read(here / f"{stem}{named}")


def test_links_within_the_folder_are_followed(outside):
    _, here = outside
    nibabel.save(nibabel.Nifti1Pair(np.zeros((2, 3, 4), "i2"), np.eye(4)), here / "b.hdr")
    (here / "a.hdr").symlink_to("b.hdr")
    (here / "a.img").symlink_to("b.img")
    assert mlarray.read(here / "a.hdr").shape == (4, 3, 2)
