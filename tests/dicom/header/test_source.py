"""The header: what is constant once, what varies as arrays, and back again; limits; BIDS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

import mlarray
from mlarray_core import Additions
from mlarray_dicom.frames.csa import parse
from mlarray_dicom.header.columns import fold, unfold
from mlarray_dicom.header.source import LARGEST_VALUE, datasets
from mlarray_io.sdk.space.frames import reversed_slices
from tests.dicom.written import MR, dataset, enhanced, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOLUME = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
AFFINE = np.array([[0, 0, 0.75, -5], [0, 0.5, 0, 6], [2, 0, 0, 7], [0, 0, 0, 1.0]])

DECIMALS = st.lists(st.floats(-9, 9), min_size=1, max_size=3)
TEXTS = st.lists(st.sampled_from("ab"), min_size=1, max_size=2)
VALUES = st.one_of(
    st.fixed_dictionaries({"vr": st.just("DS"), "Value": DECIMALS}),
    st.fixed_dictionaries({"vr": st.just("LO"), "Value": TEXTS}),
    st.fixed_dictionaries({"vr": st.just("PN"), "Value": st.just([{"Alphabetic": "A^B"}])}),
    st.fixed_dictionaries({"vr": st.just("OB"), "InlineBinary": st.sampled_from(["AAE=", "AA=="])}),
    st.just({"vr": "SH"}),
)
NAMES = ["00080060", "00100010", "00290010", "00291010"]
ITEMS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)
SEQUENCES = st.lists(ITEMS, min_size=1, max_size=2).map(lambda items: {"vr": "SQ", "Value": items})
ROW = st.dictionaries(st.sampled_from(["00081140", "00200010", *NAMES]), VALUES | SEQUENCES, max_size=5)
ROWS = st.lists(ROW, min_size=1, max_size=5)


@given(ROWS)
def test_columns_hold_everything(rows: list[dict[str, Any]]) -> None:
    """Any data sets come back from their columns."""
    columns = json.loads(json.dumps(fold(rows)))
    assert unfold(columns, len(rows)) == [dict(sorted(row.items())) for row in rows]


def test_a_series_comes_back(load: Callable[..., Any], tmp_path: Path) -> None:
    """Each file's header, private and binary values included, is rebuilt from the metadata alone."""
    nested = Dataset()
    nested.CodeValue = "1"
    folder = write_series(
        tmp_path / "s", VOLUME, AFFINE, AcquisitionTime=lambda index: f"12000{index}.5",
        PatientName="Kim^Min",
        ReferencedImageSequence=[nested], AcquisitionNumber=lambda index: [1, 1, None][index],
    )  # fmt: skip
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        block = one.private_block(0x0099, "SOMEONE", create=True)
        block.add_new(1, "OB", bytes(range(256)) * 16)
        block.add_new(2, "FD", float(one.InstanceNumber) / 3)
        block.add_new(3, "UN", b"\xff\xfe")
        one.save_as(path)
    source = load(folder).meta.source.data
    json.dumps(source, allow_nan=False)
    assert source["per_frame"]["00080032"]["Value"] == ["120000.5", "120001.5", "120002.5"]
    originals = {
        one.SOPInstanceUID: one
        for one in (pydicom.dcmread(p, stop_before_pixels=True) for p in folder.iterdir())
    }
    again = datasets(source)
    assert len(again) == 3
    for one in again:
        assert one.to_json_dict() == originals[one.SOPInstanceUID].to_json_dict()


def test_character_sets_of_each_file(load: Callable[..., Any], tmp_path: Path) -> None:
    """The same bytes are other names in other character sets."""
    sets = ["ISO_IR 100", "ISO_IR 144", "ISO_IR 100"]
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, PatientName="Doe")
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        index = round((one.ImagePositionPatient[2] - 7) / 2)
        one.SpecificCharacterSet = sets[index]
        one.PatientName = b"\xd0\xe4"
        one.save_as(path)
    names = load(folder).meta.source["per_frame"]["00100010"]["Value"]
    assert [name["Alphabetic"] for name in names] == ["Ðä", "аф", "Ðä"]


def test_large_binary_values(load: Callable[..., Any], tmp_path: Path) -> None:
    """A value over the limit is replaced by length and checksum, and that is a loss."""
    made = dataset(VOLUME[0], (0, 0, 0))
    block = made.private_block(0x0099, "SOMEONE", create=True)
    block.add_new(1, "OB", bytes(LARGEST_VALUE + 2))
    block.add_new(2, "OB", bytes(LARGEST_VALUE - 2))
    image = load(write(made, tmp_path / "one"))
    constant = image.meta.source["constant"]
    assert constant["00991001"]["sha256"]["len"] == LARGEST_VALUE + 2
    assert "InlineBinary" in constant["00991002"]
    assert any("binary" in loss.what for loss in image.context.report.losses)


def test_pixels_and_overlays_are_left_out(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(VOLUME[0], (0, 0, 0), IconImageSequence=[Dataset()])
    made.add_new(0x60003000, "OW", bytes(4))
    image = load(write(made, tmp_path / "one"))
    constant = image.meta.source["constant"]
    assert not {"7FE00010", "60003000", "00880200"} & set(constant)
    assert any("overlay" in loss.what for loss in image.context.report.losses)


def test_not_a_number(load: Callable[..., Any], tmp_path: Path) -> None:
    """What JSON lacks is spelt, and restored."""
    made = dataset(VOLUME[0], (0, 0, 0))
    made.add_new(0x00189087, "FD", float("nan"))
    image = load(write(made, tmp_path / "one"))
    json.dumps(image.meta.to_plain(), allow_nan=False)
    assert np.isnan(datasets(image.meta.source.data)[0][0x00189087].value)


def test_bids(load: Callable[..., Any], tmp_path: Path) -> None:
    """Times are seconds; b-vectors follow the axes of the image, fastest first."""
    turned = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "SOPClassUID": MR, "Modality": "MR"}
    for repeat, (b, direction) in enumerate(
        [(0.0, None), (1000.0, [0.0, 1.0, 0.0]), (700.0, [1.0, 0.0, 0.0])]
    ):
        for z in range(2):
            made = dataset(
                VOLUME[z], (2.0 * z, 0, 0), InstanceNumber=10 * repeat + z, DiffusionBValue=b, EchoTime=90,
                DiffusionGradientOrientation=direction, RepetitionTime=2500, FlipAngle=80,
                InPlanePhaseEncodingDirection="COL", **turned,
            )  # fmt: skip
            write(made, tmp_path / f"{repeat}{z}")
    bids = Additions.of(load(tmp_path).meta).bids
    assert (bids["EchoTime"], bids["RepetitionTime"], bids["FlipAngle"]) == (0.09, 2.5, 80)
    assert bids["PhaseEncodingAxis"] == "j"
    assert bids["bval"] == [0, 1000, 700]
    along_z = -1.0 if np.cross([0, 1, 0], [0, 0, -1])[0] < 0 else 1.0
    # the axes are right-handed: BIDS inverts the first element
    np.testing.assert_allclose(np.array(bids["bvec"]).T, [[0, 0, 0], [-1, 0, 0], [0, 0, along_z]])


@pytest.mark.parametrize("repeats", [1, 2])
def test_order_follows_the_slices(tmp_path: Path, repeats: int) -> None:
    """Reversed slices are of other files: ``order`` says which, and what varies stays by file."""
    for repeat in range(repeats):
        for z in range(3):
            made = dataset(
                np.full((3, 4), 10 * repeat + z, np.int16), (0, 0, 2 * z), InstanceNumber=10 * repeat + z,
                TemporalPositionIdentifier=repeat + 1, Modality="MR", SOPClassUID=MR,
            )  # fmt: skip
            write(made, tmp_path / f"{repeat}{z}")
    for code in ("LPS", "LPI", "SAL", "IAL"):
        image = mlarray.read(tmp_path, orient=code)
        source = image.meta.source
        numbers = [int(number) for number in source["per_frame"]["00200013"]["Value"]]
        order = source.get("order") or [[file, 0] for file in range(len(numbers))]
        along = 1 + code.find("S") if "S" in code else 1 + code.find("I")
        slices = np.moveaxis(np.asarray(image).reshape(repeats, *image.shape[-3:]), -along, 1)[..., 0, 0]
        assert [numbers[file] for file, _ in order] == slices.ravel().tolist()
        assert ("order" in source) == ("I" in code)


def test_order_of_frames_follows_the_slices(tmp_path: Path) -> None:
    """The same for frames of one file."""
    made = enhanced([(z, 0) for z in (2, 0, 1)])
    write(made, tmp_path / "one")
    image = mlarray.read(tmp_path / "one", orient="LPI")
    assert np.asarray(image)[:, 0, 0].tolist() == [2, 1, 0]
    assert image.meta.source["order"] == [[0, 0], [0, 2], [0, 1]]


@pytest.mark.parametrize("order", [[[0]], [0, 1], "ab", [[0, "1"], [1, 0]], [[0, 0]] * 3, None])
def test_an_order_that_is_none_stays(order: Any) -> None:
    source = {"files": 2, "frames": 5, "order": order}
    assert reversed_slices(source, 2) == source


@pytest.mark.parametrize("data", [b"", b"SV10", b"SV10\4\3\2\1\xff\xff\xff\x7f" + bytes(90), bytes(200)])
def test_damaged_csa(data: bytes) -> None:
    with pytest.raises(ValueError, match="CSA"):
        parse(data)


def test_an_unknown_vr_inside_a_sequence(load: Callable[..., Any], tmp_path: Path) -> None:
    """One element that can't be read is kept as bytes, and what lies beside it as it is."""
    nested = Dataset()
    nested.CodeValue, nested.CodeMeaning = "123", "odd"
    made = dataset(VOLUME[0], (0, 0, 0), ProcedureCodeSequence=[nested])
    path = tmp_path / "one"
    content = write(made, path).read_bytes()
    place = content.index(bytes.fromhex("08000401") + b"LO")
    path.write_bytes(content[: place + 4] + b"ZZ" + content[place + 6 :])
    item = load(path).meta.source["constant"]["00081032"]["Value"][0]
    assert item["00080100"] == {"vr": "SH", "Value": ["123"]}
    assert item["00080104"]["vr"] == "UN"
