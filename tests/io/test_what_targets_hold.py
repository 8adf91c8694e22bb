"""Every format that is written holds an image, or refuses it with a way out: docs/formats.md says so."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mlarray
from mlarray.errors import UnsupportedError
from mlarray_io.engine.registry import installed
from mlarray_io.sdk.requirements import missing

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = {
    "plane of bytes": np.arange(20, dtype="u1").reshape(4, 5),
    "five axes": np.arange(720, dtype="i2").reshape(2, 3, 4, 5, 6),
    "complex": (np.arange(60) * (1 + 2j)).astype("c16").reshape(3, 4, 5),
    "half": np.arange(60, dtype="f2").reshape(3, 4, 5),
    "long": np.arange(60, dtype="u8").reshape(3, 4, 5) + (1 << 63),
    "truth": np.arange(60).reshape(3, 4, 5) % 2 == 0,
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", [format.name for format in installed().formats if format.writes])
def test_an_image_is_held_or_refused(name: str, kind: str, tmp_path: Path) -> None:
    format = installed().get(name)
    if missing(format):
        pytest.skip(f"{name} needs {', '.join(missing(format))}")
    target = tmp_path / f"a{format.written_suffixes[0]}"
    voxels = IMAGES[kind]
    done = None
    with contextlib.suppress(UnsupportedError):
        done = mlarray.write(voxels, target)
    if done is None:
        with pytest.raises(UnsupportedError, match=re.escape(str(target))) as caught:
            mlarray.write(voxels, target)
        assert caught.value.hint
        assert list(tmp_path.iterdir()) == []
        return
    again = np.squeeze(mlarray.read(target).to_numpy())
    turned = any(
        "the other way around" in note for note in done.warnings
    )  # slices of DICOM: said, and placed
    np.testing.assert_array_equal(again, np.squeeze(voxels)[:: -1 if turned else 1])


def everything() -> mlarray.MLArray:
    """Return a label map of which all is known that formats may have no place for."""
    voxels = np.arange(60, dtype="u1").reshape(3, 4, 5) % 3
    image = mlarray.MLArray(voxels, spacing=(3, 2, 1), origin=(10, 20, 30), meta={"scanner": "mine"})
    image.meta.spatial.coord_system = "RAS"
    image.meta.spatial.axis_units = ["um"] * 3
    image.meta.is_seg = True
    image.meta.labels = [{"value": 1, "name": "liver"}, {"value": 2, "name": "tumour"}]
    image.meta.update_extra({"mine": 1})
    image.meta.add_bbox([[0, 2], [0, 2], [0, 2]], label="box")
    image.meta.stats = {"min": 0}
    return image


SAYS = {
    "world": "world|coordinate",
    "place": "origin|position|world",
    "spacing": "spacing",
    "unit": "unit",
    "is_seg": "labels",
    "names": "names|metadata",
    "extra": "extra|metadata",
    "source": "source",
    "boxes": "boxes",
    "statistics": "statistics",
}
"""What the loss of a field is called."""


def facts(image: mlarray.MLArray) -> dict[str, object]:
    """Return what is known of an image: its middle in LPS, lengths in micrometres."""
    meta, spatial = image.meta, image.meta.spatial
    scale = {"um": 1, "mm": 1000, "Å": 1e-4}.get(unit := (spatial.axis_units or [""])[-1], 1)
    turned = (-1, -1, 1) if spatial.coord_system == "RAS" else (1, 1, 1)
    middle = image.affine @ [*((np.array(image.shape[-3:]) - 1) / 2), 1]
    return {
        "world": spatial.coord_system in ("RAS", "LPS"),
        "place": np.round(middle[:3] * turned * scale, 3).tolist(),
        "spacing": np.round(np.sort(image.spacing or ()) * scale, 3).tolist(),
        "unit": bool(unit),
        "is_seg": meta.is_seg.value,
        "names": [label.name for label in meta.labels],
        "extra": meta.extra.data.get("mine"),
        "source": meta.source.data.get("scanner"),
        "boxes": meta.bbox.bboxes,
        "statistics": meta.stats.min,
    }


@pytest.mark.parametrize("name", [format.name for format in installed().formats if format.writes])
def test_what_is_gone_is_named(name: str, tmp_path: Path) -> None:
    """Every field that doesn't come back is among the losses: nothing is dropped without a word."""
    format = installed().get(name)
    if missing(format):
        pytest.skip(f"{name} needs {', '.join(missing(format))}")
    image = everything()
    target = tmp_path / f"a{'.pngs' if name == 'pictures' else format.written_suffixes[0]}"
    said = [loss.what for loss in mlarray.write(image, target).losses]
    before, after = facts(image), facts(mlarray.read(target))
    silent = [
        field
        for field, value in before.items()
        if after[field] != value and not any(re.search(SAYS[field], what) for what in said)
    ]
    assert not silent, said


FOURTH = {
    "b-values": ("non_spatial", "f4", {"axes": {"0": {"name": "b", "unit": "s/mm2", "values": [0, 1000]}}}),
    "b-values of masks": (
        "non_spatial",
        "?",
        {"axes": {"0": {"name": "b", "unit": "s/mm2", "values": [0, 1000]}}},
    ),
    "times": ("temporal", "f4", {"axes": {"0": {"unit": "s", "values": [2.0, 7.0]}}}),
    "channels": ("channel", "u2", {"channels": [{"name": "DAPI", "color": "#0000FF"}, {"color": "#00FF00"}]}),
}


@pytest.mark.parametrize("kind", FOURTH)
@pytest.mark.parametrize("name", [format.name for format in installed().formats if format.writes])
def test_what_is_gone_of_a_fourth_axis_is_named(name: str, kind: str, tmp_path: Path) -> None:
    format = installed().get(name)
    if missing(format) or name == "pictures":
        pytest.skip(f"{name} holds no such image, or needs {', '.join(missing(format))}")
    label, dtype, additions = FOURTH[kind]
    image = mlarray.MLArray(
        (np.arange(120).reshape(2, 3, 4, 5) % (2 if dtype == "?" else 120)).astype(dtype),
        axis_labels=[label, "spatial_z", "spatial_y", "spatial_x"],
        spacing=(3, 2, 1),
        meta=mlarray.Meta(extra={"mlarray": additions}),
    )
    target = tmp_path / f"a{format.written_suffixes[0]}"
    said = " ".join(loss.what for loss in mlarray.write(image, target).losses)
    found = mlarray.read(target).meta
    held = found.extra.data.get("mlarray", {})
    if kind == "channels":
        colours = [(one.get("color"), one.get("Color")) for one in held.get("channels", ())]
        # OME: red, green, blue and opacity as one signed number of 32 bits
        assert colours in ([("#0000FF", None), ("#00FF00", None)], [(None, "65535"), (None, "16711935")]) or (
            re.search("channels|metadata|channel", said)
        )
        return
    axis = dict(held.get("axes", {}).get("0", {}))
    axis["unit"] = axis.get("unit") or (found.spatial.axis_units or [""])[0]
    wanted = additions["axes"]["0"]
    for field, value in wanted.items():
        gone = axis.get(field) != value
        assert not gone or re.search("positions|metadata|axis is|name of axis", said), (field, axis, said)
