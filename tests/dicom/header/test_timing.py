"""Times of volumes and slices, of every maker whose header has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.dicom.written import MR, dataset, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EPI: dict[str, Any] = {
    "SOPClassUID": MR, "Modality": "MR", "ScanningSequence": "EP", "MRAcquisitionType": "2D",
    "RepetitionTime": 3000,
}  # fmt: skip
INTERLEAVED = [0.0, 1.5, 0.5, 2.0, 1.0, 2.5]
"""When each slice is acquired, in s after the volume begins."""


def series(folder: Path, describe: Any, **attributes: Any) -> Path:
    """Write three volumes of six slices; `describe` adds what a maker says of slice z of volume t."""
    for t in range(3):
        for z in range(6):
            made = dataset(
                np.full((2, 3), 10 * t + z, np.int16), (0, 0, 2 * z), InstanceNumber=6 * t + z + 1,
                TemporalPositionIdentifier=t + 1, **{**EPI, **attributes},
            )  # fmt: skip
            describe(made, t, z)
            write(made, folder / f"{t}{z}")
    return folder


def acquisition_time(made: Any, t: int, z: int) -> None:
    made.AcquisitionTime = f"1200{3 * t + INTERLEAVED[z]:04.1f}"


def rtia(made: Any, t: int, z: int) -> None:
    made.Manufacturer = "GE MEDICAL SYSTEMS"
    block = made.private_block(0x0021, "GEMS_RELA_01", create=True)
    block.add_new(0x5E, "DS", str(7 + INTERLEAVED[z]))


def trigger(made: Any, t: int, z: int) -> None:
    made.Manufacturer, made.TriggerTime = "GE MEDICAL SYSTEMS", 1000 * INTERLEAVED[z]


def nothing(made: Any, t: int, z: int) -> None:
    made.Manufacturer = "Philips Medical Systems"


@pytest.mark.parametrize("describe", [acquisition_time, rtia, trigger])
def test_slices(load: Callable[..., Any], tmp_path: Path, describe: Any) -> None:
    bids = load(series(tmp_path, describe)).additions.bids
    np.testing.assert_allclose(bids["SliceTiming"], INTERLEAVED, atol=1e-6)
    assert bids["RepetitionTime"] == 3


def test_times_of_volumes_by_repetition(load: Callable[..., Any], tmp_path: Path) -> None:
    """Numbered volumes of 2-D echo-planar imaging are TR apart."""
    image = load(series(tmp_path, nothing))
    assert image.additions.axes[0].unit == "s"
    assert image.additions.axes[0].values == [0, 3, 6]
    assert "SliceTiming" not in image.additions.bids


@pytest.mark.parametrize("attributes", [{"MRAcquisitionType": "3D"}, {"ScanningSequence": "GR"}])
def test_repetition_that_is_no_volume(
    load: Callable[..., Any], tmp_path: Path, attributes: dict[str, Any]
) -> None:
    """TR is the time of one excitation elsewhere: it makes no times of volumes."""
    image = load(series(tmp_path, nothing, **attributes))
    assert (image.additions.axes[0].unit, image.additions.axes[0].values) == ("", [1, 2, 3])


def test_begin_of_dynamic_scans(load: Callable[..., Any], tmp_path: Path) -> None:
    """Philips' Dynamic Scan Begin Time (2005,xxA0), in s, tells what TR can't."""

    def philips(made: Any, t: int, z: int) -> None:
        made.Manufacturer = "Philips Medical Systems"
        made.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0xA0, "FL", 2.5 * t + 1)

    image = load(series(tmp_path, philips, ScanningSequence="GR"))
    assert (image.additions.axes[0].unit, image.additions.axes[0].values) == ("s", [0, 2.5, 5])


def test_slices_that_take_longer_than_a_volume(load: Callable[..., Any], tmp_path: Path) -> None:
    """Times of creation that look like times of acquisition are none."""

    def late(made: Any, t: int, z: int) -> None:
        made.AcquisitionTime = f"12{t:02d}{9 * z:02d}"

    bids = load(series(tmp_path, late)).additions.bids
    assert bids.get("SliceTiming") in (None, [0.0, 9.0, 18.0, 27.0, 36.0, 45.0])
