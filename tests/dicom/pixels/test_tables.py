"""Lookup tables as the standard has them: empty ones, odd ones, 8 bits in words (C.7.6.3.1.5, C.11.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from mlarray_core.errors import CorruptError
from tests.dicom.written import dataset, item, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLANE = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
NOWHERE: dict[str, Any] = {"ImageOrientationPatient": None}
COLOURS = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)
"""Red, green and blue of the entries 0, 1 and 2."""


def palette(descriptor: list[int], encode: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR", **NOWHERE}
    for name, column in zip(("Red", "Green", "Blue"), COLOURS.T, strict=True):
        made[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
        made[f"{name}PaletteColorLookupTableData"] = encode(column)
    return made


@pytest.mark.parametrize(
    "attributes",
    [
        palette([3, 0, 8], lambda column: column.tobytes() + b"\0"),
        palette([3, 0, 8], lambda column: column.astype("<u2").tobytes()),
        palette([3, 0, 16], lambda column: (column.astype("<u2") * 257).tobytes()),
        palette([3, 0, 16], lambda column: (column.astype("<u2") << 8).tobytes()),
    ],
    ids=["odd number of bytes", "8 bits in words", "16 bits", "16 bits, high byte"],
)
def test_palettes(load: Callable[..., Any], tmp_path: Path, attributes: dict[str, Any]) -> None:
    """An odd number of entries has a pad byte, which is none (pydicom 3.0 takes it for a third of one)."""
    image = load(write(dataset(PLANE, None, **attributes), tmp_path / "one"))
    np.testing.assert_array_equal(image.array, COLOURS[PLANE])


def test_palette_without_data(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE, None, **palette([3, 0, 8], lambda column: column.tobytes() + b"\0"))
    del made.GreenPaletteColorLookupTableData
    with pytest.raises(CorruptError, match="there is no GreenPaletteColorLookupTableData"):
        load(write(made, tmp_path / "one"))


def test_empty_modality_table(load: Callable[..., Any], tmp_path: Path) -> None:
    """One item with an empty descriptor and no data (LEADTOOLS): pydicom and GDCM keep the pixels."""
    table = item(ModalityLUTType="US")
    table.add_new(0x00283002, "US", None)
    table.add_new(0x00283006, "OW", b"")
    image = load(write(dataset(PLANE, (0, 0, 0), ModalityLUTSequence=[table]), tmp_path / "one"))
    np.testing.assert_array_equal(image.array[0], PLANE)
    assert any("without a table" in note for note in image.notes)


def test_signed_first_value(load: Callable[..., Any], tmp_path: Path) -> None:
    """The first value mapped is signed when the pixels are (C.11.1.1.1)."""
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [3, 65535, 16], [7, 8, 9]
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    stored = np.array([[-1, 0, 1], [-5, 5, 0]], np.int16)
    image = load(write(dataset(stored, (0, 0, 0), ModalityLUTSequence=[table]), tmp_path / "one"))
    assert image.array[0].tolist() == [[7, 8, 9], [7, 9, 8]]
