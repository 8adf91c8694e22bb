#!/bin/sh
# An RTDOSE object has its doses as integers with DoseGridScaling, and its planes at GridFrameOffsetVector.
# Guess: readers of DICOM apply both, as they apply rescale slope and slice positions.
# What happens: SimpleITK uses the offsets and not the scaling: it gives the stored integers. dcm2niix uses neither:
# planes 2.5 mm apart become 1 mm apart.
# Why it matters: 3 Gy are read as 3000, and a dose is laid over the wrong planes.
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
from pydicom.uid import RTDoseStorage


data = slice_of(1, [0, 0, 0], 0, SOPClassUID=RTDoseStorage, Modality="RTDOSE", PixelRepresentation=0)
del data.RescaleSlope, data.RescaleIntercept, data.SliceThickness
data.DoseUnits, data.DoseType, data.DoseSummationType, data.DoseGridScaling = "GY", "PHYSICAL", "PLAN", 0.001
data.NumberOfFrames, data.FrameIncrementPointer, data.GridFrameOffsetVector = 3, 0x3004000C, [0, 2.5, 5]
data.PixelData = np.repeat(np.array([1000, 2000, 3000], np.uint16), 64).tobytes()
os.mkdir("dose")
data.save_as("dose/a.dcm", enforce_file_format=True)
image = SimpleITK.ReadImage("dose/a.dcm")
highest = int(SimpleITK.GetArrayFromImage(image).max())
command = ["env/bin/dcm2niix", "-z", "n", "-f", "a", "-o", ".", "dose"]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
volume = nibabel.load("a.nii")
print("SimpleITK: highest", highest, "planes apart", image.GetSpacing()[2])
print("dcm2niix: highest", volume.get_fdata().max(), "planes apart", float(volume.header.get_zooms()[2]))
assert (highest, image.GetSpacing()[2]) == (3000, 2.5)
assert (volume.get_fdata().max(), volume.header.get_zooms()[2]) == (3000, 1)
PYTHON
