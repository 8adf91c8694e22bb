"""Small inputs under the names that the pages give them, made when a command line names them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray import Meta, MLArray

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
SHAPE = (12, 16, 16)
AFFINE = np.array([[0, 0, 1, -8], [0, 1, 0, -8], [2.0, 0, 0, -12], [0, 0, 0, 1]])
"""Of arrays (z, y, x), into LPS."""


def voxels(labels: bool = False) -> np.ndarray:
    """Return an image of noise, or two boxes of labels in it."""
    if not labels:
        return np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    found = np.zeros(SHAPE, np.uint8)
    found[2:6, 3:9, 3:9], found[7:9, 4:6, 8:12] = 1, 2
    return found


def mla(path: Path, *, labels: bool = False) -> None:
    """Write an image of a patient as `.mla`."""
    spatial = {
        "affine": AFFINE.tolist(), "coord_system": "LPS", "axis_units": ["mm"] * 3,
        "axis_labels": ["spatial_z", "spatial_y", "spatial_x"],
    }  # fmt: skip
    meta = Meta(spatial=spatial, is_seg=labels)
    if labels:
        meta.labels = [{"value": 1, "name": "liver", "color": "#dd8265"}, {"value": 2, "name": "tumour"}]
    MLArray(voxels(labels), meta=meta).save(path)


def nifti(path: Path, *, labels: bool = False) -> None:
    """Write the same image by nibabel, as NIfTI or FreeSurfer's MGZ."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    kind = nibabel.MGHImage if path.suffix == ".mgz" else nibabel.Nifti1Image
    place = np.diag([-1, -1, 1, 1]) @ AFFINE[:, [2, 1, 0, 3]]
    image = kind(np.ascontiguousarray(voxels(labels).T), place)
    if kind is nibabel.Nifti1Image:
        image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def series(path: Path, number: int = 3, **attributes: object) -> None:
    """Write the same image as a DICOM series."""
    from tests.dicom.contours.drawn import STUDY
    from tests.dicom.written import write_series

    path.parent.mkdir(parents=True, exist_ok=True)
    told = {**STUDY, "SliceThickness": 2, "SeriesNumber": number, "SeriesInstanceUID": f"1.2.3.{number + 1}"}
    write_series(path, voxels(), AFFINE, **{**told, **attributes})


def structures(path: Path) -> None:
    """Write a structure set that is drawn on `series`."""
    from tests.dicom.contours.drawn import sphere, structure_set

    path.parent.mkdir(parents=True, exist_ok=True)
    structure_set(path, {"liver": sphere(5, 2)})


def study(path: Path) -> None:
    """Write a study of two series and a structure set."""
    series(path / "series2", 2)
    series(path / "series3", 3)
    structures(path / "rtstruct.dcm")


def diffusion(path: Path) -> None:
    """Write a diffusion-weighted series: two volumes, with a b-value and a direction each."""
    from tests.dicom.written import MR

    for number, (weight, direction) in enumerate([(0, [0, 0, 0]), (1000, [1, 0, 0])]):
        told = {"SOPClassUID": MR, "Modality": "MR", "DiffusionBValue": weight, "Manufacturer": "Philips"}
        first = number * SHAPE[0] + 1
        series(
            path / str(number), 3, DiffusionGradientOrientation=direction, **told,
            InstanceNumber=lambda index, first=first: first + index,
        )  # fmt: skip


def slide(path: Path) -> None:
    """Write a slide with a coarser level, in tiles."""
    import tifffile

    tissue = np.random.default_rng(0).integers(0, 255, (512, 512, 3)).astype(np.uint8)
    told = {"photometric": "rgb", "tile": (256, 256), "metadata": None}
    with tifffile.TiffWriter(path) as writer:
        note = "Aperio Image Library v1\r\n512x512|AppMag = 20|MPP = 0.5"
        writer.write(tissue, description=note, **told)
        writer.write(tissue[::2, ::2], subfiletype=1, description=note, **told)


def ome(path: Path) -> None:
    """Write an image of a microscope."""
    import tifffile

    tifffile.imwrite(path, voxels().astype(np.uint16), ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 1})


def geotiff(path: Path) -> None:
    """Write a picture with a place on earth: GeoTIFF's tags of scale and tie point."""
    import tifffile

    tags = [(33550, 12, 3, (10.0, 10.0, 0.0), True), (33922, 12, 6, (0, 0, 0, 5e5, 6e6, 0.0), True)]
    tags.append((34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True))
    tifffile.imwrite(path, voxels()[0].astype(np.uint16), extratags=tags, metadata=None)


def hdf5(path: Path) -> None:
    """Write a field of numbers."""
    import h5py

    with h5py.File(path, "w") as file:
        file["field"] = voxels()


def raw(path: Path) -> None:
    """Write the bytes that docs/formats/raw.md tells the shape and type of, all of them 0."""
    with path.open("wb") as file:
        file.truncate(120 * 512 * 512 * 2)


def czi(path: Path) -> None:
    """Write a stack by Zeiss's library."""
    from pylibCZIrw import czi

    with czi.create_czi(str(path)) as file:
        for z, plane in enumerate(voxels().astype(np.uint16)):
            file.write(data=plane[..., None], plane={"Z": z, "C": 0, "T": 0})


def names(path: Path) -> None:
    """Write FreeSurfer's and ITK-SNAP's tables of labels."""
    if path.suffix:
        path.write_text('1 221 130 101 1 1 1 "liver"\n2 10 20 30 1 1 1 "tumour"\n')
    else:
        path.mkdir()
        (path / "FreeSurferColorLUT.txt").write_text("1 liver 221 130 101 0\n2 tumour 10 20 30 0\n")


def pairs(path: Path, images: str, labels: str) -> None:
    """Write two images and their labels; ``{}`` in names is the number of the case."""
    for case in range(2):
        nifti(path / images.format(case))
        nifti(path / labels.format(case), labels=True)


def listed(path: Path) -> None:
    """Write a list of two images, beside which they lie."""
    for case in range(2):
        nifti(path.parent / "listed" / f"{case}.nii.gz")
    path.write_text("listed/0.nii.gz\nlisted/1.nii.gz\n")


def copied(path: Path) -> None:
    """Lay a folder of the repository there, without the rest of it."""
    path.symlink_to(ROOT / path.name, target_is_directory=True)


def _labels(path: Path) -> None:
    if path.suffix:
        (mla if path.suffix == ".mla" else nifti)(path, labels=True)
    else:
        for case in range(2):
            nifti(path / f"study{case}/CT.nii.gz", labels=True)


MADE: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("scan.mla", "ct.mla", "pet.mla"), mla),
    **dict.fromkeys(("scan.nii.gz", "ct.nii.gz", "sub-01_dwi.nii.gz"), nifti),
    **dict.fromkeys(("labels.mla", "aseg.mgz", "ct_seg.nii.gz", "labels"), _labels),
    **dict.fromkeys(("tests", "conformance"), copied),
    "study": study,
    "studies": lambda path: [series(path / f"study{case}") for case in range(2)],
    "dicom": lambda path: diffusion(path / "series"),
    "rtstruct.dcm": structures,
    "slide.svs": slide,
    "cells.ome.tif": ome,
    "scene.tif": geotiff,
    "field.h5": hdf5,
    "scan.raw": raw,
    "stack.czi": czi,
    "freesurfer": names,
    "labels.label": names,
    "archive": lambda path: pairs(path, "images/case{}.nii.gz", "labels/case{}.nii.gz"),
    "data": lambda path: pairs(path, "images/case{}.nii.gz", "labels/case{}.nii.gz"),
    "raw": lambda path: nifti(path / "one/1_ct.nii.gz"),
    "bids": lambda path: nifti(path / "sub-01/anat/sub-01_T1w.nii.gz"),
    "patients": lambda path: nifti(path / "1/scan.nii.gz"),
    "extra.nrrd": lambda path: shutil.copy(next((ROOT / "tests/data/nrrd").glob("*.nrrd")), path),
    "cases.txt": listed,
    "imagesTr": lambda path: pairs(path.parent, "imagesTr/{}_0000.nii.gz", "labelsTr/{}.nii.gz"),
    "labelsTr": lambda path: pairs(path.parent, "imagesTr/{}_0000.nii.gz", "labelsTr/{}.nii.gz"),
    "kits": lambda path: pairs(path, "case{}/imaging.nii.gz", "case{}/segmentation.nii.gz"),
    "brats": lambda path: pairs(path, "{0}/{0}_t1.nii.gz", "{0}/{0}_seg.nii.gz"),
}
"""How each is made, by the first part of its path."""


def make(word: str) -> None:
    """Make what a word of a command line names, in the working folder, if it is known and isn't there."""
    first = Path(word.lstrip("@").partition("=")[2] or word.lstrip("@")).parts[:1]
    if first and first[0] in MADE and not Path(first[0]).exists():
        MADE[first[0]](Path(first[0]))
