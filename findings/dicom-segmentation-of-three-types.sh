#!/bin/sh
# One label map of two organs as a DICOM segmentation, of each of the three types of the standard.
# Guess: a program that reads one type reads the others.
# What happens: SimpleITK knows no reader for LABELMAP (SOP class "Label Map Segmentation", since 2023), opens BINARY as a
# stack of 0 and 255 with one frame a segment and slice, and FRACTIONAL likewise. dcm2niix makes a volume of the label map, with
# the numbers as they are. Only highdicom gives back the label map from all three.
# Why it matters: what a hospital's tools write today (LABELMAP is highdicom's choice for many segments) is no image for
# pipelines that are built on ITK, and a stack of masks looks like twice as many slices.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pydicom==3.0.2 highdicom==0.28.2 numpy==2.4.6 dcm2niix==1.0.20260724 nibabel==5.4.2
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pydicom', 'highdicom', 'dcm2niix')))
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

UIDS = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}


def slice_of(number, position, value, **more):
    """Return a CT slice of 8 x 8 equal voxels."""
    data = Dataset()
    data.update(UIDS)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.Modality, data.PatientID, data.PatientName = "CT", "phantom", "Phantom^Made"
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


import subprocess
from pathlib import Path

import highdicom
import nibabel
import SimpleITK
from pydicom.sr.codedict import codes

slices = [slice_of(number + 1, [0, 0, 2.5 * number], number) for number in range(4)]
labels = np.zeros((4, 8, 8), np.uint8)
labels[:, 1:4, 1:4], labels[:, 5:7, 5:7] = 1, 2
kind = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
about = [
    highdicom.seg.SegmentDescription(1, "liver", codes.SCT.Organ, codes.SCT.Liver, kind),
    highdicom.seg.SegmentDescription(2, "spleen", codes.SCT.Organ, codes.SCT.Spleen, kind),
]
found = {}
for form in ("BINARY", "FRACTIONAL", "LABELMAP"):
    masks = labels if form != "FRACTIONAL" else np.stack([labels == 1, labels == 2], -1).astype(float)
    made = highdicom.seg.Segmentation(
        slices, masks, form, about, generate_uid(), 2, generate_uid(), 1, "made", "made", "1", "0"
    )
    made.save_as(f"{form}.dcm")
    volume = highdicom.seg.segread(f"{form}.dcm").get_volume(combine_segments=True)
    assert np.array_equal(volume.array, labels) or np.array_equal(volume.array[::-1], labels)
    try:
        image = SimpleITK.ReadImage(f"{form}.dcm")
        values = np.unique(SimpleITK.GetArrayFromImage(image)).tolist()
        found[form] = (image.GetSize(), values)
    except RuntimeError as error:
        found[form] = next(line for line in str(error).splitlines() if "ImageIO" in line).split('"')[0].strip()
    print(form, "frames", int(made.NumberOfFrames), "| SimpleITK", found[form])
run = subprocess.run(["env/bin/dcm2niix", "-f", "map", "LABELMAP.dcm"], capture_output=True, text=True)
volume = nibabel.load(next(Path().glob("map*.nii")))
print("LABELMAP | dcm2niix", volume.shape, np.unique(volume.dataobj).tolist())
assert found["BINARY"] == ((8, 8, 8), [0, 255]), found
assert found["FRACTIONAL"] == ((8, 8, 8), [0, 255]), found
assert "Unable to determine ImageIO reader" in found["LABELMAP"], found
assert volume.shape == (8, 8, 4) and np.unique(volume.dataobj).tolist() == [0, 1, 2]
PYTHON
