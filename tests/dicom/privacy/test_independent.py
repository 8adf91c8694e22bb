"""What other programs take out of a header is out of ours too."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING

import pydicom
import pytest

import mlarray
from mlarray_dicom.header.source import datasets
from tests.dicom.privacy.marked import Marked

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def _by_dicom_anonymizer(made: Dataset) -> None:
    anonymizer = pytest.importorskip("dicomanonymizer.simpledicomanonymizer", reason="needs dicom-anonymizer")
    anonymizer.anonymize_dataset(made, delete_private_tags=True, base_rules_gen=_rules(anonymizer))


def _rules(anonymizer):
    return lambda: anonymizer.initialize_actions("dicomfields_2026c")


def _by_dicognito(made: Dataset) -> None:
    dicognito = pytest.importorskip("dicognito.anonymizer", reason="needs dicognito")
    dicognito.Anonymizer(seed="a seed").anonymize(made)


@pytest.mark.parametrize("deidentify", [_by_dicom_anonymizer, _by_dicognito])
def test_nothing_stays_that_another_program_takes_out(tmp_path, deidentify):
    folder = Marked().series(tmp_path / "in")
    plain, theirs = (pydicom.dcmread(folder / "0.dcm") for _ in range(2))
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deidentify(theirs)
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
