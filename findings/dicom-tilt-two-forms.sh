#!/bin/sh
# Guess: the NIfTI that dcm2niix writes of a CT with a tilted gantry puts each slice where the DICOM file has it.
# What happens: it writes two files. The unchanged one has a sheared sform and an unsheared qform, both with code 1,
# which differ by some millimetres; the sform's slices are 3.86 mm apart along z where the DICOM has 4. The other one
# (`_Tilt_`) is resampled. SimpleITK falls back to the qform of the first, since it can't hold shear.
# Why it matters: three answers to where a slice lies, none of them that of the DICOM files.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pydicom==3.0.2 nibabel==5.4.2 dcm2niix==1.0.20260724 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pydicom', 'dcm2niix')))
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

UIDS = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}


def slice_of(number, position, value, **more):
    """Return a CT slice of 8 x 8 equal voxels."""
    data = Dataset()
    data.update(UIDS)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.Modality, data.PatientID, data.PatientName = "CT", "phantom", "phantom"
    data.PatientBirthDate = data.PatientSex = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.StudyID, data.StudyDate, data.StudyTime, data.Manufacturer = "1", "20200101", "120000", "made"
    data.SeriesNumber, data.InstanceNumber = 1, number
    data.ImagePositionPatient, data.ImageOrientationPatient = position, [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [1, 1], 2
    data.Rows = data.Columns = 8
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept = 1, 0
    data.PixelData = np.full((8, 8), value, np.int16).tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for name, given in more.items():
        setattr(data, name, given)
    return data


import os
import subprocess

import nibabel
import SimpleITK


tilt = np.radians(15)
across = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
os.mkdir("series")
for number in range(12):
    data = slice_of(number + 1, [0, 0, 4 * number], number, GantryDetectorTilt=15, ImageOrientationPatient=across)
    data.save_as(f"series/{number:02}.dcm", enforce_file_format=True)
command = ["env/bin/dcm2niix", "-z", "n", "-f", "a", "-o", ".", "series"]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
volume = nibabel.load("a.nii")
sform, qform = volume.get_sform(), volume.get_qform()
codes = int(volume.header["sform_code"]), int(volume.header["qform_code"])
step = sform[:3, 2].round(3).tolist()
apart = np.linalg.norm((sform - qform)[:3, 2]) * 11
print("codes", codes, "| step between slices: DICOM [0, 0, 4], sform", step, "qform", qform[:3, 2].round(3).tolist())
print(f"sform and qform are {apart:.1f} mm apart at the last slice")
print("resampled:", nibabel.load("a_Tilt_1.nii").shape, "of", volume.shape)
assert codes == (1, 1)
assert step == [0, 0, 3.864]
assert apart > 10
assert nibabel.load("a_Tilt_1.nii").shape != volume.shape
direction = np.reshape(SimpleITK.ReadImage("a.nii").GetDirection(), (3, 3))
print("SimpleITK takes", direction[:, 2].round(3).tolist(), "for the direction of slices")
assert abs(direction[1, 2]) > 0.2
PYTHON
