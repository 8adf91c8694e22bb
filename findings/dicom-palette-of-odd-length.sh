#!/bin/sh
# A palette of three 8-bit entries is stored in four bytes: DICOM pads values to an even length.
# Guess: a reader takes the three entries that the descriptor names.
# What happens: pydicom's `apply_color_lut` divides the length by the number of entries, finds 4 / 3 bytes for each and
# raises TypeError ("data type 'uint11' not understood"). GDCM, inside SimpleITK, refuses the file too.
# Why it matters: palettes of label maps have as many entries as there are segments, so every second one is odd.
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


import pydicom
import SimpleITK
from pydicom.pixels import apply_color_lut


def picture(entries):
    data = slice_of(1, [0, 0, 0], 0, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)
    del data.RescaleSlope, data.RescaleIntercept
    data.PhotometricInterpretation = "PALETTE COLOR"
    data.PixelData = (np.arange(64) % entries).astype(np.uint8).tobytes()
    for colour in ("Red", "Green", "Blue"):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [entries, 0, 8])
        setattr(data, f"{colour}PaletteColorLookupTableData", bytes(range(entries)) + bytes(entries % 2))
    data.save_as("a.dcm", enforce_file_format=True)
    return pydicom.dcmread("a.dcm")


data = picture(4)
print("4 entries:", apply_color_lut(data.pixel_array, data).shape, SimpleITK.ReadImage("a.dcm").GetSize())
data = picture(3)
try:
    apply_color_lut(data.pixel_array, data)
except TypeError as error:
    print("3 entries, pydicom:", error)
    assert "uint11" in str(error)
else:
    raise SystemExit("pydicom reads it now")
try:
    SimpleITK.ReadImage("a.dcm")
except RuntimeError as error:
    print("3 entries, SimpleITK:", str(error).strip().splitlines()[-1])
    assert "gdcmLookupTable" in str(error)
else:
    raise SystemExit("SimpleITK reads it now")
PYTHON
