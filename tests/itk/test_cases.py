"""Every shared MetaImage file: converted right, by world position, or refused; nothing lost on the way back.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import MLArray
from mlarray_core.errors import MLArrayError

FOLDER = os.environ.get("MLARRAY_CASES")
pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)"),
    # the reference parsers leave files open
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
PASSING = Path(__file__).with_name("passing.txt")
STORAGE = {"ElementDataFile", "HeaderSize", "CompressedDataSize"}


def _cases() -> list[tuple[Path, dict[str, Any]]]:
    root = Path(FOLDER or ".")
    found = sorted((root / "refs" / "itk").rglob("*.json"))
    return [
        (root / path.relative_to(root / "refs").with_suffix(""), json.loads(path.read_text()))
        for path in found
    ]


def _name(path: Path) -> str:
    return path.relative_to(Path(FOLDER or ".") / "itk").as_posix()


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
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} MetaImage cases are right; wrong: {wrong}")
    if os.environ.get("WRITE_PASSING"):
        PASSING.write_text("\n".join(passing) + "\n")
    assert passing == PASSING.read_text().split(), wrong


def test_nothing_is_lost_on_the_way_back(check_meta, tmp_path):
    kept, seen, bad = Counter(), Counter(), {}
    good = 0
    for number, (source, reference) in enumerate(_cases()):
        if {"error", "expect"} & reference.keys():
            continue
        there, back = tmp_path / f"{number}.mla", tmp_path / f"{number}{source.suffix}"
        mlarray.convert(source, there)
        mlarray.convert(there, back, strict=True)
        before, after = check_meta.read_meta_raw(str(source)), check_meta.read_meta_raw(str(back))
        fields = {name: text for name, text in before["fields"].items() if name not in STORAGE}
        same = {name: after["fields"].get(name) == text for name, text in fields.items()}
        same["fields in order"] = [name for name in after["fields"] if name in fields] == list(fields)
        same["nothing added"] = after["fields"].keys() <= before["fields"].keys()
        same["stored values"] = np.array_equal(before["array"], after["array"])
        itk = SimpleITK.ReadImage(str(source)), SimpleITK.ReadImage(str(back))
        same["as ITK reads it"] = all(_seen(image) == _seen(itk[0]) for image in itk)
        seen.update(same)
        kept.update(name for name, whole in same.items() if whole)
        good += all(same.values())
        if not all(same.values()):
            bad[_name(source)] = [name for name, whole in same.items() if not whole]
    print(f"\n{good} of {good + len(bad)} MetaImages come back with nothing lost")
    for name in sorted(seen):
        print(f"  {name}: {kept[name]} of {seen[name]}")
    assert not bad


def _seen(image: Any) -> Any:
    voxels = SimpleITK.GetArrayFromImage(image).tobytes()
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(), voxels
