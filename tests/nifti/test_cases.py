"""Every shared NIfTI file: converted right, by world position, or refused; nothing is lost on the way back.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

import importlib.util
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mlarray
from mlarray_core import MLArray
from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = os.environ.get("MLARRAY_CASES")
pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)"),
    # the reference parsers leave files open, and divide what is NaN
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
PASSING = Path(__file__).with_name("passing.txt")
FIELDS = (
    "version", "shape", "raw_dtype", "qform_code", "sform_code", "qfac", "pixdim", "xyzt_units", "scl_slope",
    "scl_inter", "intent_code", "intent_p", "intent_name", "toffset", "cal", "descrip", "aux_file",
    "slice_code", "dim_info",
)  # fmt: skip
ANALYZE_LACKS = {"scl_slope", "scl_inter", "intent_p", "dim_info"}
"""Bytes that mean something else in Analyze 7.5, which is read but not written."""


def _cases() -> Iterator[tuple[Path, dict[str, Any]]]:
    root = Path(FOLDER or ".")
    for path in sorted((root / "refs" / "nifti").rglob("*.json")):
        yield root / path.relative_to(root / "refs").with_suffix(""), json.loads(path.read_text())


def _name(path: Path) -> str:
    return path.relative_to(Path(FOLDER or ".") / "nifti").as_posix()


@pytest.fixture(scope="module")
def check_meta() -> Any:
    spec = importlib.util.spec_from_file_location("check_meta", Path(FOLDER or ".") / "check_meta.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _right(check_meta: Any, source: Path, image: MLArray) -> str:
    """Compare by world position, the non-spatial axes in either order; return what is wrong."""
    spatial, array = image.meta.spatial, image.to_numpy()
    labels, why = list(spatial.axis_labels), ""
    others = [axis for axis, label in enumerate(labels) if not label.startswith("spatial")]
    turned = list(range(array.ndim))
    for one, other in zip(others, others[::-1], strict=True):
        turned[one] = other
    names = ("affine", "spacing", "origin", "direction", "coord_system")
    geometry = {name: getattr(spatial, name) for name in names}
    reference = check_meta.load_reference(str(source))
    for order in (list(range(array.ndim)), turned):
        seen = {**geometry, "axis_labels": [labels[axis] for axis in order]}
        points = 50 if len(others) == array.ndim else 4000  # a matrix without space has all values at each
        found = check_meta.compare_spatial(array.transpose(order), seen, reference, n=points)
        if found["ok"]:
            return ""
        why = why or found["why"]
    return why


def _verdict(check_meta: Any, source: Path, refused: bool, target: Path) -> str:
    """Convert one case; return what is wrong with the result."""
    try:
        mlarray.convert(source, target)
    except MLArrayError as error:
        return "" if refused and str(error) and not target.exists() else f"refused: {error}"
    if refused:
        return "converted, though it must be refused"
    with MLArray.open(target) as image:
        return _right(check_meta, source, image)


def test_every_case_is_right(check_meta, tmp_path):
    passing, wrong = [], {}
    for number, (source, reference) in enumerate(_cases()):
        refused = "error" in reference or "expect" in reference
        why = _verdict(check_meta, source, refused, tmp_path / f"{number}.mla")
        if why:
            wrong[_name(source)] = why
        else:
            passing.append(_name(source))
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} NIfTI cases are right")
    assert passing == PASSING.read_text().split(), wrong


@pytest.mark.parametrize("world", ["RAS", "LPS"])
def test_all_48_orientations(check_meta, tmp_path, world):
    count = 0
    for source in sorted((Path(FOLDER or ".") / "nifti" / "niivue_space48").glob("*.nii.gz")):
        target = tmp_path / f"{source.name}.mla"
        mlarray.convert(source, target, coord_system=world)
        with MLArray.open(target) as image:
            assert image.meta.spatial.coord_system == world
            assert _right(check_meta, source, image) == "", source.name
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
    for number, (source, reference) in enumerate(_cases()):
        if "error" in reference or "expect" in reference:
            continue
        there, back = tmp_path / f"{number}.mla", tmp_path / f"{number}{_suffix(source.name)}"
        with warnings.catch_warnings():
            mlarray.convert(source, there)
            conversion = mlarray.convert(there, back, strict=True)
        lost = _lost(check_meta, source, back)
        good += not lost
        if lost:
            bad[_name(source)] = (lost, conversion)
        for path in (there, back):
            path.unlink()
    print(f"\n{good} of {good + len(bad)} NIfTI files come back with nothing lost")
    assert not bad
    assert good
