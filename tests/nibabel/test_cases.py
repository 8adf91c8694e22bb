"""Every shared clinical file: converted right, by world position, or refused.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import MLArray, geometry
from mlarray_core.errors import MLArrayError

FOLDER = os.environ.get("MLARRAY_CASES")
pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)"),
    # the reference parsers leave files open
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:nibabel"),
]
PASSING = Path(__file__).with_name("passing.txt")
CONTRADICTED = {
    "libminc/test_byte_grid_0.mnc", "libminc/test_float_grid_0.mnc", "libminc/test_short_grid_0.mnc",
    "nibabel/minc1_4d.mnc", "nibabel/minc2-4d-d.mnc", "nibabel/minc2_4d.mnc",
}  # fmt: skip
"""Their first axis is called time or vector_dimension in the file; the reference takes it for space."""


def _cases() -> list[tuple[Path, dict[str, Any]]]:
    root = Path(FOLDER or ".")
    found = sorted((root / "refs" / "other").rglob("*.json"))
    return [
        (root / path.relative_to(root / "refs").with_suffix(""), json.loads(path.read_text()))
        for path in found
    ]


def _name(path: Path) -> str:
    return path.relative_to(Path(FOLDER or ".") / "other").as_posix()


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
        found = check_meta.compare_spatial(array.transpose(order), seen, reference)
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
        if "header_only" in reference:
            continue
        refused = "error" in reference or "expect" in reference
        why = _verdict(check_meta, source, refused, tmp_path / f"{number}.mla")
        if why:
            wrong[_name(source)] = why
        else:
            passing.append(_name(source))
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} other cases are right; wrong: {wrong}")
    if os.environ.get("WRITE_PASSING"):
        PASSING.write_text("\n".join(passing) + "\n")
    assert wrong.keys() <= CONTRADICTED, wrong
    assert passing == PASSING.read_text().split(), wrong


@pytest.mark.parametrize("name", sorted(CONTRADICTED))
def test_contradicted_by_their_headers(tmp_path, name):
    """What the file says: its axes by name, nibabel's values and affine over the axes that are of space."""
    path = Path(FOLDER or ".") / "other" / name
    mlarray.convert(path, tmp_path / "a.mla")
    image = nibabel.load(path)
    names = list(image.dataobj.minc_file._dim_names)
    with MLArray.open(tmp_path / "a.mla") as ours:
        labels = list(ours.meta.spatial.axis_labels)
        assert [label.startswith("spatial") for label in labels] == [axis.endswith("space") for axis in names]
        np.testing.assert_allclose(ours.to_numpy(), np.asanyarray(image.dataobj), rtol=1e-6)
        affine = geometry.to_world(geometry.affine_of(ours.meta.spatial), "LPS", "RAS")
        np.testing.assert_allclose(affine, image.affine, rtol=1e-6, atol=1e-9)
