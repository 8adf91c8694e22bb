#!/bin/sh
# Two volumes of a GE EPI series whose protocol block asks for a pause behind each volume: TR 2000 ms, "DELACQ" 500 ms.
# Guess: the NIfTI file and the JSON beside it that dcm2niix writes say the same time between volumes.
# What happens: RepetitionTime in the JSON is 2.5 s, pause included; pixdim[4] of the NIfTI is 2 s.
# Why it matters: programs for functional MRI take either one, and are off by a quarter in the time of every volume.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q dcm2niix==1.0.20260724 pydicom==3.0.2 nibabel==5.4.2 numpy==2.4.6
mkdir series out
env/bin/python - <<'PYTHON'
import gzip
import json
import struct
import subprocess
from importlib.metadata import version
from pathlib import Path

print(*(f"{name} {version(name)}" for name in ("dcm2niix", "nibabel", "pydicom")))
import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

UIDS = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
asked = gzip.compress(b'set IOPT "MPh"\nset NOSLC "3"\nset DELACQ "500"\nset DELACQNOAV "0.5"\n')
protocol = struct.pack("<I", len(asked)) + asked

for number in range(6):
    data = Dataset()
    data.update(UIDS)
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, generate_uid()
    data.Modality, data.Manufacturer, data.PatientID, data.PatientName = "MR", "GE MEDICAL SYSTEMS", "1", "Made^Up"
    data.SoftwareVersions = "28\\LX\\MR29.1_EA_2039.g"
    data.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    data.ScanningSequence, data.SequenceVariant, data.MRAcquisitionType = ["EP", "GR"], "SS", "2D"
    data.RepetitionTime, data.EchoTime, data.FlipAngle, data.MagneticFieldStrength = 2000, 30, 90, 3
    data.SeriesNumber, data.InstanceNumber, data.AcquisitionNumber = 1, number + 1, 1
    data.NumberOfTemporalPositions, data.TemporalPositionIdentifier = 2, number // 3 + 1
    data.StudyDate, data.StudyTime = "20200101", "120000"
    data.SeriesDate, data.SeriesTime = "20200101", "120000"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 3 * (number % 3)], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness, data.SpacingBetweenSlices = [3, 3], 3, 3
    data.SliceLocation = 3 * (number % 3)
    data.Rows = data.Columns = 16
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.add_new(0x00250010, "LO", "GEMS_SERS_01")
    data.add_new(0x0025101B, "OB", protocol + b"\0" * (len(protocol) % 2))
    data.PixelData = np.full((16, 16), number, np.int16).tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(f"series/{number}.dcm", enforce_file_format=True)

run = subprocess.run(["env/bin/dcm2niix", "-b", "y", "-f", "a", "-o", "out", "series"], capture_output=True, text=True)
found = {
    "json": json.loads(Path("out/a.json").read_text())["RepetitionTime"],
    "nifti": float(nibabel.load("out/a.nii").header["pixdim"][4]),
}
print(found)
assert found == {"json": 2.5, "nifti": 2.0}
PYTHON
