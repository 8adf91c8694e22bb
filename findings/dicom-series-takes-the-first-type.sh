#!/bin/sh
# In PET and many MR series each DICOM slice has a rescale slope of its own.
# Guess: SimpleITK's series reader gives such a series a type that holds all values, or refuses.
# What happens: the type of the voxels is that of the first slice. If its slope is 1, the volume is int16, and the
# scaled values of other slices are cut to whole numbers and wrap around: 41000 becomes -24536.
# Why it matters: uptake values change sign or lose their fraction without a warning, depending on the order of slices.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pydicom==3.0.2 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pydicom')))
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


import SimpleITK


stored = [(1000, 1), (16400, 2.5), (311, 0.5)]
for number, (value, slope) in enumerate(stored):
    data = slice_of(number + 1, [0, 0, 2 * number], value, RescaleSlope=slope)
    data.save_as(f"{number}.dcm", enforce_file_format=True)
image = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames("."))
found = SimpleITK.GetArrayFromImage(image)[:, 0, 0].tolist()
print("values", [value * slope for value, slope in stored], "SimpleITK", found, image.GetPixelIDTypeAsString())
assert found == [1000, -24536, 155]
PYTHON
