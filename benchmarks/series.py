"""A DICOM series of 400 slices, plain and compressed, to `.mla` and `.nii`, beside SimpleITK and dcm2niix."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.absent import noting
from benchmarks.commands import child
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from benchmarks.measure import Plan

KINDS = ("raw", "rle", "jpeg-ls", "jpeg2000")
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
    """Write the series in every kind, by pydicom and imagecodecs, unless it is there."""
    import imagecodecs
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    from benchmarks.dicom_series import write_series

    for kind in KINDS:
        target = folder / kind
        if target.exists():
            continue
        target.mkdir(parents=True)
        if kind == "raw":
            write_series(target, None, slices)
            continue
        for path in sorted((folder / "raw").iterdir()):
            slice_ = pydicom.dcmread(path)
            if kind == "rle":
                slice_.compress(RLELossless)
            else:
                ls = kind == "jpeg-ls"
                plane = slice_.pixel_array
                data = (
                    imagecodecs.jpegls_encode(plane)
                    if ls
                    else imagecodecs.jpeg2k_encode(
                        plane, codecformat="j2k", reversible=True, level=0, bitspersample=12
                    )
                )
                slice_.PixelData = encapsulate([data])
                slice_["PixelData"].VR, slice_["PixelData"].is_undefined_length = "OB", True
                slice_.file_meta.TransferSyntaxUID = JPEGLSLossless if ls else JPEG2000Lossless
            slice_.save_as(target / path.name, enforce_file_format=True)


def dicom(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds and memory of each way, and of starting up."""
    series = folder / "series"
    # in a process of its own: a child's peak memory is never below its parent's
    maker = multiprocessing.get_context("spawn").Process(target=write_kinds, args=(series, 400))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise RuntimeError("the series could not be made")
    ours = [str(Path(sys.executable).with_name("mlarray")), "convert", "-q", "-f"]
    theirs = [str(reference), "-P", "-c", PEER]
    results: dict[str, dict[str, list]] = {"start": {"ours": []}}
    for kind in KINDS:
        source, out = str(series / kind), folder / "dcm2niix"
        ways = {
            "ours, .mla": [*ours, source, str(folder / "series.mla")],
            "ours, .nii": [*ours, source, str(folder / "series.nii")],
            "SimpleITK and the reference": [*theirs, source, str(folder / "theirs.mla")],
            "dcm2niix": [_dcm2niix(), "-b", "n", "-z", "n", "-f", "x", "-o", str(out), source],
        }
        results[kind] = {name: [] for name in ways}
        for _ in range(max(2, plan.turns // 3)):
            for name in list(results[kind]):
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                (folder / "theirs.mla").unlink(missing_ok=True)
                earlier = results[kind].pop(name)
                with noting(plan.absent, f"{name}, {kind}"):
                    results[kind][name] = [*earlier, child(ways[name])]
    command = [sys.executable, "-c", "import pydicom, mlarray_dicom.listing, mlarray_dicom.image"]
    results["start"]["ours"] = [child(command) for _ in range(max(2, plan.turns // 3))]
    return results


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
        if {"ours, .mla", "SimpleITK and the reference"} <= ways.keys():
            value = _least(ways["ours, .mla"]) / _least(ways["SimpleITK and the reference"])
            listed.append(
                Verdict(f"DICOM {kind} to .mla, to SimpleITK and the reference", value, bound, False)
            )
    for kind, bound in TO_NII.items():
        if {"ours, .nii", "dcm2niix"} <= found.get(kind, {}).keys():
            value = (_least(found[kind]["ours, .nii"]) - start) / _least(found[kind]["dcm2niix"])
            listed.append(Verdict(f"DICOM {kind} to .nii, to dcm2niix", value, bound, False))
    return listed


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("dicom")
    if not found:
        return ""
    rows = "".join(
        f"| {kind} | {name} | {_least(runs):.2f} | {_least(runs, 'cpu'):.2f} | "
        f"{_least(runs, 'rss') / 1e6:.0f} MB |\n"
        for kind, ways in found.items()
        for name, runs in ways.items()
    )
    return (
        "## DICOM: a CT of 400 slices of 512 x 512\n\nBy the clock, all cores; `start` is what loading "
        "pydicom and our reader takes, and is taken off where `.nii` is compared with dcm2niix.\n\n"
        "| | way | clock, s | processor, s | peak memory |\n|---|---|---|---|---|\n" + rows
    )
