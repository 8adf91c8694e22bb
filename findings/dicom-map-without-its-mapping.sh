#!/bin/sh
# A parametric map (ADC, T1 ...) of integers says in its Real World Value Mapping what they mean: here 0.5 times them, less 10, in mm2/s.
# Guess: whoever reads the object applies the mapping, as rescale slope and intercept are applied, or refuses the object.
# What happens: highdicom, whose class it is, gives 40 for a stored 100. dcm2niix writes the stored 100 with slope 1 and says nothing of
# the mapping; SimpleITK doesn't read the object at all.
# Why it matters: a map that is right in the viewer is off by a factor and an offset once it is NIfTI, and nothing in the file tells.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q highdicom==0.28.2 SimpleITK==2.5.7 pydicom==3.0.2 nibabel==5.4.2 dcm2niix==1.0.20260724 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ("highdicom", "SimpleITK", "dcm2niix", "nibabel")))
import os
import subprocess

import highdicom
import nibabel
import numpy as np
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

UIDS = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}


def slice_of(number):
    """Return a CT slice of 8 x 8 voxels of zero."""
    data = Dataset()
    data.update(UIDS)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.Modality, data.PatientID, data.PatientName = "CT", "phantom", "Phantom^Made"
    data.PatientBirthDate = data.PatientSex = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.StudyID, data.StudyDate, data.StudyTime, data.Manufacturer = "1", "20200101", "120000", "made"
    data.SeriesNumber, data.InstanceNumber = 1, number
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2 * number], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness, data.Rows, data.Columns = [1, 1], 2, 8, 8
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.PixelData = np.zeros((8, 8), np.int16).tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


mapping = highdicom.pm.RealWorldValueMapping(
    lut_label="ADC", lut_explanation="diffusion", value_range=(0, 65535), slope=0.5, intercept=-10.0,
    unit=highdicom.sr.CodedConcept("mm2/s", "UCUM", "mm2/s"),
)
stored = np.full((3, 8, 8), 100, np.uint16)
highdicom.pm.ParametricMap(
    [slice_of(number) for number in range(3)], stored, generate_uid(), 2, generate_uid(), 1, "made", "made", "1", "1",
    contains_recognizable_visual_features=False, real_world_value_mappings=[mapping],
    voi_lut_transformations=[highdicom.VOILUTTransformation(window_center=50, window_width=100)],
).save_as("map.dcm")

by_highdicom = highdicom.imread("map.dcm").get_volume().array
print("highdicom:", np.unique(by_highdicom))
os.mkdir("out")
subprocess.run(["env/bin/dcm2niix", "-b", "n", "-z", "n", "-o", "out", "map.dcm"], check=True, capture_output=True)
(name,) = os.listdir("out")
made = nibabel.load(f"out/{name}")
print("dcm2niix:", np.unique(made.get_fdata()), "slope", made.dataobj.slope, "intercept", made.dataobj.inter)
try:
    SimpleITK.ReadImage("map.dcm")
    read = True
except RuntimeError as error:
    read = False
    print("SimpleITK:", str(error).strip().rpartition("ERROR: ")[2].replace(os.getcwd(), "."))
assert (by_highdicom == 40).all()
assert (made.get_fdata() == 100).all()
assert not read
PYTHON
