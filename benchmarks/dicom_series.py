"""A 400-slice CT series to .mla: time and memory, beside SimpleITK's series read and the reference's save.

Run: MLARRAY_BENCH_DATA=... python -m benchmarks.dicom_series --reference /path/to/python [--header a.dcm]

The series is written by pydicom from a real scan (`data.load("ct")`), with the header of a real slice when
one is given. The reference's Python needs SimpleITK and mlarray 0.0.54. Each measurement is a process of its
own; they take turns, and the fastest of each counts; processor time is given too, because other work disturbs
it less. Files are removed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks import data

TARGET_MEMORY, TARGET_PEER, TARGET_READ = 300, 0.6, 1.3
PEER_READ = """
import sys, SimpleITK as sitk
names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1])
reader = sitk.ImageSeriesReader()
reader.SetFileNames(names)
image = reader.Execute()
"""
PEER_SAVE = """
from mlarray import MLArray
MLArray(sitk.GetArrayFromImage(image), spacing=image.GetSpacing()[::-1]).save(sys.argv[2])
"""


def write_series(folder: Path, header: Path | None, slices: int) -> None:
    """Write the scan as CT slices, rescaled as scanners store them: unsigned, intercept -1024."""
    volume = data.load("ct")[:slices]
    template = pydicom.dcmread(header or get_testdata_file("CT_small.dcm"))
    template.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for index, plane in enumerate(volume):
        template.SOPInstanceUID = f"1.2.3.4.5.{index + 1}"
        template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
        template.SeriesInstanceUID, template.InstanceNumber = "1.2.3.4.5", index + 1
        template.ImagePositionPatient = [-128, -128, 0.75 * index]
        template.ImageOrientationPatient, template.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.5, 0.5]
        template.Rows, template.Columns = plane.shape
        template.BitsAllocated, template.BitsStored, template.HighBit = 16, 12, 11
        template.PixelRepresentation, template.RescaleSlope, template.RescaleIntercept = 0, 1, -1024
        template.SliceLocation = 0.75 * index
        template.AcquisitionTime = f"1200{index // 10 % 60:02d}.{index:03d}"
        stored = (plane.astype("i4") + 1024).clip(0, 4095).astype("<u2")
        template.PixelData = stored.tobytes()
        template["PixelData"].VR = "OW"
        template.save_as(folder / f"{index:04d}.dcm", enforce_file_format=True)


@dataclass(frozen=True, order=True)
class Run:
    """One process: seconds, seconds of processors, peak memory in MB, and what it printed."""

    seconds: float
    processor: float
    memory: float
    output: str

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s (processors {self.processor:.2f} s), {self.memory:.0f} MB"


def run(command: list[str], target: Path | None) -> Run:
    """Run a process whose target, if it writes one, isn't there."""
    if target is not None:
        target.unlink(missing_ok=True)
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tempfile.gettempdir())
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    seconds = time.perf_counter() - begin
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="Python with SimpleITK and mlarray 0.0.54")
    parser.add_argument("--header", type=Path, help="a real CT slice to take the header from")
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "series"
        folder.mkdir()
        # in a process of its own: a child's peak memory is never below its parent's
        maker = multiprocessing.get_context("spawn").Process(
            target=write_series, args=(folder, arguments.header, arguments.slices)
        )
        maker.start()
        maker.join()
        report(folder, Path(temporary), arguments.reference, arguments.times)


def report(folder: Path, temporary: Path, reference: str | None, times: int) -> None:
    """Run all of them in turn, and print the best of each."""
    ours, theirs = temporary / "ours.mla", temporary / "theirs.mla"
    commands: dict[str, tuple[list[str], Path | None]] = {
        "mlarray convert": (
            [str(Path(sys.executable).with_name("mlarray")), "convert", str(folder), str(ours), "-q"],
            ours,
        )
    }
    if reference:
        python = [reference, "-P", "-c"]
        commands["SimpleITK read"] = ([*python, PEER_READ, str(folder)], None)
        commands["SimpleITK read + reference save"] = (
            [*python, PEER_READ + PEER_SAVE, str(folder), str(theirs)],
            theirs,
        )
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(times):
        for name, (command, target) in commands.items():
            runs[name].append(run(command, target))
    best = {name: min(found) for name, found in runs.items()}
    for name, found in best.items():
        print(f"{name}: {found}")
    own = best["mlarray convert"]
    print(f"memory: {own.memory:.0f} MB (target {TARGET_MEMORY})")
    for name, target in zip(list(commands)[1:], (TARGET_READ, TARGET_PEER), strict=False):
        ratio, work = own.seconds / best[name].seconds, own.processor / best[name].processor
        print(f"of {name}: {ratio:.2f} (target {target}), of its processor time: {work:.2f}")


if __name__ == "__main__":
    main()
