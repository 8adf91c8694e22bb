"""What other programs take out of a header is out of ours too."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import pydicom
import pytest

import mlarray
from mlarray_dicom.header.source import datasets
from tests.dicom.privacy.marked import Marked

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset


def _by_dicom_anonymizer(path: Path) -> Dataset:
    anonymizer: Any = pytest.importorskip(
        "dicomanonymizer.simpledicomanonymizer", reason="needs dicom-anonymizer"
    )
    made = pydicom.dcmread(path)
    rules = lambda: anonymizer.initialize_actions("dicomfields_2026c")  # noqa: E731
    anonymizer.anonymize_dataset(made, delete_private_tags=True, base_rules_gen=rules)
    return made


def _by_dicognito(path: Path) -> Dataset:
    dicognito: Any = pytest.importorskip("dicognito.anonymizer", reason="needs dicognito")
    made = pydicom.dcmread(path)
    dicognito.Anonymizer(seed="a seed").anonymize(made)
    return made


def _by_deid(path: Path) -> Dataset:
    """Its own recipe removes every UID, that of the class too, which the profile keeps."""
    deid: Any = pytest.importorskip("deid.dicom", reason="needs deid")
    recipe = pytest.importorskip("deid.config").DeidRecipe(deid="dicom")
    known = deid.get_identifiers([str(path)])
    (made,) = deid.replace_identifiers([str(path)], ids=known, deid=recipe, save=False, remove_private=True)
    made.SOPClassUID = pydicom.dcmread(path).SOPClassUID
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("deidentify", [_by_dicom_anonymizer, _by_dicognito, _by_deid])
def test_nothing_stays_that_another_program_takes_out(tmp_path: Path, deidentify: Any) -> None:
    folder = Marked().series(tmp_path / "in")
    plain = pydicom.dcmread(folder / "0.dcm")
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = deidentify(folder / "0.dcm")
    ours = datasets(mlarray.read(folder, anonymize=True).meta.source)[0]
    kept = []
    changed = 0
    for element in plain:
        if element.tag.group in (0x50FE, 0x7FE0) or element.tag == (0x0008, 0x0005):
            continue
        gone = element.tag not in theirs or theirs[element.tag].value != element.value
        changed += gone
        if gone and element.tag in ours and ours[element.tag].value == element.value:
            kept.append(element.keyword or str(element.tag))
    assert changed > 50
    assert kept == []
