"""Every shared clinical file: converted right, by world position, or refused.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import MLArray, geometry
from tests import cases

pytestmark = [*cases.MARKS, pytest.mark.filterwarnings("ignore::UserWarning:nibabel")]
PASSING = Path(__file__).with_name("passing.txt")
CONTRADICTED = {
    "libminc/test_byte_grid_0.mnc", "libminc/test_float_grid_0.mnc", "libminc/test_short_grid_0.mnc",
    "nibabel/minc1_4d.mnc", "nibabel/minc2-4d-d.mnc", "nibabel/minc2_4d.mnc",
}  # fmt: skip
"""Their first axis is called time or vector_dimension in the file; the reference takes it for space."""


@pytest.fixture(scope="module")
def check_meta() -> Any:
    return cases.load_check_meta()


def test_every_case_is_right(check_meta, tmp_path):
    whole = [case for case in cases.found("other") if "header_only" not in case[1]]
    passing, wrong = cases.verdicts(check_meta, whole, tmp_path)
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} other cases are right; wrong: {wrong}")
    cases.write_if_asked(PASSING, passing)
    assert wrong.keys() <= CONTRADICTED, wrong
    assert passing == PASSING.read_text(encoding="utf-8").split(), wrong


@pytest.mark.parametrize("name", sorted(CONTRADICTED))
def test_contradicted_by_their_headers(tmp_path, name):
    """What the file says: its axes by name, nibabel's values and affine over the axes that are of space."""
    path = cases.ROOT / "other" / name
    mlarray.convert(path, tmp_path / "a.mla")
    image = nibabel.load(path)
    names = list(image.dataobj.minc_file._dim_names)
    with MLArray.open(tmp_path / "a.mla") as ours:
        labels = list(ours.meta.spatial.axis_labels)
        assert [label.startswith("spatial") for label in labels] == [axis.endswith("space") for axis in names]
        np.testing.assert_allclose(ours.to_numpy(), np.asanyarray(image.dataobj), rtol=1e-6)
        affine = geometry.to_world(geometry.affine_of(ours.meta.spatial), "LPS", "RAS")
        np.testing.assert_allclose(affine, image.affine, rtol=1e-6, atol=1e-9)
