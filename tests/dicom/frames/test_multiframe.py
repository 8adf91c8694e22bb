"""Multi-frame objects without functional groups: their frames lie where the standard says, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import UnsupportedError
from tests.dicom.written import CT, dataset, enhanced, item, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLANES = np.arange(3 * 2 * 3, dtype=np.uint16).reshape(3, 2, 3)
DOSE, NM = "1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.20"


def test_dose_without_offsets(load: Callable[..., Any], tmp_path: Path) -> None:
    """A dose grid is never a time series."""
    made = dataset(PLANES, (0, 0, 0), SOPClassUID=DOSE, DoseGridScaling=0.1)
    with pytest.raises(UnsupportedError, match="doesn't say where they lie"):
        load(write(made, tmp_path / "d"))


@pytest.mark.parametrize(("offsets", "z"), [([0, 3, 6], -50), ([-50, -47, -44], -50), ([0, -3, -6], -56)])
def test_the_two_kinds_of_offsets(
    load: Callable[..., Any], tmp_path: Path, offsets: list[float], z: float
) -> None:
    """PS3.3, C.8.8.3.2: the first is 0, or the z of the position; slices come ascending."""
    made = dataset(PLANES, (0, 0, -50), SOPClassUID=DOSE, DoseGridScaling=1, GridFrameOffsetVector=offsets)
    image = load(write(made, tmp_path / "d"))
    assert (image.spatial.origin[2], image.spatial.spacing[0]) == (z, 3)


def test_a_third_kind_of_offsets(load: Callable[..., Any], tmp_path: Path) -> None:
    """53 mm off in silence before (dicompyler-core#284)."""
    made = dataset(PLANES, (0, 0, -50), SOPClassUID=DOSE, DoseGridScaling=1, GridFrameOffsetVector=[3, 6, 9])
    with pytest.raises(UnsupportedError, match=r"begins at 3.0, which is neither 0 nor .*, -50.0"):
        load(write(made, tmp_path / "d"))


def test_slices_of_nuclear_medicine_with_a_place_of_their_own(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    """SliceVector says slices, whether the position is in the detector, at the top or in both (C.8.4.15)."""
    detector = item(ImagePositionPatient=[0, 0, 5], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    for detectors in ([detector], None):
        made = dataset(
            PLANES, (0, 0, 5), SOPClassUID=NM, Modality="NM", SliceVector=[1, 2, 3], SpacingBetweenSlices=4,
            FrameIncrementPointer=0x00540080, DetectorInformationSequence=detectors,
        )  # fmt: skip
        image = load(write(made, tmp_path / "n"))
        assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
        assert (image.spatial.spacing[0], image.spatial.origin[2]) == (4, 5)


def test_frames_that_say_nothing(load: Callable[..., Any], tmp_path: Path) -> None:
    """A CT image object has one frame by the standard; what several are isn't known (Slicer#7496)."""
    image = load(write(dataset(PLANES, (0, 0, 0), SOPClassUID=CT, SliceThickness=3), tmp_path / "c"))
    assert image.spatial.axis_labels[0] == "non_spatial"
    assert any("nothing but frame numbers" in note for note in image.notes)


def test_single_slices_at_one_place(load: Callable[..., Any], tmp_path: Path) -> None:
    for index in range(3):
        made = dataset(
            PLANES[index], (0, 0, 0), InstanceNumber=index, SliceLocation=2 * index, SliceThickness=2
        )
        write(made, tmp_path / str(index))
    image = load(tmp_path)
    assert image.spatial.axis_labels[0] == "non_spatial"
    assert any("though Slice Location differs" in note for note in image.notes)


def volume_of_ultrasound() -> Any:
    """Enhanced US Volume (PS3.3, A.59): an even volume in the frame of the probe."""
    made = enhanced([(z, 0) for z in range(3)], SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2", Modality="US")
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.4, 0.4]
    del shared.PlaneOrientationSequence
    shared.PlaneOrientationVolumeSequence = [item(ImageOrientationVolume=[1.0, 0, 0, 0, 1, 0])]
    for z, group in enumerate(made.PerFrameFunctionalGroupsSequence):
        del group.PlanePositionSequence
        group.PlanePositionVolumeSequence = [item(ImagePositionVolume=[0.0, 0, 0.5 * z])]
    return made


def test_enhanced_ultrasound(load: Callable[..., Any], tmp_path: Path) -> None:
    """Spacing is kept, the world is unknown, and the note claims no more (Slicer#7929)."""
    image = load(write(volume_of_ultrasound(), tmp_path / "u"))
    assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    assert image.spatial.spacing == [0.5, 0.4, 0.4]
    assert (image.spatial.coord_system, image.spatial.origin) == (None, None)
    assert any("ultrasound volume only" in note for note in image.notes)
