"""What is used of pydicom beyond its public interface is still there, and used in one module."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

import mlarray_dicom
from mlarray_dicom.private_names import elements


def test_private_names_still_exist() -> None:
    made = Dataset()
    made.PatientID = "1"
    held = elements(made)
    assert held is made._dict
    assert [int(tag) for tag in held] == [0x00100020]


def test_one_module_uses_them() -> None:
    folder = Path(mlarray_dicom.__file__).parent
    users = {path.name for path in folder.rglob("*.py") if "._dict" in path.read_text(encoding="utf-8")}
    assert users == {"private_names.py"}
