"""Try an installed `mlarray`: plugins load, formats are written and read back, samples convert.

    python try_installed.py [SAMPLE...]

Run it with the interpreter of the environment to try, from a folder that isn't the checkout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*arguments: str | Path, expect: int = 0) -> str:
    """Run the `mlarray` command of this environment and return what it printed."""
    command = [str(Path(sys.executable).with_name("mlarray")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != expect:
        raise SystemExit(f"{' '.join(command[1:])}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def formats() -> list[dict[str, object]]:
    """Return the installed formats; stop when a plugin is broken or a library is missing."""
    listed = json.loads(run("formats", "--json"))
    if listed["broken"]:
        raise SystemExit(f"broken plugins: {listed['broken']}")
    assert "broken" not in run("formats")
    return list(listed["formats"])


def arrays(folder: Path) -> list[Path]:
    """Write a volume and a picture as `.mla`, for formats that hold the one or the other."""
    import numpy as np

    from mlarray import MLArray

    volume = np.arange(12 * 20 * 28, dtype=np.int16).reshape(12, 20, 28)
    affine = [
        [0, 0, 0.5, 0],
        [0, 0.5, 0, 0],
        [2, 0, 0, 0],
        [0, 0, 0, 1],
    ]  # as DICOM orders slices
    image = MLArray(volume, affine=affine)
    image.meta.spatial.coord_system = "LPS"
    image.save(folder / "volume.mla")
    MLArray(volume[0].astype(np.uint8)).save(folder / "picture.mla")
    return [folder / "volume.mla", folder / "picture.mla"]


def same(path: Path, original: Path) -> bool:
    """Say whether a file holds the voxels of `original`, in its order or in reverse."""
    import numpy as np

    import mlarray

    back, given = np.asarray(mlarray.read(path)[...]), np.asarray(mlarray.read(original)[...])
    return any(back.shape == one.shape and bool((back == one).all()) for one in (given, given.T))


def written(format: dict[str, object], originals: list[Path], folder: Path) -> str:
    """Convert an array to a format and back; return what was done."""
    suffix = next(iter(format["suffixes"]))  # type: ignore[call-overload]
    for original in originals:
        target = folder / f"{original.stem}-{format['name']}{suffix}"
        command = [Path(sys.executable).with_name("mlarray"), "convert", original, target]
        if subprocess.run(command, capture_output=True).returncode == 0:
            run("info", target)
            back = target.with_suffix(".back.mla")
            run("convert", target, back)
            if not same(back, original):
                raise SystemExit(f"{target.name}: the voxels came back changed")
            return f"{original.stem} -> {suffix} -> .mla"
    raise SystemExit(
        f"{format['name']}: neither {' nor '.join(one.stem for one in originals)} can be written"
    )


def dicom_series(folder: Path) -> Path:
    """Write three slices of a CT with pydicom, and return their folder."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir()
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(3):
        data = Dataset()
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.Modality, data.PatientID, data.InstanceNumber = "CT", "phantom", number + 1
        data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2.5 * number], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [0.5, 0.5], 2.5
        data.Rows, data.Columns, data.SamplesPerPixel = 16, 24, 1
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1
        data.PhotometricInterpretation, data.RescaleSlope, data.RescaleIntercept = "MONOCHROME2", 1, -1024
        data.PixelData = np.full((16, 24), number, np.int16).tobytes()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def commands(folder: Path, volume: Path) -> None:
    """Run the other commands once each, on a folder of two images."""
    (folder / "set").mkdir()
    for name in ("a", "b"):
        run("convert", volume, folder / f"set/{name}.nii.gz")
    run("convert", folder / "set", folder / "batch", "--levels", "auto")
    run("verify", *sorted((folder / "batch").glob("*.mla")))
    run("levels", folder / "batch/a.mla")
    run("scan", folder / "batch")
    run("check-pairs", folder / "set", folder / "batch")
    run("show", folder / "batch/a.mla", "-o", folder / "a.png")


def main(samples: list[str]) -> None:
    """Try everything in a temporary folder."""
    import mlarray

    print(f"mlarray {mlarray.__version__} of {Path(mlarray.__file__).parent}")
    known = formats()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missing = [one["name"] for one in known if one["missing"]]
        print(f"{len(known)} formats; without their library: {', '.join(map(str, missing)) or 'none'}")
        originals = arrays(folder)
        for format in known:
            if format["writes"] and not format["missing"] and format["name"] != "mla":
                print(f"  {format['name']}: {written(format, originals, folder)}")
        if "dicom" not in missing:
            samples.append(str(dicom_series(folder / "series")))
        for number, sample in enumerate(samples):
            run("convert", sample, folder / f"{number}.mla")
        print(f"samples converted: {' '.join(Path(sample).name for sample in samples) or 'none'}")
        if not missing:
            commands(folder, originals[0])
            print("batch, verify, levels, scan, check-pairs and show ran")


if __name__ == "__main__":
    main(sys.argv[1:])
