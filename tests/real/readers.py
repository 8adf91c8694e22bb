"""Independent readers of pictures, fields and frames."""

from __future__ import annotations

import bz2
import re
import shutil
import subprocess
import zipfile
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


def by_bioformats(path: Path, folder: Path) -> list[tuple[np.ndarray, list[float]]]:
    """Return the voxels of each series as Bio-Formats converts them, and their sizes along z, y, x, in um."""
    program = shutil.which("bfconvert")
    if program is None:
        pytest.skip("Bio-Formats isn't installed")
    tifffile = pytest.importorskip("tifffile", reason="tifffile isn't installed")
    command = [program, "-no-upgrade", "-overwrite", str(path), str(folder / "theirs.ome.tif")]
    subprocess.run(command, check=True, capture_output=True)
    with tifffile.TiffFile(folder / "theirs.ome.tif") as file:
        told = re.findall(r"<Pixels [^>]*>", file.ome_metadata)
        sizes = [[_micrometres(one, axis) for axis in "ZYX"] for one in told]
        series = [one.asarray() for one in file.series]
    return [(voxels, [one for one in own if one]) for voxels, own in zip(series, sizes, strict=True)]


def _micrometres(pixels: str, axis: str) -> float:
    """Return a size that OME-XML tells, 0 where it doesn't."""
    found = re.search(rf'PhysicalSize{axis}="([^"]*)"', pixels)
    unit = re.search(rf'PhysicalSize{axis}Unit="([^"]*)"', pixels)
    assert unit is None or unit[1] == "µm"
    return float(found[1]) if found else 0


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


def fields_by_eccodes(path: Path) -> list[np.ndarray]:
    """Return the fields of a GRIB as ecCodes unpacks them, turned to run from north to south."""
    codes = pytest.importorskip("eccodes", reason="eccodes isn't installed")
    found = []
    codes.codes_grib_multi_support_on()
    try:
        with path.open("rb") as file:
            while (message := codes.codes_grib_new_from_file(file)) is not None:
                size = codes.codes_get(message, "Nj"), codes.codes_get(message, "Ni")
                field = codes.codes_get_values(message).reshape(size)
                if codes.codes_get(message, "alternativeRowScanning"):
                    field[1::2] = field[1::2, ::-1]
                found.append(field[::-1] if codes.codes_get(message, "jScansPositively") else field)
                codes.codes_release(message)
    finally:
        codes.codes_grib_multi_support_off()
    return found


def frame_of_torch(path: Path) -> np.ndarray:
    """Return the bytes of the one tensor that PyTorch saved in a file, in their order."""
    with zipfile.ZipFile(path) as packed:
        (name,) = (one for one in packed.namelist() if one.endswith("data/0"))
        return np.frombuffer(packed.read(name), np.uint8)


def klb_by_bzip2(path: Path) -> np.ndarray:
    """Return the voxels of a KLB of bzip2 blocks and uint16, of time, channel, z, y, x.

    The authors' README: version, sizes and pixel sizes of x, y, z, channel, time, type, packing, 256 bytes of
    text, sizes of blocks, and where each block ends; x is the fastest.
    """
    content = path.read_bytes()
    sizes = np.frombuffer(content, "<u4", 5, 1)[::-1].astype(int)
    assert content[41:43] == b"\x01\x01"  # uint16, bzip2
    block = np.frombuffer(content, "<u4", 5, 299)[::-1].astype(int)
    counts = -(-sizes // block)
    ends = np.frombuffer(content, "<u8", int(np.prod(counts)), 319)
    start = 319 + ends.nbytes
    found = np.zeros(sizes, "<u2")
    for number, place in enumerate(np.ndindex(*counts)):
        first = block * place
        box = tuple(
            slice(low, high) for low, high in zip(first, np.minimum(first + block, sizes), strict=True)
        )
        packed = content[start + int(ends[number - 1] if number else 0) : start + int(ends[number])]
        found[box] = np.frombuffer(bz2.decompress(packed), "<u2").reshape(found[box].shape)
    return found
