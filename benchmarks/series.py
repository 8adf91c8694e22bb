"""A DICOM series of 400 slices, plain and compressed, to `.mla` and `.nii`, beside SimpleITK and dcm2niix."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.absent import noting
from benchmarks.commands import child
from benchmarks.table import table
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pydicom

    from benchmarks.measure import Plan

KINDS = ("raw", "rle", "jpeg-ls", "jpeg2000")
MLA, NII, ITK, NIIX = "ours, .mla", "ours, .nii", "SimpleITK and the reference", "dcm2niix"
TO_MLA = {"raw": 0.45, "rle": 0.15, "jpeg-ls": 0.6, "jpeg2000": 0.6}
TO_NII = {"raw": 2.5, "jpeg-ls": 1.2, "jpeg2000": 0.5}
PEER = """
import sys, SimpleITK
reader = SimpleITK.ImageSeriesReader()
reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
from mlarray import MLArray
MLArray(SimpleITK.GetArrayFromImage(image), spacing=image.GetSpacing()[::-1]).save(sys.argv[2])
"""


def write_kinds(folder: Path, slices: int) -> None:
    """Write the series in every kind, as scanners and archives do, unless it is there as a whole."""
    import pydicom

    from benchmarks.dicom_series import write_series

    for kind in KINDS:
        target, unfinished = folder / kind, folder / f"{kind}.part"
        if target.exists():
            continue
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        if kind == "raw":
            write_series(unfinished, None, slices)
        else:
            for path in sorted((folder / "raw").iterdir()):
                slice_ = pydicom.dcmread(path)
                _compress(slice_, kind)
                slice_.save_as(unfinished / path.name, enforce_file_format=True)
        unfinished.rename(target)


def _compress(slice_: pydicom.Dataset, kind: str) -> None:
    """Compress the pixels of a slice without loss, by streams of as many bits as the header says."""
    import imagecodecs
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    if kind != "jpeg2000":
        slice_.compress(RLELossless if kind == "rle" else JPEGLSLossless)
        return
    stream = imagecodecs.jpeg2k_encode(
        slice_.pixel_array, codecformat="j2k", reversible=True, level=0, bitspersample=slice_.BitsStored
    )
    slice_.PixelData = encapsulate([stream])
    slice_["PixelData"].VR, slice_["PixelData"].is_undefined_length = "OB", True
    slice_.file_meta.TransferSyntaxUID = JPEG2000Lossless


def dicom(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds and memory of each way, and of starting up; the voxels of all ways are compared."""
    series = folder / "dicom"
    # in a process of its own: a child's peak memory is never below its parent's
    maker = multiprocessing.get_context("spawn").Process(target=write_kinds, args=(series, 400))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise RuntimeError("the series could not be made")
    results: dict[str, dict[str, list]] = {"start": {"ours": []}}
    for kind in KINDS:
        ways = _ways(folder, reference, series / kind)
        results[kind] = {name: [] for name in ways}
        for _ in range(max(2, plan.turns // 3)):
            for name in list(results[kind]):
                command, made = ways[name]
                _remove(made)
                earlier = results[kind].pop(name)
                with noting(plan.absent, f"{name}, {kind}"):
                    results[kind][name] = [*earlier, child(command)]
        _compare({name: ways[name][1] for name in results[kind]}, kind)
    command = [sys.executable, "-c", "import pydicom, mlarray_dicom.listing, mlarray_dicom.image"]
    results["start"]["ours"] = [child(command) for _ in range(max(2, plan.turns // 3))]
    return results


def _ways(folder: Path, reference: Path, source: Path) -> dict[str, tuple[list[str], Path]]:
    """Return the command of each way, and the file that it writes."""
    ours = [str(Path(sys.executable).with_name("mlarray")), "convert", "-q", "-f", str(source)]
    made = {name: folder / file for name, file in ((MLA, "ours.mla"), (NII, "ours.nii"), (ITK, "theirs.mla"))}
    out = folder / "dcm2niix"
    out.mkdir(exist_ok=True)
    theirs = [_dcm2niix(), "-b", "n", "-z", "n", "-f", "x", "-o", str(out), str(source)]
    return {
        MLA: ([*ours, str(made[MLA])], made[MLA]),
        NII: ([*ours, str(made[NII])], made[NII]),
        ITK: ([str(reference), "-P", "-c", PEER, str(source), str(made[ITK])], made[ITK]),
        NIIX: (theirs, out / "x.nii"),
    }


def _remove(made: Path) -> None:
    """Remove what a way made before, and what lies beside it."""
    for path in made.parent.glob(f"{made.stem}*.*" if made.parent.name == "dcm2niix" else made.name):
        path.unlink()


def _compare(made: dict[str, Path], kind: str) -> None:
    """Demand that the files of the ways hold the same voxels.

    Raises
    ------
    RuntimeError
        Two of them don't.
    """
    for one, other, slices in ((MLA, ITK, _of_mla), (NII, NIIX, _of_nii), (MLA, NII, _of_both)):
        if not {one, other} <= made.keys():
            continue
        pairs = zip(slices(made[one]), slices(made[other]), strict=True)
        if not all(np.array_equal(a, b) for a, b in pairs):
            raise RuntimeError(f"{one} and {other} hold different voxels of the series {kind}")


def _of_mla(path: Path) -> Iterator[np.ndarray]:
    """Yield the slices of a `.mla` file."""
    from mlarray import MLArray

    with MLArray.open(path) as image:
        for number in range(image.shape[0]):
            yield np.asarray(image[number])


def _of_nii(path: Path) -> Iterator[np.ndarray]:
    """Yield the slices of a NIfTI file along the last axis, its axes towards right, front and head."""
    import nibabel

    image = nibabel.load(path)
    stored = nibabel.apply_orientation(image.dataobj.get_unscaled(), nibabel.io_orientation(image.affine))
    for number in range(stored.shape[-1]):
        yield stored[..., number] * image.dataobj.slope + image.dataobj.inter


def _of_both(path: Path) -> Iterator[np.ndarray]:
    """Yield the slices of a file of either kind as `_of_nii` does: a `.mla` file's are LPS, columns last."""
    if path.suffix == ".nii":
        yield from _of_nii(path)
    else:
        yield from (plane.T[::-1, ::-1] for plane in _of_mla(path))


def _dcm2niix() -> str:
    """Return the program itself: the package of this name has a script in Python before it."""
    try:
        from dcm2niix import bin as program
    except ImportError:
        return "dcm2niix"
    return str(program)


def _least(runs: list, what: str = "wall") -> float:
    return min(run[what] for run in runs)


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of DICOM folders; those to `.nii` without the time to start."""
    listed = []
    found = results.get("dicom", {})
    start = _least(found["start"]["ours"]) if found else 0.0
    for kind, bound in TO_MLA.items():
        ways = found.get(kind, {})
        if {MLA, ITK} <= ways.keys():
            value = _least(ways[MLA]) / _least(ways[ITK])
            listed.append(
                Verdict(f"DICOM {kind} to .mla, to SimpleITK and the reference", value, bound, False)
            )
    for kind, bound in TO_NII.items():
        if {NII, NIIX} <= found.get(kind, {}).keys():
            value = (_least(found[kind][NII]) - start) / _least(found[kind][NIIX])
            listed.append(Verdict(f"DICOM {kind} to .nii, to dcm2niix", value, bound, False))
    return listed


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("dicom")
    if not found:
        return ""
    rows = [
        [
            kind,
            name,
            f"{_least(runs):.2f}",
            f"{_least(runs, 'cpu'):.2f}",
            f"{_least(runs, 'rss') / 1e6:.0f} MB",
        ]
        for kind, ways in found.items()
        for name, runs in ways.items()
    ]
    return (
        "## DICOM: a CT of 400 slices of 512 x 512\n\nBy the clock, all cores; `start` is what loading "
        "pydicom and our reader takes, and is taken off where `.nii` is compared with dcm2niix.\n\n"
        + table(["", "way", "clock, s", "processor, s", "peak memory"], rows)
    )
