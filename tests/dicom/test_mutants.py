"""Damaged files end in an explained error, or in what pydicom reads from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from tests.dicom.written import dataset, enhanced, item, segmentation, write

NAMES = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_small_odd.dcm",
    "rtdose.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "MR_small_expb.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
)


def run(*arguments: object) -> None:
    command = [sys.executable, str(Path(__file__).with_name("mutants.py")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    print(f"\n{result}")
    assert not result["wrong"]
    assert result["peak_mb"] < 1500


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_mutants(count: int) -> None:
    found = [get_testdata_file(name, download=False) for name in NAMES]
    samples = [str(path) for path in found if path is not None]
    assert len(samples) > 6
    run(count, count, *samples)


def objects(folder: Path) -> list[Path]:
    """Write objects of the kinds that are arranged by more than their pixels."""
    order = [(z, t) for z in range(3) for t in (1, 0, 2)]
    frames = [(2.5 * z, number) for number in (1, 2) for z in (0, 1, 4)]
    planes = np.zeros((6, 8, 8), np.uint8)
    planes[:3, :4], planes[3:, 4:] = 1, 1
    made = {
        "enhanced": enhanced(order, [(0x00209128, 0x00209111), (0x20011429, 0x00209111)]),
        "binary": segmentation("BINARY", frames, planes),
        "fractional": segmentation("FRACTIONAL", frames, planes),
        "labelmap": segmentation("LABELMAP", [(2.5 * z, 1) for z in (0, 2, 3)]),
    }
    slide = segmentation(
        "BINARY", frames[:4], planes[:4], TotalPixelMatrixRows=16, TotalPixelMatrixColumns=16
    )
    for place, group in enumerate(slide.PerFrameFunctionalGroupsSequence):
        del group.PlanePositionSequence
        group.PlanePositionSlideSequence = [
            item(
                RowPositionInTotalImagePixelMatrix=1 + 8 * (place // 2),
                ColumnPositionInTotalImagePixelMatrix=1 + 8 * (place % 2),
            )
        ]
    made["slide"] = slide
    palette = dataset(np.zeros((4, 6), np.uint8), None, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [3, 0, 8])
        setattr(palette, f"{colour}PaletteColorLookupTableData", bytes(4))
    made["palette"] = palette
    return [write(one, folder / name) for name, one in made.items()]


@pytest.mark.parametrize("count", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_mutants_of_arranged_objects(tmp_path: Path, count: int) -> None:
    run("survive", count, count, *objects(tmp_path))
