"""Makes the pictures of docs/view.md: `scripts/screenshots FOLDER`.

The folder holds ``head-ct-140x384x384-int16.tif`` and ``labels-140x384x384-uint8.tif`` (from dcm_qa_ct,
BSD-2-Clause; the labels are thresholds of the smoothed CT), of which every second pixel is shown. The oblique
MR and the series are in tests/data, the tissue comes with scikit-image.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mlarray import MLArray
from mlarray_core.meta import Label
from tests.viewer import chromium
from tests.viewer.served import served

DATA = Path(__file__).parents[1] / "data" / "nifti"
WIDEST = 1000
"""Pixels of a picture."""
CT_AFFINE = np.array([[0, 0, -1.2, 115], [0, -1.2, 0, 115], [1.2, 0, 0, -80], [0, 0, 0, 1]])
COLORS = ("#4e79a7", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#f28e2b", "#e15759")


def head(folder: Path, target: Path) -> list[Path]:
    """Return the CT and its labels as `.mla`."""
    import tifffile

    paths = []
    for name, file in (
        ("head-ct", "head-ct-140x384x384-int16.tif"),
        ("labels", "labels-140x384x384-uint8.tif"),
    ):
        image = MLArray(tifffile.imread(folder / file)[:, ::2, ::2], affine=CT_AFFINE)
        image.meta.spatial.coord_system = "RAS"
        image.meta.spatial.axis_labels = ["spatial_z", "spatial_y", "spatial_x"]
        image.meta.spatial.axis_units = ["mm"] * 3
        if name == "labels":
            image.meta.is_seg = True
            image.meta.labels = [
                Label(value, f"threshold {value}", color) for value, color in enumerate(COLORS, 2)
            ]
        paths.append(target / f"{name}.mla")
        image.save(paths[-1], levels=1)
    return paths


def wait(page, seconds: float = 2.0) -> None:
    """Wait until what is loaded has been drawn."""
    page.wait("Number(document.documentElement.dataset.loads || 0) > 0")
    page.wait("document.getElementById('status').textContent.match(/shown|resolution/)")
    time.sleep(seconds)


def take(page, files: list[Path], target: Path, *steps: str, dark: bool = False) -> None:
    """Open files, run JavaScript step by step, and keep the picture."""
    from PIL import Image

    page.size(1280, 800, dark=dark)
    target = target.resolve()
    os.chdir(files[0].parent)  # names, and no folders of this machine, are to be seen
    with served(*(file.name for file in files)) as server:
        page.open(server.url)
        wait(page, 8)
        for step in steps:
            page.run(f"void (() => {{ {step} }})()")
            wait(page)
        if "place" in (steps[-1] if steps else ""):
            page.move(*page.run("window.place"))
            time.sleep(1)
        picture = Image.open(io.BytesIO(page.picture())).convert("RGB")
        if picture.width > WIDEST:
            picture = picture.resize(
                (WIDEST, picture.height * WIDEST // picture.width), Image.Resampling.LANCZOS
            )
        picture.quantize(128).save(target, optimize=True)  # a fifth of the size, and none of it to be seen
        print(target, page.complaints())
        page.open("about:blank")


def slide(target: Path) -> Path:
    """Return stained tissue, mirrored until it is as large as a small slide."""
    from skimage.data import immunohistochemistry

    tissue = immunohistochemistry()
    row = np.concatenate([tissue, tissue[:, ::-1]] * 8, axis=1)
    axes = ["spatial_y", "spatial_x", "components"]
    image = MLArray(np.concatenate([row, row[::-1]] * 8), spacing=[0.0005, 0.0005], axis_labels=axes)
    image.meta.spatial.axis_units = ["mm", "mm", ""]
    image.save(target / "tissue.mla", levels="auto")
    return target / "tissue.mla"


def main(folder: Path, target: Path, wanted: list[str]) -> None:
    """Make the pictures of these names, or every one."""
    chromium.PATIENCE = 600  # without a graphics card the 3-D view of a large image takes its time
    bone = "const p = document.getElementById('preset'); p.value = '500,2000'; p.onchange()"
    at = "window.page.volumes.moveTo([-20, 10, 5]); window.place = window.page.volumes.pixelOf([-20, 10, 5])"
    closer = "window.page.slides.osd.viewport.zoomTo(3, null, true)"
    with tempfile.TemporaryDirectory() as temporary, chromium.browser() as page:
        pictures = {
            "oblique-mr": lambda name: take(page, [DATA / "example4d.nii.gz"], name),
            "series": lambda name: take(page, [DATA / "functional.nii"], name, "window.page.setEntry(0, 7)"),
            "slide": lambda name: take(page, [slide(Path(temporary))], name, closer),
            "ct-labels": lambda name: take(page, head(folder, Path(temporary)), name, bone, at, dark=True),
        }
        for name, make in pictures.items():
            if not wanted or name in wanted:
                make(target / f"view-{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
