#!/bin/sh
# A DICOM segmentation of two of ten slices, 2.5 mm apart.
# Guess: the object holds ten frames, or readers put two frames where they belong.
# What happens: highdicom leaves out empty slices by default, which the standard allows; frames carry their positions.
# highdicom gives back seven slices of 2.5 mm. SimpleITK gives the two frames with a spacing of 15 mm, from the top
# downwards, with the value 255 for the one segment.
# Why it matters: the volume of a lesion that was drawn on key slices is too large by a factor of 6.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pydicom==3.0.2 highdicom==0.28.2 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pydicom', 'highdicom')))
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


import highdicom
import SimpleITK
from pydicom.sr.codedict import codes


slices = [slice_of(number + 1, [0, 0, 2.5 * number], number) for number in range(10)]
mask = np.zeros((10, 8, 8), np.uint8)
mask[[2, 8], 2:5, 2:5] = 1
kind = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
about = highdicom.seg.SegmentDescription(1, "liver", codes.SCT.Organ, codes.SCT.Liver, kind)
made = highdicom.seg.Segmentation(
    slices, mask, "BINARY", [about], generate_uid(), 2, generate_uid(), 1, "made", "made", "1", "0"
)
made.save_as("a.dcm")
volume = highdicom.seg.segread("a.dcm").get_volume(combine_segments=True)
image = SimpleITK.ReadImage("a.dcm")
values = sorted(set(SimpleITK.GetArrayFromImage(image).ravel().tolist()))
print("frames", int(made.NumberOfFrames), "| highdicom", volume.spatial_shape, volume.spacing[0], "mm")
print("SimpleITK", image.GetSize(), image.GetSpacing()[2], "mm, from z =", image.GetOrigin()[2], "values", values)
assert int(made.NumberOfFrames) == 2
assert (volume.spatial_shape, volume.spacing[0]) == ((7, 8, 8), 2.5)
assert (image.GetSize(), image.GetSpacing()[2], image.GetOrigin()[2]) == ((8, 8, 2), 15, 20)
assert values == [0, 255]
PYTHON
