"""What follows the axes of an image is turned with them: gradients, phase encoding, slice timing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mlarray_core import geometry
from mlarray_io.sdk.space.sidecar import Turn

CODES = [
    "".join(letters)
    for order in itertools.permutations(range(3))
    for letters in itertools.product(*(("LR", "PA", "SI")[axis] for axis in order))
]
AFFINE = np.array([[0, 0.0, 0.75, -5], [0, 0.5, 0, 6], [2, 0, 0, 7], [0, 0, 0, 1.0]])
SHAPE = (3, 4, 6)
PATIENT = np.array([0.6, 0.48, 0.64])
"""A gradient in LPS."""


def fsl(direction, affine):
    """Return a direction of LPS as FSL has it for an image: along i, j, k, x inverted if right-handed."""
    columns = affine[:3, :3][:, ::-1] / np.linalg.norm(affine[:3, :3][:, ::-1], axis=0)
    inside = np.linalg.solve(columns, direction)
    return inside * ([-1, 1, 1] if np.linalg.det(columns) > 0 else [1, 1, 1])


@pytest.mark.parametrize("code", CODES)
def test_any_order(code):
    """All 48 orientations: each field says what it would if the image had been stored that way."""
    perm, flips, after = geometry.reorientation(AFFINE, "LPS", SHAPE, code)
    bids = {
        "bvec": [[0.0, part] for part in fsl(PATIENT, AFFINE)],
        "PhaseEncodingDirection": "j-",
        "SliceTiming": [0.0, 0.5, 1.0],
        "EchoTime": 0.03,
    }
    turned = Turn(perm, flips, AFFINE, after, "LPS").fields({**bids, "PhaseEncodingAxis": "j"})
    np.testing.assert_allclose(np.array(turned["bvec"])[:, 1], fsl(PATIENT, after), atol=1e-12)
    assert turned["EchoTime"] == 0.03
    letter, sign = turned["PhaseEncodingDirection"][0], turned["PhaseEncodingDirection"][1:]
    along = after[:3, 2 - "ijk".index(letter)]
    # phase runs against the old j, which is +y in LPS
    assert np.dot(along, [0, 1, 0]) * (-1 if sign else 1) < 0
    assert turned["PhaseEncodingAxis"] == letter  # an axis has no sign
    slices = turned.get("SliceEncodingDirection", "k")
    first_to_last = after[:3, 2 - "ijk".index(slices[0])]
    ascending = turned["SliceTiming"] == [0.0, 0.5, 1.0]
    assert (np.dot(first_to_last, [0, 0, 1]) > 0) == ascending
    assert slices[0] == "ijk"[2 - perm.index(0)]


def test_what_is_no_direction_is_left_alone():
    turn = Turn((0, 1, 2), (True, False, False), AFFINE, AFFINE, "LPS")
    odd = {"bvec": "none", "PhaseEncodingDirection": "AP", "SliceTiming": None}
    assert turn.fields(odd) == odd


def test_planes_keep_their_fields():
    flat = np.eye(3)
    assert Turn((1, 0), (False, True), flat, flat, "LPS").fields({"PhaseEncodingAxis": "j"}) == {
        "PhaseEncodingAxis": "j"
    }
