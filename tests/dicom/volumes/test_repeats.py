"""Frames at one position come in the order that their headers say (PS3.3, C.7.6.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, UnsupportedError
from tests.dicom.written import MR, dataset, enhanced, item, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RIGHT = [[100 * t + z for z in range(3)] for t in range(3)]
"""What `enhanced` fills its frames with, by repeat and slice."""
BACK_AND_FORTH = [(z, t) for z in range(3) for t in ((0, 1, 2) if z % 2 == 0 else (2, 1, 0))]
SHUFFLED = [(int(i) // 3, int(i) % 3) for i in np.random.default_rng(5).permutation(9)]
CARDIAC = (0x00209241, 0x00189118)
TIME = (0x00209128, 0x00209111)
PRIVATE = (0x20011429, 0x00209111)


def phase(group: Any, repeat: int) -> Any:
    group.CardiacSynchronizationSequence = [item(NominalPercentageOfCardiacPhase=25.0 * repeat)]
    return group


@pytest.mark.parametrize("frames", [BACK_AND_FORTH, SHUFFLED])
def test_cardiac_phases(load: Callable[..., Any], tmp_path: Path, frames: Any) -> None:
    """Reported as rordenlab/dcm2niix#372: frames stored in another order at each position."""
    image = load(write(enhanced(frames, [CARDIAC], phase), tmp_path / "e"))
    assert image.array[..., 0, 0].tolist() == RIGHT
    axis = image.additions.axes[0]
    assert (axis.name, axis.unit, axis.values) == ("cardiac phase", "%", [0, 25, 50])


@pytest.mark.parametrize("pointer", [PRIVATE, (0x00189074, 0x00189074)])
def test_any_dimension(load: Callable[..., Any], tmp_path: Path, pointer: Any) -> None:
    """A dimension that nothing else is known of, private ones too, tells frames apart, and that is said."""
    image = load(write(enhanced(SHUFFLED, [pointer]), tmp_path / "e"))
    assert image.array[..., 0, 0].tolist() == RIGHT
    assert image.spatial.axis_labels[0] == "non_spatial"
    assert any("in the order of their dimension index" in note for note in image.notes)


def test_two_dimensions(load: Callable[..., Any], tmp_path: Path) -> None:
    """Temporal positions times labels, as Philips writes ASL: every combination is a volume of its own."""
    frames = [(z, t) for z in range(2) for t in (3, 0, 2, 1)]
    made = enhanced(frames, [TIME, PRIVATE])
    for group, (z, t) in zip(made.PerFrameFunctionalGroupsSequence, frames, strict=True):
        group.FrameContentSequence[0].DimensionIndexValues = [z + 1, t // 2 + 1, t % 2 + 1]
    image = load(write(made, tmp_path / "e"))
    assert image.array[..., 0, 0].tolist() == [[0, 1], [100, 101], [200, 201], [300, 301]]
    assert image.additions.axes[0].values == ["1/1", "1/2", "2/1", "2/2"]


def test_temporal_index_alone(load: Callable[..., Any], tmp_path: Path) -> None:
    """The dimension Temporal Position Index is time also where no attribute repeats it."""
    image = load(write(enhanced(SHUFFLED, [TIME]), tmp_path / "e"))
    assert image.array[..., 0, 0].tolist() == RIGHT
    assert image.spatial.axis_labels[0] == "temporal"


def test_nothing_but_the_order_in_the_file(load: Callable[..., Any], tmp_path: Path) -> None:
    """An axis that nothing describes is never called time."""
    image = load(write(enhanced([(z, t) for t in range(3) for z in range(3)]), tmp_path / "e"))
    assert image.array[..., 0, 0].tolist() == RIGHT
    assert image.spatial.axis_labels[0] == "non_spatial"
    assert any("nothing but frame numbers" in note for note in image.notes)


def test_classic_cardiac_phases(load: Callable[..., Any], tmp_path: Path) -> None:
    """Instance numbers that run slice by slice, phases that run back and forth (MultiVolumeImporter#29)."""
    for number, (z, t) in enumerate(BACK_AND_FORTH):
        made = dataset(
            np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=number + 1,
            NominalPercentageOfCardiacPhase=25.0 * t,
        )  # fmt: skip
        write(made, tmp_path / str(number))
    assert load(tmp_path).array[..., 0, 0].tolist() == RIGHT


def test_acquisition_times_against_numbers(load: Callable[..., Any], tmp_path: Path) -> None:
    """Where nothing else tells frames apart, the time of each does, not the number."""
    for number, (z, t) in enumerate(SHUFFLED):
        made = dataset(
            np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=number + 1, SOPClassUID=MR,
            Modality="MR", AcquisitionTime=f"1200{2 * t:02d}.{z}",
        )  # fmt: skip
        write(made, tmp_path / str(number))
    image = load(tmp_path)
    assert image.array[..., 0, 0].tolist() == RIGHT
    assert image.additions.axes[0].values == [0, 2, 4]


def test_b_values_that_are_left_out(load: Callable[..., Any], tmp_path: Path) -> None:
    """Toshiba and GE leave out a b-value of 0 (dcm2niix, "NOT including the b value if it is 0")."""
    for t, b in enumerate((None, 1000.0, 2000.0)):
        for z in range(3):
            made = dataset(
                np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=3 * t + z,
                DiffusionBValue=b,
            )  # fmt: skip
            write(made, tmp_path / f"{t}{z}")
    image = load(tmp_path)
    assert image.additions.axes[0].values == [0, 1000, 2000]
    assert any("count as b = 0" in note for note in image.notes)


def test_averages_stay_with_their_b_value(load: Callable[..., Any], tmp_path: Path) -> None:
    """Volumes of one b-value are told apart by number, and never mixed with those of another."""
    number = 0
    for z in range(3):
        for t, b in ((0, 0.0), (1, 700.0), (2, 700.0)) if z % 2 else ((1, 700.0), (0, 0.0), (2, 700.0)):
            number += 1
            made = dataset(
                np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=number,
                DiffusionBValue=b,
            )  # fmt: skip
            write(made, tmp_path / str(number))
    image = load(tmp_path)
    by_b = {b: sorted(v for row, x in zip(image.array, image.additions.axes[0].values, strict=True) if x == b
                      for v in row[:, 0, 0].tolist()) for b in (0.0, 700.0)}  # fmt: skip
    assert by_b == {0.0: [0, 1, 2], 700.0: [100, 101, 102, 200, 201, 202]}


def parts(folder: Path, count: int, **attributes: Any) -> Path:
    """Write a concatenation: all parts have one instance number (PS3.3, C.7.6.16.2.2.4)."""
    folder.mkdir(exist_ok=True)
    for part in range(count):
        made = enhanced(
            [(z, part) for z in range(3)], [TIME], ConcatenationUID="1.2.9", InConcatenationNumber=part + 1,
            ConcatenationFrameOffsetNumber=3 * part, **attributes,
        )  # fmt: skip
        write(made, folder / str(part))
    return folder


def test_concatenation(load: Callable[..., Any], tmp_path: Path) -> None:
    image = load(parts(tmp_path / "c", 3, InConcatenationTotalNumber=3))
    assert image.array[..., 0, 0].tolist() == RIGHT


def test_concatenation_without_a_part(load: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="one of 4 parts of an image, 3 are there"):
        load(parts(tmp_path / "c", 3, InConcatenationTotalNumber=4))


def test_temporal_positions_of_ge(load: Callable[..., Any], tmp_path: Path) -> None:
    """GE says how many temporal positions there are, and that it is echo-planar: TR is the step."""
    for t in range(3):
        for z in range(3):
            made = dataset(
                np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=3 * t + z + 1,
                SOPClassUID=MR, Modality="MR", NumberOfTemporalPositions=3, RepetitionTime=5000,
                ScanningSequence=["EP", "GR"], MRAcquisitionType="2D",
            )  # fmt: skip
            write(made, tmp_path / f"{t}{z}")
    image = load(tmp_path)
    axis = image.additions.axes[0]
    assert image.spatial.axis_labels[0] == "temporal"
    assert (axis.unit, axis.values) == ("s", [0, 5, 10])
    assert image.spatial.axis_units[0] == "s"


def test_two_thicknesses_are_two_images(load_all: Callable[..., Any], tmp_path: Path) -> None:
    """Two reconstructions at the same places (Slicer/Slicer#595)."""
    volume = np.zeros((3, 2, 3), np.int16)
    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    write_series(tmp_path / "a", volume, affine, SliceThickness=1)
    write_series(tmp_path / "b", volume + 1, affine, SliceThickness=5)
    assert [image.array[0, 0, 0] for image in load_all(tmp_path)] == [0, 1]


def test_series_that_are_joined(
    load: Callable[..., Any], load_all: Callable[..., Any], tmp_path: Path
) -> None:
    """An export with a series for each volume joins by option (dcm2niix, issue 394)."""
    volume = np.zeros((3, 2, 3), np.int16)
    affine = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    for t in range(3):
        write_series(
            tmp_path / str(t), volume + t, affine, SeriesInstanceUID=f"1.2.{30 + t}", SeriesNumber=5 + t,
            SeriesDescription="bold",
        )  # fmt: skip
    assert len(load_all(tmp_path)) == 3
    image = load(tmp_path, series="join")
    assert image.array[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert (image.additions.axes[0].name, image.additions.axes[0].values) == ("series", [5, 6, 7])


def test_one_position_and_no_order(load: Callable[..., Any], tmp_path: Path) -> None:
    for index in range(2):
        write(dataset(np.full((2, 3), index, np.int16), (0, 0, 0), InstanceNumber=1), tmp_path / str(index))
    with pytest.raises(UnsupportedError, match="nothing says in which order"):
        load(tmp_path)


def test_two_attributes_together(load: Callable[..., Any], tmp_path: Path) -> None:
    """Neither temporal position nor cardiac phase tells six frames apart, both do."""
    for number, (z, t) in enumerate((z, t) for z in range(3) for t in (5, 0, 3, 1, 4, 2)):
        made = dataset(
            np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=number + 1,
            TemporalPositionIdentifier=t // 2 + 1, NominalPercentageOfCardiacPhase=50.0 * (t % 2),
        )  # fmt: skip
        write(made, tmp_path / str(number))
    image = load(tmp_path)
    assert image.array[..., 0, 0].tolist() == [[100 * t + z for z in range(3)] for t in range(6)]
    axis = image.additions.axes[0]
    assert (axis.name, axis.values[:3]) == ("time and cardiac phase", ["1/0", "1/50", "2/0"])
    assert image.spatial.axis_labels[0] == "non_spatial"


def test_trigger_times_of_each_slice(load: Callable[..., Any], tmp_path: Path) -> None:
    """A heart beats unevenly: trigger times differ from slice to slice, their order counts."""
    for number, (z, t) in enumerate(BACK_AND_FORTH):
        made = dataset(
            np.full((2, 3), 100 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=number + 1,
            TriggerTime=30.5 * t + z,
        )  # fmt: skip
        write(made, tmp_path / str(number))
    image = load(tmp_path)
    assert image.array[..., 0, 0].tolist() == RIGHT
    assert image.additions.axes[0].values == [0, 30.5, 61]
    assert any("trigger times differ from slice to slice" in note for note in image.notes)
