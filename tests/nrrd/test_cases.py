"""Every shared NRRD file: converted right, by world position, or refused; nothing is lost on the way back.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlarray
from tests import cases

pytestmark = cases.MARKS
PASSING = Path(__file__).with_name("passing.txt")
CONTRADICTED = {
    "nrrd.jl/io/eltype_rgb_u8.nrrd": "its kinds say RGB-color; the reference takes colours for space"
}
STORAGE = {"data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"}


@pytest.fixture(scope="module")
def check_meta() -> Any:
    return cases.load_check_meta()


def test_every_case_is_right(check_meta, tmp_path):
    whole = [case for case in cases.found("nrrd") if "header_only" not in case[1]]
    passing, wrong = cases.verdicts(check_meta, whole, tmp_path)
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} NRRD cases are right; wrong: {wrong}")
    cases.write_if_asked(PASSING, passing)
    assert passing == PASSING.read_text(encoding="utf-8").split(), wrong
    assert wrong.keys() == CONTRADICTED.keys()


def test_headers_without_data(tmp_path, read):
    """Their data files are gone; with zeros for voxels each is read as its kinds say."""
    words = {
        "space": "spatial",
        "domain": "spatial",
        "RGB-color": "components",
        "time": "temporal",
        "list": "non_spatial",
    }
    count = 0
    for source, reference in cases.found("nrrd"):
        if "header_only" not in reference:
            continue
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        (tmp_path / "dummy.raw").write_bytes(bytes(1 << 20))
        image = read(path)
        fields = image.meta.source["fields"]
        if "kinds" in fields:
            assert [
                label.split("_")[0] if label.startswith("spatial") else label for label in image.labels
            ] == [words[kind] for kind in reversed(fields["kinds"])]
        assert list(image.shape) == fields["sizes"][::-1]
        count += 1
    assert count == 15


def test_nothing_is_lost_on_the_way_back(check_meta, tmp_path):
    kept = {}
    for number, (source, reference) in enumerate(cases.found("nrrd")):
        if cases.refused(reference) or "header_only" in reference or source.suffix == ".gz":
            continue
        there, back = tmp_path / f"{number}.mla", tmp_path / f"{number}.nrrd"
        mlarray.convert(source, there)
        mlarray.convert(there, back, strict=True)
        before, after = check_meta.read_nrrd_raw(str(source)), check_meta.read_nrrd_raw(str(back))
        same = cases.same_fields(before["fields"], after["fields"], STORAGE)
        same["keys, values and their order"] = list(before["keyvalue"].items()) == list(
            after["keyvalue"].items()
        )
        same["stored values"] = np.array_equal(
            before["raw"], after["raw"], equal_nan=before["raw"].dtype.kind == "f"
        )
        same["comments"] = _comments(source) == _comments(back)
        kept[cases.name(source)] = same
    bad = cases.print_kept("NRRD files", kept)
    assert not bad


def _comments(path: Path) -> list[bytes]:
    header = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n\n")[0]
    return [line for line in header.split(b"\n") if line.startswith(b"#")]
