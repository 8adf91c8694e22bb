"""Every shared NIfTI file: converted right, by world position, or refused; nothing is lost on the way back.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlarray
from mlarray_core import MLArray
from tests import cases

pytestmark = cases.MARKS
PASSING = Path(__file__).with_name("passing.txt")
FIELDS = (
    "version", "shape", "raw_dtype", "qform_code", "sform_code", "qfac", "pixdim", "xyzt_units", "scl_slope",
    "scl_inter", "intent_code", "intent_p", "intent_name", "toffset", "cal", "descrip", "aux_file",
    "slice_code", "dim_info",
)  # fmt: skip
ANALYZE_LACKS = {"scl_slope", "scl_inter", "intent_p", "dim_info"}
"""Bytes that mean something else in Analyze 7.5, which is read but not written."""


@pytest.fixture(scope="module")
def check_meta() -> Any:
    return cases.load_check_meta()


def test_every_case_is_right(check_meta, tmp_path):
    # a matrix without space has all values at each position
    passing, wrong = cases.verdicts(check_meta, cases.found("nifti"), tmp_path, points_without_space=50)
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} NIfTI cases are right")
    assert passing == PASSING.read_text(encoding="utf-8").split(), wrong


@pytest.mark.parametrize("world", ["RAS", "LPS"])
def test_all_48_orientations(check_meta, tmp_path, world):
    count = 0
    for source in sorted((cases.ROOT / "nifti" / "niivue_space48").glob("*.nii.gz")):
        target = tmp_path / f"{source.name}.mla"
        mlarray.convert(source, target, coord_system=world)
        with MLArray.open(target) as image:
            assert image.meta.spatial.coord_system == world
            assert cases.difference(check_meta, source, image, points_without_space=50) == "", source.name
        count += 1
    assert count == 48


def _lost(check_meta: Any, source: Path, back: Path) -> list[str]:
    """Name what differs between a file and its copy, as a parser says that isn't ours."""
    before, after = check_meta.read_nifti_raw(str(source)), check_meta.read_nifti_raw(str(back))
    fields = [name for name in FIELDS if not (before.get("analyze") and name in ANALYZE_LACKS)]
    lost = [name for name in fields if not _equal(before.get(name), after.get(name))]
    if not np.array_equal(before["raw"], after["raw"], equal_nan=before["raw"].dtype.kind in "fc"):
        lost.append("stored values")
    if not np.allclose(before["affine"], after["affine"], rtol=1e-6, atol=1e-6):
        lost.append("affine")
    if before["_ext"] != after["_ext"]:
        lost.append("extensions")
    return lost


def _equal(left: Any, right: Any) -> bool:
    return left == right or bool(np.array_equal(np.asarray(left), np.asarray(right)))


def _suffix(name: str) -> str:
    low = name.lower()
    return next(suffix for suffix in (".hdr.gz", ".nii.gz", ".hdr", ".nii") if low.endswith(suffix))


def test_nothing_is_lost_on_the_way_back(check_meta, tmp_path):
    good, bad = 0, {}
    for number, (source, reference) in enumerate(cases.found("nifti")):
        if cases.refused(reference):
            continue
        there, back = tmp_path / f"{number}.mla", tmp_path / f"{number}{_suffix(source.name)}"
        with warnings.catch_warnings():
            mlarray.convert(source, there)
            conversion = mlarray.convert(there, back, strict=True)
        lost = _lost(check_meta, source, back)
        good += not lost
        if lost:
            bad[cases.name(source)] = (lost, conversion)
        for path in (there, back):
            path.unlink()
    print(f"\n{good} of {good + len(bad)} NIfTI files come back with nothing lost")
    assert not bad
    assert good
