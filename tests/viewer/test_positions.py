"""Where voxels are on the page, against nibabel, for every orientation; and oblique and sheared images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mlarray import MLArray
from tests.viewer.served import piece, served, told

nibabel = pytest.importorskip("nibabel")

SHAPE = (5, 6, 7)
ORIENTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
OBLIQUE = np.array(
    [[-0.68, 0.21, 0.11, 31.5], [0.19, 1.02, -0.35, -40.25], [0.13, 0.27, 2.9, 12.0], [0, 0, 0, 1]]
)


def affine_of(order, signs):
    affine = np.zeros((4, 4))
    for column, (row, sign, step) in enumerate(zip(order, signs, (0.5, 1.25, 3.0), strict=True)):
        affine[row, column] = sign * step
    affine[:, 3] = 10.0, -20.0, 30.0, 1.0
    return affine


def save(path, affine, voxels=None):
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) if voxels is None else voxels
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return nibabel.load(path)


def agrees(server, number, theirs):
    """Compare what the page gets with nibabel: letters, affine, the voxels, and values at positions."""
    shown = told(server, "images.json")["images"][number]
    assert shown["letters"] == "".join(nibabel.aff2axcodes(theirs.affine))
    assert np.allclose(shown["affine"], theirs.affine, atol=1e-6)
    head, voxels, _ = piece(server, number, level=0)
    assert np.array_equal(voxels.transpose(2, 1, 0), np.asarray(theirs.dataobj))
    assert np.allclose(head["affine"], theirs.affine, atol=1e-6)
    for index in ((0, 0, 0), (4, 0, 2), (1, 5, 6)):
        position = nibabel.affines.apply_affine(theirs.affine, index)
        at = ",".join(map(repr, position.tolist()))
        found = told(server, f"image/{number}/value.json?at={at}")
        assert found["voxel"] == list(index)
        assert found["values"] == [str(np.asarray(theirs.dataobj)[index])]
        assert np.allclose(found["centre"], position, atol=1e-5)


def test_all_48_orientations_are_nibabels(tmp_path):
    images = [save(tmp_path / f"{n}.nii", affine_of(*one)) for n, one in enumerate(ORIENTATIONS)]
    with served(*(tmp_path / f"{n}.nii" for n in range(48))) as server:
        for number, theirs in enumerate(images):
            agrees(server, number, theirs)


@pytest.mark.parametrize("sheared", [False, True])
def test_oblique_and_sheared_images_keep_their_affine(tmp_path, sheared):
    affine = OBLIQUE.copy()
    if not sheared:
        affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] * (0.7, 1.1, 3.0)
    theirs = save(tmp_path / "a.nii.gz", affine)
    with served(tmp_path / "a.nii.gz") as server:
        agrees(server, 0, theirs)


def test_levels_lie_where_their_blocks_do(tmp_path):
    save(tmp_path / "a.nii", OBLIQUE, np.arange(64**3, dtype=np.int32).reshape(64, 64, 64))
    from mlarray import convert

    convert(tmp_path / "a.nii", tmp_path / "a.mla", levels=2)
    with served(tmp_path / "a.mla") as server:
        for level in (1, 2):
            head, _, _ = piece(server, 0, level=level)
            centre = np.array(head["affine"])[:3, 3]
            block = MLArray.open(tmp_path / "a.mla").levels[level - 1].origin
            assert np.allclose(
                centre, np.array(block) * (-1, -1, 1) if _is_lps(tmp_path / "a.mla") else block, atol=1e-5
            )


def _is_lps(path):
    return str(MLArray.open(path).meta.spatial.coord_system).startswith("LPS")


def test_an_unknown_world_has_no_letters_and_stays_as_it_is(tmp_path):
    affine = [[0, 0, 2.0, 5], [0, 3.0, 0, 6], [4.0, 0, 0, 7], [0, 0, 0, 1]]
    MLArray(np.zeros(SHAPE, np.uint8), affine=affine).save(tmp_path / "a.mla")
    with served(tmp_path / "a.mla") as server:
        shown = told(server, "images.json")["images"][0]
        assert (shown["known"], shown["letters"]) == (False, "")
        assert shown["affine"] == [[2, 0, 0, 5], [0, 3, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]]
        assert shown["shape"] == [7, 6, 5]
        facts = dict(shown["facts"])
        assert (facts["world"], facts["orientation"], facts["first voxel at"]) == (
            "unknown",
            "unknown",
            "5, 6, 7",
        )
