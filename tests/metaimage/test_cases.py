"""Every shared MetaImage file: converted right, by world position, or refused; nothing lost on the way back.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

import mlarray
from tests import cases

pytestmark = cases.MARKS
PASSING = Path(__file__).with_name("passing.txt")
STORAGE = {"ElementDataFile", "HeaderSize", "CompressedDataSize"}


@pytest.fixture(scope="module")
def check_meta() -> Any:
    return cases.load_check_meta()


def test_every_case_is_right(check_meta, tmp_path):
    whole = [case for case in cases.found("itk") if "header_only" not in case[1]]
    passing, wrong = cases.verdicts(check_meta, whole, tmp_path)
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} MetaImage cases are right; wrong: {wrong}")
    cases.write_if_asked(PASSING, passing)
    assert passing == PASSING.read_text(encoding="utf-8").split(), wrong


def test_nothing_is_lost_on_the_way_back(check_meta, tmp_path):
    kept = {}
    for number, (source, reference) in enumerate(cases.found("itk")):
        if cases.refused(reference):
            continue
        there, back = tmp_path / f"{number}.mla", tmp_path / f"{number}{source.suffix}"
        mlarray.convert(source, there)
        mlarray.convert(there, back, strict=True)
        before, after = check_meta.read_meta_raw(str(source)), check_meta.read_meta_raw(str(back))
        same = cases.same_fields(before["fields"], after["fields"], STORAGE)
        same["nothing added"] = after["fields"].keys() <= before["fields"].keys()
        same["stored values"] = np.array_equal(before["array"], after["array"])
        itk = SimpleITK.ReadImage(str(source)), SimpleITK.ReadImage(str(back))
        same["as ITK reads it"] = all(_seen(image) == _seen(itk[0]) for image in itk)
        kept[cases.name(source)] = same
    bad = cases.print_kept("MetaImages", kept)
    assert not bad


def _seen(image: Any) -> Any:
    voxels = SimpleITK.GetArrayFromImage(image).tobytes()
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(), voxels
