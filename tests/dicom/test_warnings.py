"""Reading DICOM in several threads leaves Python's warnings as they were."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np

import mlarray
from tests.dicom.written import dataset, write

if TYPE_CHECKING:
    from pathlib import Path


def _warned(path: Path) -> list[str]:
    """Open a file that ends in stray bytes, which is warned of (docs/trust.md)."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: found.append(str(message))
        mlarray.MLArray.open(path).close()
    return found


def test_four_threads(tmp_path: Path) -> None:
    """The filters after are the filters before, and the warnings of this package still come."""
    ours = tmp_path / "ours.mla"
    mlarray.MLArray(np.arange(512, dtype=np.int16).reshape(8, 8, 8)).save(ours)
    with ours.open("ab") as file:
        file.write(b"stray bytes")
    # a date with dashes: pydicom warns of it
    made = dataset(np.zeros((4, 6), np.uint16), (0, 0, 0), StudyDate="20200101")
    made["StudyDate"]._value = "2020-01-01"
    path = write(made, tmp_path / "one.dcm")
    before, told = list(warnings.filters), _warned(ours)
    assert told

    def read() -> None:
        for _ in range(10):
            mlarray.read(path)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
    assert _warned(ours) == told
