#!/bin/sh
# A series of slices every 2 mm lacks one: z = 0, 2, 4, 8, 10.
# Guess: a converter fills the gap, refuses, or at least both of these agree on a spacing.
# What happens: SimpleITK gives five slices of 2.5 mm, the mean, with a warning on standard error. dcm2niix writes two
# files: one with five slices of 2 mm, and one (`_Eq_`) with six, in which the missing one is made of its neighbour.
# Why it matters: three volumes of one series; in two of them every slice behind the gap, or all inner ones, lie at a
# wrong place, and in the third there is a slice that was never measured.
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


os.mkdir("series")
for number, z in enumerate((0, 2, 4, 8, 10)):
    slice_of(number + 1, [0, 0, z], number + 1).save_as(f"series/{number}.dcm", enforce_file_format=True)
image = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames("series"))
print("SimpleITK:", image.GetSize(), image.GetSpacing())
assert (image.GetSize()[2], image.GetSpacing()[2]) == (5, 2.5)
command = ["env/bin/dcm2niix", "-z", "n", "-f", "a", "-o", ".", "series"]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
for name, values in (("a.nii", [1, 2, 3, 4, 5]), ("a_Eq_1.nii", [1, 2, 3, 4, 4, 5])):
    volume = nibabel.load(name)
    found = [int(value) for value in volume.get_fdata()[0, 0]]
    print("dcm2niix:", name, "slices", found, "spacing", float(volume.header.get_zooms()[2]))
    assert found == values
    assert volume.header.get_zooms()[2] == 2
PYTHON
