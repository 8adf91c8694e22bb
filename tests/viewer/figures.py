"""Makes the pictures in docs/images: `scripts/figures FOLDER`.

The folder holds ``head-ct-140x384x384-int16.tif`` and ``labels-140x384x384-uint8.tif`` (from dcm_qa_ct,
BSD-2-Clause; the labels are thresholds of the smoothed CT). The oblique MR and the series are in tests/data,
the tissue comes with scikit-image.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray import MLArray, read
from mlarray_core.meta import Label
from mlarray_io.commands.main import main as mlarray
from tests.viewer import chromium
from tests.viewer.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data" / "nifti"
MR = DATA / "example4d.nii.gz"
WIDEST = 1000
"""Pixels of a picture of the browser."""
CT_AFFINE = np.array([[0, 0, -0.6, 115], [0, -0.6, 0, 115], [1.2, 0, 0, -80], [0, 0, 0, 1]])
COLORS = ("#4e79a7", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#f28e2b", "#e15759")


def head(folder: Path, target: Path, step: int = 1) -> list[Path]:
    """Return the CT and its labels as `.mla`, of rows and columns only every so many."""
    import tifffile

    paths = []
    for name, file in (
        ("head-ct", "head-ct-140x384x384-int16.tif"),
        ("labels", "labels-140x384x384-uint8.tif"),
    ):
        place = CT_AFFINE @ np.diag([1, step, step, 1])
        image = MLArray(tifffile.imread(folder / file)[:, ::step, ::step], affine=place)
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


def thresholds(target: Path) -> Path:
    """Return a label map made of the MR: how bright it is, in steps."""
    image = read(MR)
    made = MLArray(np.digitize(np.asarray(image), (200, 350, 450)).astype(np.uint8), copy=image)
    made.meta.is_seg = True
    made.save(target / "thresholds.mla")
    return target / "thresholds.mla"


def wait(page, seconds: float = 2.0) -> None:
    """Wait until what is loaded has been drawn."""
    page.wait("Number(document.documentElement.dataset.loads || 0) > 0")
    page.wait("document.getElementById('status').textContent.match(/shown|resolution/)")
    time.sleep(seconds)


def keep(picture: Any, target: Path) -> None:
    """Write a picture of few colours: a fifth of the size, and none of it to be seen."""
    picture.convert("RGB").quantize(128).save(target, optimize=True)


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
        size = (WIDEST, picture.height * WIDEST // picture.width)
        keep(picture.resize(size, Image.Resampling.LANCZOS), target)
        print(target, page.complaints())
        page.open("about:blank")


def draw(files: list[Path], target: Path, *options: str) -> None:
    """Have `mlarray show` draw the planes of a file, the second one laid over the first."""
    from PIL import Image

    over = ["--overlay", str(files[1])] if files[1:] else []
    if mlarray(["show", str(files[0]), *over, *options, "-o", str(target), "--force"]):
        sys.exit(f"{target.name} can't be drawn")
    with Image.open(target) as picture:
        keep(picture, target)
    print(target)


def slide(target: Path, times: int = 8) -> Path:
    """Return stained tissue, mirrored until it is as large as a small slide."""
    from skimage.data import immunohistochemistry

    tissue = immunohistochemistry()
    if times:
        row = np.concatenate([tissue, tissue[:, ::-1]] * times, axis=1)
        tissue = np.concatenate([row, row[::-1]] * times)
    image = MLArray(tissue, spacing=[0.0005, 0.0005], axis_labels=["spatial_y", "spatial_x", "components"])
    image.meta.spatial.axis_units = ["mm", "mm", ""]
    image.save(target / "tissue.mla", levels="auto")
    return target / "tissue.mla"


class Studio:
    """Where pictures are made.

    Parameters
    ----------
    folder
        Where the head CT and its labels are.
    files
        Where images are put for the time being.
    stack
        Ends Chromium, if a picture of it was wanted.
    """

    def __init__(self, folder: Path, files: Path, stack: ExitStack) -> None:
        self.folder, self.files, self._stack = folder, files, stack

    @cached_property
    def page(self) -> Any:
        """Chromium's page, begun when the first picture needs it."""
        return self._stack.enter_context(chromium.browser())


BONE = "const p = document.getElementById('preset'); p.value = '500,2000'; p.onchange()"
AT = "window.page.volumes.moveTo([-20, 10, 5]); window.place = window.page.volumes.pixelOf([-20, 10, 5])"
CLOSER = "window.page.slides.osd.viewport.zoomTo(3, null, true)"
FIGURES: dict[str, Callable[[Studio, Path], None]] = {
    "show-ct": lambda at, to: draw(head(at.folder, at.files)[:1], to, "--window", "ct-bone"),
    "show-overlay": lambda at, to: draw(head(at.folder, at.files), to, "--window", "ct-bone"),
    "show-epi": lambda _, to: draw([MR], to),
    "show-labels": lambda at, to: draw([thresholds(at.files)], to),
    "show-slide": lambda at, to: draw([slide(at.files, 0)], to),
    "view-oblique-mr": lambda at, to: take(at.page, [MR], to),
    "view-series": lambda at, to: take(at.page, [DATA / "functional.nii"], to, "window.page.setEntry(0, 7)"),
    "view-slide": lambda at, to: take(at.page, [slide(at.files)], to, CLOSER),
    "view-ct-labels": lambda at, to: take(at.page, head(at.folder, at.files, 2), to, BONE, AT, dark=True),
}
"""What makes each picture, by its name."""


def main(folder: Path, target: Path, wanted: list[str]) -> None:
    """Make the pictures of these names, or every one."""
    chromium.PATIENCE = 600  # without a graphics card the 3-D view of a large image takes its time
    target = target.resolve()
    for name, make in FIGURES.items():
        if not wanted or name in wanted:
            with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
                make(Studio(folder.resolve(), Path(temporary), stack), target / f"{name}.png")
                os.chdir(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
