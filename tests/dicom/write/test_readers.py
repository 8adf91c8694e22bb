"""Everything that is written, read by every program that reads it: the same voxels at the same places.

Where a program doesn't, `REASONS` says why, and the test that it still doesn't keeps the list true. SimpleITK
2.5.7 (GDCM 3.0.24), dcm2niix 1.0.20260724, highdicom 0.28.2, pydicom 3.0.2.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pydicom
import pytest

from tests.dicom.write.objects import (
    SPACE,
    Held,
    assert_frames,
    assert_world,
    by_dcm2niix,
    files,
    frames,
    image,
    oblique,
    written,
)
from tests.dicom.write.test_images import FOUR, RGB, VOLUME, with_axis
from tests.dicom.write.test_segments import TABLE, label_map, labelled
from tests.dicom.write.test_slide import RGB_PLANE, slide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Volumes = list[tuple[np.ndarray, np.ndarray]]

pytest.importorskip("highdicom")
pytest.importorskip("PIL")
SPARSE = label_map()
FULL = np.where(label_map() > 0, label_map(), 1).astype(np.uint8)
"""Labels with a voxel in each slice."""
MASKS = np.stack([label_map() == 1, label_map() > 0]).astype(np.uint8)


class Kind(NamedTuple):
    """An image to write, and what it is to be found as."""

    reader: Held
    suffix: str
    voxels: np.ndarray
    """Volumes (repeats, z, y, x) or (repeats, z, y, x, components)."""
    options: dict[str, str]


def kind(reader: Held, suffix: str, voxels: np.ndarray | None = None, **options: str) -> Kind:
    found = reader.voxels[None] if voxels is None else voxels
    return Kind(reader, suffix, found, options)


@cache
def kinds() -> dict[str, Kind]:
    time = with_axis(FOUR, "temporal", [0.0, 2.0, 4.0], "s")
    weighted = with_axis(FOUR, "b_value", [0.0, 500.0, 1000.0])
    stained = image(FOUR, ["channel", *SPACE])
    rgb = image(RGB, [*SPACE, "components"])
    real = image(VOLUME / np.float32(3))
    found = {
        f"{modality} {name}": kind(image(VOLUME), suffix, modality=modality)
        for modality in ("CT", "MR", "PT", "OT")
        for name, suffix in (("slices", ".dcms"), ("in one file", ".dcm"))
    }
    for name, suffix in (("slices", ".dcms"), ("in one file", ".dcm")):
        found[f"time, {name}"] = kind(time, suffix, FOUR)
        found[f"diffusion, {name}"] = kind(weighted, suffix, FOUR)
        found[f"channels, {name}"] = kind(stained, suffix, FOUR)
        found[f"RGB {name}"] = kind(rgb, suffix)
    found["real numbers"] = kind(real, ".dcm")
    for name in ("binary", "labelmap"):
        found[f"labels, {name}"] = kind(labelled(FULL), ".dcm", segmentation=name)
        found[f"sparse labels, {name}"] = kind(labelled(SPARSE), ".dcm", segmentation=name)
    found["overlapping segments"] = kind(labelled(MASKS, TABLE[:2], ["segment", *SPACE]), ".dcm", MASKS)
    mask = image((FULL == 1).astype(np.uint8), is_seg=True)
    found["a mask as fractions"] = kind(mask, ".dcm", mask.voxels[None] * 255, segmentation="fractional")
    parts = labelled(MASKS * np.float32(0.2), TABLE[:2], ["segment", *SPACE])
    found["fractions"] = kind(parts, ".dcm", np.rint(MASKS * 51.0))
    found["slide"] = kind(slide(RGB_PLANE), ".dcm", RGB_PLANE[None, None], kind="slide")
    return found


def by_pydicom(target: Path, folder: Path) -> Volumes:
    """Return each frame with its place, for pydicom makes no volumes, but segments by their numbers."""
    first = pydicom.dcmread(files(target)[0])
    if "SegmentSequence" in first:
        return painted(first)
    if "TotalPixelMatrixRows" in first:
        tiles = first.pixel_array
        rows = [np.concatenate(list(tiles[place : place + 2]), axis=1) for place in (0, 2)]
        return [(np.concatenate(rows)[None, :520, :600], np.eye(4))]
    return [(pixels[None], of_frame(place)) for pixels, place in frames(target)]


def of_frame(place: np.ndarray) -> np.ndarray:
    """Return the affine of a lone frame (columns row, column, position)."""
    affine = np.eye(4)
    affine[:3, 1:3], affine[:3, 3] = place[:, :2], place[:, 2]
    affine[:3, 0] = np.cross(place[:, 1], place[:, 0])
    return affine


def painted(made: Any) -> Volumes:
    """Return the volumes of a segmentation: by its frames, their positions and segment numbers."""
    apart = made.SegmentationType == "FRACTIONAL" or made.get("SegmentsOverlap") == "YES"
    whole = np.zeros((8, int(made.Rows), int(made.Columns)), np.int32)
    found = {int(segment.SegmentNumber): whole.copy() for segment in made.SegmentSequence} if apart else {}
    for pixels, group in zip(made.pixel_array, made.PerFrameFunctionalGroupsSequence, strict=True):
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        z, y, x = (np.linalg.inv(oblique()) @ (*place, 1))[:3]
        np.testing.assert_allclose((z, y, x), (round(z), 0, 0), atol=1e-3)
        if made.SegmentationType == "LABELMAP":
            whole[round(z)] = pixels
            continue
        both = (group, made.SharedFunctionalGroupsSequence[0])
        named = next(one for one in both if "SegmentIdentificationSequence" in one)
        number = int(named.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        target = found[number] if apart else whole
        target[round(z)][pixels > 0] = pixels[pixels > 0] if apart else number
    return [(voxels, oblique()) for voxels in (found.values() if apart else [whole])]


def by_simpleitk(target: Path, folder: Path) -> Volumes:
    import SimpleITK

    names: list[Any] = [str(target)]
    if target.is_dir():
        headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files(target)]
        names = [[str(one.filename) for one in part] for part in by_time(headers)]
    found = []
    for name in names:
        made = SimpleITK.ReadImage(name)
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(made.GetDirection(), (3, 3)) * made.GetSpacing()
        affine[:3, 3] = made.GetOrigin()
        found.append((SimpleITK.GetArrayFromImage(made), affine[:, [2, 1, 0, 3]]))
    return found


def by_highdicom(target: Path, folder: Path) -> Volumes:
    import highdicom

    if target.is_dir():
        headers = [pydicom.dcmread(file) for file in files(target)]
        volumes = [highdicom.get_volume_from_series(one) for one in by_time(headers)]
        return [(volume.array, volume.affine) for volume in volumes]
    if "SegmentSequence" not in pydicom.dcmread(target, stop_before_pixels=True):
        made = highdicom.imread(target)
        if made.is_tiled:
            return [(made.get_total_pixel_matrix()[None], np.eye(4))]
        places = [place for _, place in frames(target)]
        if len({tuple(place[:, 2]) for place in places}) < len(places):  # it gives frames then
            return [
                (pixels[None], of_frame(place))
                for pixels, place in zip(made.get_frames(), places, strict=True)
            ]
        volume = made.get_volume()
        return [(volume.array, volume.affine)]
    made = highdicom.seg.segread(target)
    if made.segmentation_type.value == "FRACTIONAL" or made.get("SegmentsOverlap") == "YES":
        volume = made.get_volume(rescale_fractional=False)
        return [(volume.array[..., place], volume.affine) for place in range(made.number_of_segments)]
    volume = made.get_volume(combine_segments=True)
    return [(volume.array, volume.affine)]


def by_time(headers: list[Any]) -> list[list[Any]]:
    """Return the slices of each volume, in the order of their numbers: whoever has a series parts it so."""
    parts: list[list[Any]] = []
    for header in sorted(headers, key=lambda one: int(one.InstanceNumber)):
        place = header.get("ImagePositionPatient")
        fits = (part for part in parts if place not in [one.ImagePositionPatient for one in part])
        part = next(fits, None)
        if part is None:
            parts.append(part := [])
        part.append(header)
    return parts


def converted(target: Path, folder: Path) -> Volumes:
    """Return dcm2niix's images, colours as a last axis."""
    found = by_dcm2niix(target, folder)
    return [
        (np.stack([voxels[name] for name in voxels.dtype.names], axis=-1), affine)
        if voxels.dtype.names
        else (voxels, affine)
        for voxels, affine in found
    ]


READERS: dict[str, Callable[[Path, Path], Volumes]] = {
    "pydicom": by_pydicom,
    "SimpleITK": by_simpleitk,
    "dcm2niix": converted,
    "highdicom": by_highdicom,
}


MAPS = {"PT in one file", "OT in one file"}
IN_ONE = {f"{name}, in one file" for name in ("time", "diffusion", "channels")}
BITS = {"labels, binary", "sparse labels, binary", "overlapping segments"}
LABEL_MAPS = {"labels, labelmap", "sparse labels, labelmap"}
REASONS: dict[str, dict[str, set[str]]] = {
    "SimpleITK": {
        "its GDCM doesn't know parametric maps of signed or real values": {*MAPS, "real numbers"},
        "its GDCM doesn't know label maps (of 2024)": LABEL_MAPS,
        "it stacks all frames into one volume, whatever tells them apart": {*IN_ONE, "fractions"},
        "it unpacks single bits wrongly": BITS,
        "it gives tiles, not the slide": {"slide"},
    },
    "dcm2niix": {
        "it doesn't apply the mapping of parametric maps": MAPS,
        "it stacks the frames of segments, whatever they are of": {*BITS, "fractions"},
        "it gives tiles, not the slide": {"slide"},
    },
    "pydicom": {},
    "highdicom": {},
}
"""Why a program doesn't give what is there, and of which objects."""


def assert_same(found: Volumes, one: Kind) -> None:
    """Check that volumes, or lone frames in any order, are what was written."""
    if len(found) == 1 and found[0][0].ndim == one.voxels.ndim:
        found = [(voxels, found[0][1]) for voxels in found[0][0]]
    if one.options.get("kind") == "slide":
        np.testing.assert_array_equal(found[0][0], one.voxels[0])
    elif len(found) > len(one.voxels):
        lone = [(voxels[0], affine[:3, 1:]) for voxels, affine in found]
        assert_frames(lone, one.voxels, oblique())
    else:
        for (voxels, affine), expected in zip(found, one.voxels, strict=True):
            assert voxels.ndim == expected.ndim
            layers = [voxels, expected] if voxels.ndim == 4 else [voxels[..., None], expected[..., None]]
            for first, second in zip(*(np.moveaxis(layer, -1, 0) for layer in layers), strict=True):
                assert_world((first, affine), second, oblique())


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", kinds())
def test_every_kind_in_every_reader(tmp_path: Path, name: str, reader: str) -> None:
    """Each gives the same voxels at the same places, or there is a reason why it doesn't."""
    module = {"dcm2niix": "dcm2niix", "SimpleITK": "SimpleITK"}.get(reader)
    if module and find_spec(module) is None:
        pytest.skip(f"needs {module}")
    one = kinds()[name]
    target = tmp_path / f"out{one.suffix}"
    written(one.reader, target, **one.options)
    if any(name in names for names in REASONS[reader].values()):
        with pytest.raises((AssertionError, RuntimeError, ValueError, IndexError)):
            assert_same(READERS[reader](target, tmp_path / "made"), one)
    else:
        assert_same(READERS[reader](target, tmp_path / "made"), one)


def test_reasons_name_kinds() -> None:
    for reasons in REASONS.values():
        named = [name for names in reasons.values() for name in names]
        assert len(named) == len(set(named))
        assert set(named) <= set(kinds())
