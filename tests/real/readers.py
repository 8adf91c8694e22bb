"""Independent readers of pictures."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

_FLOATS = re.compile(r"Video: .*?(gray|gbrp|gbrap)(f16|f32)(le|be)")


def exr_by_ffmpeg(path: Path) -> np.ndarray:
    """Return the pixels of an OpenEXR as FFmpeg's own decoder has them, samples last, as they are stored."""
    program = pytest.importorskip("imageio_ffmpeg", reason="ffmpeg isn't installed").get_ffmpeg_exe()
    said = subprocess.run([program, "-i", str(path)], capture_output=True, text=True, check=False).stderr
    size = re.search(r"Video: .*? (\d+)x(\d+)", said)
    form = _FLOATS.search(said)
    if form is None or size is None:
        pytest.skip("this ffmpeg doesn't keep floating point pixels")
    command = [
        program,
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "".join(form.groups()),
        "-",
    ]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    dtype = ("<" if form[3] == "le" else ">") + form[2].replace("f16", "f2").replace("f32", "f4")
    samples = {"gray": 1, "gbrp": 3, "gbrap": 4}[form[1]]
    planes = np.frombuffer(content, dtype).reshape(samples, int(size[2]), int(size[1]))
    return planes[0] if samples == 1 else np.moveaxis(planes[[2, 0, 1, 3][:samples]], 0, -1)


def heif_by_ffmpeg(path: Path, form: str) -> np.ndarray:
    """Return the first picture of a HEIF as FFmpeg decodes it, uncropped."""
    av = pytest.importorskip("av", reason="PyAV isn't installed")
    with av.open(str(path)) as film:
        return next(film.decode(video=0)).to_ndarray(format=form)


def volume_by_bvbabel(path: Path) -> np.ndarray:
    """Return a volume of BrainVoyager's with its own axes, Z first; bvbabel exchanges and turns them."""
    bvbabel = pytest.importorskip("bvbabel", reason="bvbabel isn't installed")
    kind = path.suffix[1:].lower()
    voxels = getattr(getattr(bvbabel, kind), f"read_{kind}")(str(path))[1]
    return voxels[::-1, ::-1, ::-1].swapaxes(1, 2)
