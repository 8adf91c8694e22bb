"""A 400-slice CT series to .mla: time and peak memory, beside SimpleITK's series read and the reference's save.

Run: MLARRAY_BENCH_DATA=... python benchmarks/dicom_series.py --reference /path/to/python [--header slice.dcm]

The series is written by pydicom from a real scan (`data.load("ct")`), with the header of a real slice when one is
given. The reference's Python needs SimpleITK and mlarray 0.0.54. Each measurement is a process of its own; the
smallest of three counts. Files are removed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

import data

TARGET_MEMORY, TARGET_PEER, TARGET_READ = 300, 0.6, 1.3
PEER_READ = """
import sys, time, SimpleITK as sitk
begin = time.perf_counter()
names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1])
reader = sitk.ImageSeriesReader()
reader.SetFileNames(names)
image = reader.Execute()
read = time.perf_counter() - begin
"""
PEER_SAVE = """
from mlarray import MLArray
MLArray(sitk.GetArrayFromImage(image), spacing=image.GetSpacing()[::-1]).save(sys.argv[2])
"""
PEER_END = "\nimport json; print(json.dumps({'seconds': time.perf_counter() - begin, 'read': read}))"


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


def run(command: list[str]) -> tuple[float, float, str]:
    """Return seconds, peak memory in MB and output of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tempfile.gettempdir())
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, output


def best(command: list[str], target: Path | None = None, times: int = 3) -> tuple[float, float, str]:
    """Return the fastest of several runs."""
    results = []
    for _ in range(times):
        if target is not None:
            target.unlink(missing_ok=True)
        results.append(run(command))
    return min(results)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="Python with SimpleITK and mlarray 0.0.54")
    parser.add_argument("--header", type=Path, help="a real CT slice to take the header from")
    parser.add_argument("--slices", type=int, default=400)
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
        ours, target = Path(temporary) / "ours.mla", Path(temporary) / "theirs.mla"
        command = str(Path(sys.executable).with_name("mlarray"))
        seconds, memory, _ = best([command, "convert", str(folder), str(ours), "-q"], ours)
        print(f"mlarray convert: {seconds:.2f} s, {memory:.0f} MB (target {TARGET_MEMORY}), {_size(ours)}")
        if not arguments.reference:
            return
        python = [arguments.reference, "-c"]
        read = best([*python, PEER_READ + PEER_END, str(folder)])
        both = best([*python, PEER_READ + PEER_SAVE + PEER_END, str(folder), str(target)], target)
        inside = json.loads(read[2])["seconds"]
        print(f"SimpleITK read: {read[0]:.2f} s as a process, {inside:.2f} s inside, {read[1]:.0f} MB")
        print(f"SimpleITK read + reference save: {both[0]:.2f} s, {both[1]:.0f} MB, {_size(target)}")
        print(f"of read + save: {seconds / both[0]:.2f} (target {TARGET_PEER})")
        print(f"of read alone: {seconds / read[0]:.2f} as a process (target {TARGET_READ})")


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f} MiB"


if __name__ == "__main__":
    main()
