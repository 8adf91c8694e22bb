"""Fields of a sidecar from headers made for it: single-frame and multi-frame objects, each maker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.dicom.written import MR, enhanced, item, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOXELS = np.arange(4 * 8 * 6, dtype=np.int16).reshape(4, 8, 6)
EPI: dict[str, Any] = {
    "SOPClassUID": MR, "Modality": "MR", "ScanningSequence": ["EP", "GR"], "SequenceVariant": ["SK", "SP"],
    "MRAcquisitionType": "2D", "EchoTime": 30, "RepetitionTime": 2000, "InversionTime": 900, "FlipAngle": 80,
    "EchoTrainLength": 32, "ImagingFrequency": 123.2, "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
    "AcquisitionMatrix": [64, 0, 0, 48], "InPlanePhaseEncodingDirection": "COL",
    "AcquisitionDate": "20240102", "AcquisitionTime": "101112.5", "ManufacturerModelName": "Prisma",
    "SeriesDescription": "bold",
}  # fmt: skip
PROTOCOL = """\
### ASCCONV BEGIN object=MrProtDataImpl@MrProtocolData ###
tSequenceFileName	 = 	"%SiemensSeq%\\ep2d_bold"
tProtocolName	 = 	"task"
sKSpace.lBaseResolution	 = 	64
sKSpace.ucPhasePartialFourier	 = 	0x8
sPat.lAccelFactPE	 = 	2
sPat.ucPATMode	 = 	2
sFastImaging.lEchoSpacing	 = 	500
sGRADSPEC.asGPAData[0].lOffsetX	 = 	-10
asCoilSelectMeas[0].asList[0].sCoilElementID.tCoilID	 = 	"HeadNeck_20"
lDelayTimeInTR	 = 	inf
### ASCCONV END ###
"""


def fields(load: Callable[..., Any], folder: Path, private: Any = (), **attributes: Any) -> dict[str, Any]:
    """Return the sidecar of a series with private elements, ``(group, creator, element, VR, value)``."""
    path = write_series(folder / "in", VOXELS, np.diag([2.0, 0.5, 0.5, 1]), **{**EPI, **attributes})
    if private:
        import pydicom

        for file in path.iterdir():
            made = pydicom.dcmread(file)
            for group, creator, element, vr, value in private:
                made.private_block(group, creator, create=True).add_new(element, vr, value)
            made.save_as(file)
    bids: dict[str, Any] = load(path).additions.bids
    return bids


def test_attributes(load: Callable[..., Any], tmp_path: Path) -> None:
    found = fields(load, tmp_path, Manufacturer="SIEMENS AG", DeidentificationMethod=["one", "two"])
    expected = {
        "Manufacturer": "Siemens", "ManufacturersModelName": "Prisma", "EchoTime": 0.03, "RepetitionTime": 2,
        "InversionTime": 0.9, "FlipAngle": 80, "ScanningSequence": "EP\\GR", "SpoilingState": True,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], "NonlinearGradientCorrection": False,
        "AcquisitionTime": "10:11:12.500000", "ProtocolName": "bold", "SeriesNumber": 7,
        "InPlanePhaseEncodingDirectionDICOM": "COL", "AcquisitionMatrixPE": 48, "ReconMatrixPE": 8,
        "ImageOrientationPatientDICOM": [0, 0, 1, 0, 1, 0], "DeidentificationMethod": ["one", "two"],
        "PhaseEncodingAxis": "j",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected


def test_siemens(load: Callable[..., Any], tmp_path: Path) -> None:
    private = [
        (0x0019, "SIEMENS MR HEADER", 0x28, "FD", 25.0),
        (0x0019, "SIEMENS MR HEADER", 0x18, "IS", 2500),
        (0x0029, "SIEMENS CSA HEADER", 0x20, "OB", b"\0" * 80 + PROTOCOL.encode()),
        (0x0051, "SIEMENS MR HEADER", 0x11, "LO", "p2 s3"),
        (0x0051, "SIEMENS MR HEADER", 0x0F, "LO", "HEA;HEP"),
    ]
    found = fields(load, tmp_path, private, Manufacturer="SIEMENS")
    expected = {
        "PulseSequenceDetails": "%SiemensSeq%\\ep2d_bold", "ProtocolName": "task", "BaseResolution": 64,
        "PartialFourier": 0.875, "ParallelReductionFactorInPlane": 2, "MatrixCoilMode": "GRAPPA",
        "VendorReportedEchoSpacing": 0.0005, "ShimSetting": [-10, 0, 0, 0, 0, 0, 0, 0],
        "ReceiveCoilName": "HeadNeck_20", "CoilString": "HEA;HEP", "MultibandAccelerationFactor": 3,
        "DwellTime": 2.5e-6, "BandwidthPerPixelPhaseEncode": 25,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert "DelayTime" not in found
    assert found["EffectiveEchoSpacing"] == pytest.approx(1 / (25 * 8))
    assert found["TotalReadoutTime"] == pytest.approx(7 / (25 * 8))
    assert found["DerivedVendorReportedEchoSpacing"] == pytest.approx(2 / (25 * 8))


def test_ge(load: Callable[..., Any], tmp_path: Path) -> None:
    private = [
        (0x0043, "GEMS_PARM_01", 0x2C, "SS", 600),
        (0x0043, "GEMS_PARM_01", 0x83, "DS", ["0.5", "1"]),
        (0x0019, "GEMS_ACQU_01", 0x9E, "LO", "EPI"),
        (0x0019, "GEMS_ACQU_01", 0x5A, "FL", 5e7),
        (0x0043, "GEMS_PARM_01", 0x02, "SS", 3),
    ]
    found = fields(
        load, tmp_path, private, Manufacturer="GE MEDICAL SYSTEMS", RectilinearPhaseEncodeReordering="LINEAR"
    )
    expected = {
        "InternalPulseSequenceName": "EPI", "AcquisitionDuration": 50, "ShimSetting": [3, 0, 0],
        "PhaseEncodingPolarityGE": "Flipped", "ParallelReductionFactorInPlane": 2,
        "ParallelReductionFactorOutOfPlane": 1, "PhaseEncodingDirection": "j-",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert found["EffectiveEchoSpacing"] == pytest.approx(23 * 600e-6 / 47)


def test_philips(load: Callable[..., Any], tmp_path: Path) -> None:
    private = [(0x2001, "Philips Imaging DD 001", 0x22, "FL", 10.0)]
    found = fields(load, tmp_path, private, Manufacturer="Philips Healthcare")
    total = 10 / (123.2 * 3.4 * 33) * 32
    assert found["WaterFatShift"] == 10
    assert found["EstimatedTotalReadoutTime"] == pytest.approx(total)
    assert found["EstimatedEffectiveEchoSpacing"] == pytest.approx(total / 7)
    assert "TotalReadoutTime" not in found


@pytest.mark.parametrize(
    ("maker", "private", "place"),
    [
        ("SIEMENS", [(0x0019, "SIEMENS MR HEADER", 0x14, "IS", [3, -4, 50])], [3, -4, -50]),
        ("SIEMENS", [(0x0021, "SIEMENS MR SDS 01", 0x05, "IS", [3, -4, 50])], [3, -4, -50]),
        ("GE MEDICAL SYSTEMS", [
            (0x0043, "GEMS_PARM_01", 0xB2, "LO", ["956.1", "320.1", "-17.3125", "0"]),
            (0x0019, "GEMS_ACQU_01", 0x7F, "DS", 2.0),
        ], [0, 0, -19.3125]),
        ("Philips", [(0x2005, "Philips MR Imaging DD 005", 0x3C, "FL", 20.0)], None),
        ("SIEMENS", [(0x0019, "SIEMENS MR HEADER", 0x14, "IS", [3, -4])], None),
    ],
)  # fmt: skip
def test_table(
    load: Callable[..., Any], tmp_path: Path, maker: str, private: Any, place: list[float] | None
) -> None:
    """As dcm2niix has it: z reversed of Siemens, less an offset of GE."""
    assert fields(load, tmp_path, private, Manufacturer=maker).get("TablePosition") == place


def test_multi_frame_objects(load: Callable[..., Any], tmp_path: Path) -> None:
    def macros(group: Any, _: int) -> Any:
        group.MREchoSequence = [item(EffectiveEchoTime=20.0)]
        group.MRModifierSequence = [item(Spoiling="NONE", ParallelReductionFactorInPlane=2.0)]
        group.MRImagingModifierSequence = [item(MagnetizationTransfer="OFF_RESONANCE", PixelBandwidth=200.0)]
        group.MRReceiveCoilSequence = [item(ReceiveCoilName="head")]
        code = item(CodeValue="Hz", CodingSchemeDesignator="UCUM", CodeMeaning="hertz")
        group.RealWorldValueMappingSequence = [item(MeasurementUnitsCodeSequence=[code])]
        inner = item(ScanningSequence="GR", AcquisitionMatrix=[0, 64, 32, 0])
        for made in (inner, group):
            for creator in "ABCD":  # Philips' own has the block 14
                made.private_block(0x2005, creator, create=True)
        inner.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x3C, "FL", 20.0)
        group.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0F, "SQ", [inner])
        return group

    made = enhanced(
        [(0, 0), (1, 0)], extra=macros, SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1", Modality="MR",
        Manufacturer="Philips",
    )  # fmt: skip
    found = load(write(made, tmp_path / "one.dcm")).additions.bids
    expected = {
        "EchoTime": 0.02, "SpoilingState": False, "ParallelReductionFactorInPlane": 2, "MTState": True,
        "PixelBandwidth": 200, "CoilString": "head", "Units": "Hz", "TablePosition": [0, 0, -20],
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "value", [b"", b"### ASCCONV BEGIN ###", b"### ASCCONV BEGIN ###\n=\n\xff = \n### ASCCONV END ###"]
)
def test_damaged_protocols_say_nothing(load: Callable[..., Any], tmp_path: Path, value: bytes) -> None:
    found = fields(
        load, tmp_path, [(0x0029, "SIEMENS CSA HEADER", 0x20, "OB", value)], Manufacturer="SIEMENS"
    )
    assert not {"BaseResolution", "PulseSequenceDetails", "PartialFourier"} & set(found)
