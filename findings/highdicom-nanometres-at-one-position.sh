#!/bin/sh
# Electron microscopes have voxels of some ten nanometres; DICOM says positions in millimetres, with room for 16 characters.
# Guess: a segmentation of such a volume has a position for each slice, as it has when slices are micrometres apart.
# What happens: made by highdicom about an image at the place of the first slice, all frames get that one position,
# without an error or a warning.
# Why it matters: the file is valid, and where its frames lie is lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q highdicom==0.28.2 pydicom==3.0.2 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import highdicom
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print(*(f"{name} {version(name)}" for name in ("highdicom", "pydicom")))
TISSUE = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")


def image(step):
    """Return the image that a segmentation takes patient and study from."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = generate_uid(), None
    data.PatientID = data.PatientName = data.PatientBirthDate = data.PatientSex = ""
    data.StudyDate = data.StudyTime = data.AccessionNumber = data.StudyID = data.ReferringPhysicianName = ""
    data.Modality, data.SeriesNumber, data.InstanceNumber = "CT", 1, 1
    data.Rows = data.Columns = 8
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [step, step], step
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def positions(step):
    """Return how many positions five slices get that are `step` mm apart."""
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = step
    affine[3, 3] = 1
    volume = highdicom.Volume(np.ones((5, 8, 8), np.uint8), affine, "PATIENT")
    made = highdicom.seg.Segmentation(
        [image(step)], volume, "BINARY",
        [highdicom.seg.SegmentDescription(1, "cell", TISSUE, TISSUE, "MANUAL")],
        series_instance_uid=generate_uid(), series_number=1, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="made", manufacturer_model_name="made", software_versions="1", device_serial_number="1",
    )
    frames = made.PerFrameFunctionalGroupsSequence
    found = {tuple(frame.PlanePositionSequence[0].ImagePositionPatient) for frame in frames}
    print(f"{step} mm: {len(frames)} frames, {len(found)} positions")
    return len(found)


assert positions(0.001) == 5
assert positions(0.00001) == 1
PYTHON
