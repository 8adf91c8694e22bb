"""What is seen of an image by trying compressions on a part of it."""

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core.chunks.grid import Grid
from mlarray_core.layout import sampling
from mlarray_core.layout import shapes as layout

RANDOM = np.random.default_rng(0)
CELLS = RANDOM.integers(1, 6000, (14, 26, 26)).repeat(7, 0).repeat(7, 1).repeat(7, 2)
PLACE = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in CELLS.shape], indexing="ij"))
BALLS = sum(((PLACE**2).sum(0) < radius).astype("u2") for radius in (0.2, 0.5, 0.9, 1.3))
NOISE = RANDOM.normal(0, 100, CELLS.shape)


def compression(array, is_seg=None, **how):
    return dict(MLArray(array, meta=Meta(is_seg=is_seg), **how).meta.blosc2.cparams)


@pytest.mark.parametrize("kind", ["u2", "i4", "f4"])
def test_labels_that_nobody_calls_so_are_found(kind):
    assert compression(CELLS.astype(kind)) == layout.label_candidates(4)["plain"]


def test_scans_are_left_alone():
    for kind in ("i2", "f4", "u1"):
        scan = np.round(NOISE).astype(kind)
        assert compression(scan) == layout.compression(scan.dtype.itemsize)
    quantised = ((np.round(NOISE) - 3) / 7).astype("f4")
    assert compression(quantised) == layout.compression(4)


def test_labels_are_shuffled_where_that_is_smaller(tmp_path):
    assert compression(BALLS, True) == layout.label_candidates(2)["shuffled"]
    assert compression(CELLS.astype("u2"), True) == layout.label_candidates(2)["plain"]
    sizes = []
    for name, how in (("chosen", {}), ("plain", {"cparams": layout.label_candidates(2)["plain"]})):
        MLArray(BALLS, meta=Meta(is_seg=True), **how).save(tmp_path / f"{name}.mla")
        sizes.append((tmp_path / f"{name}.mla").stat().st_size)
        assert np.array_equal(MLArray.open(tmp_path / f"{name}.mla")[...], BALLS)
    assert sizes[0] < sizes[1]


def test_single_bytes_that_repeat_get_the_highest_level():
    assert compression(BALLS.astype("u1"))["clevel"] == 9
    assert compression(BALLS.astype("u1"), True) == layout.label_candidates(1)["plain"]


def test_what_is_asked_for_is_not_looked_at():
    assert compression(CELLS.astype("u2"), cparams={"clevel": 4}) == {**layout.compression(2), "clevel": 4}
    assert compression(CELLS.astype("u2"), profile="fast") == layout.compression(2, "fast")


@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (3,), (7, 1), (5000, 3, 1), (2, 3, 4, 5)])
def test_any_shape(shape):
    array = np.ones(shape, "u2")
    array.flat[:1] = 2
    assert compression(array)["codec"] == layout.LZ4HC


def test_only_a_part_is_tried():
    shape, blocks = (64, 512, 512), (16, 16, 32)
    grid = Grid(shape, blocks, blocks, np.dtype("u2"))
    looked = list(sampling._filled(np.broadcast_to(np.arange(512, dtype="u2"), shape), grid))
    assert [part.shape for part in looked] == [blocks] * sampling.SAMPLES
    assert len({int(part[0, 0, 0]) for part in looked}) > sampling.SAMPLES // 2
    assert not list(sampling._filled(np.zeros(shape, "u2"), grid))


def test_auto_keeps_the_bytes_of_quantised_floats_together():
    quantised = ((np.round(RANDOM.normal(0, 6, (48, 96, 96))) - 3) / 7).astype("f4")
    assert compression(quantised, profile="auto") == layout.candidates(4)["unshuffled"]
    assert "splitmode" not in layout.candidates(4)["unshuffled"]
