"""Curves around masks: filled again, they give the mask, holes and corners included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mlarray_dicom.contours.fill import enclosed, fill
from mlarray_dicom.contours.outlines import outlines


def filled(curves: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    patch = fill(curves, shape)
    mask = np.zeros(shape, bool)
    mask[patch.row : patch.row + patch.mask.shape[0], patch.column : patch.column + patch.mask.shape[1]] = (
        patch.mask
    )
    return mask


@pytest.mark.parametrize("seed", range(60))
def test_any_mask_comes_back(seed: int) -> None:
    """Noise has holes in holes, and areas that touch at corners; curves are moved by under half a pixel."""
    noise = np.random.default_rng(seed)
    shape = tuple(int(size) for size in noise.integers(1, 16, 2))
    mask = noise.random(shape) < noise.random()
    curves = list(outlines(mask))
    assert len(curves) == ndimage.label(mask)[1]
    np.testing.assert_array_equal(
        filled([curve + noise.uniform(-0.4, 0.4, 2) for curve in curves], shape), mask
    )


def test_few_points() -> None:
    (square,) = outlines(np.pad(np.ones((30, 40), bool), 3))
    assert len(square) == 4
    ring = np.pad(np.ones((9, 9), bool), 3)
    ring[6:9, 6:9] = False
    (curve,) = outlines(ring)
    assert (
        len(curve) == 4 + 4 + 2
    )  # a corner of the hole and one end of the channel twice; they are in one row


def test_points_and_pixels_agree() -> None:
    """Filling pixels and asking for points follow one rule, also on edges."""
    noise = np.random.default_rng(2)
    for _ in range(30):
        curves = [noise.integers(-3, 14, (5, 2)).astype(float) for _ in range(3)]
        mask = filled(curves, (12, 11))
        points = np.indices((12, 11)).reshape(2, -1).T.astype(float)
        np.testing.assert_array_equal(enclosed(curves, points).reshape(12, 11), mask)


def test_many_long_edges_are_filled_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = [np.random.default_rng(3).uniform(0, 40, (60, 2))]
    whole = filled(curves, (40, 40))
    monkeypatch.setattr("mlarray_dicom.contours.fill._CROSSINGS", 50)
    np.testing.assert_array_equal(filled(curves, (40, 40)), whole)


def test_nothing_to_fill() -> None:
    assert not filled([], (4, 5)).any()
    assert not filled([np.array([(1.0, 1), (1, 3), (1, 2)])], (4, 5)).any()
    assert not filled([np.array([(90.0, 90), (99, 90), (99, 99)])], (4, 5)).any()
