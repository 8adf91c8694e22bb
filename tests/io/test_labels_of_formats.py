"""A label map of every format keeps exactly its classes: in levels, pictures and tables; none is rounded."""

from __future__ import annotations

import base64
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray_io.commands.main import main
from mlarray_io.engine.registry import installed
from mlarray_io.pictures import planes as picture
from mlarray_io.scan.facts import Wish, look
from mlarray_io.sdk.requirements import missing
from mlarray_io.search.criteria import Found

CLASSES = [0, 1, 5]
"""The mean of two of them is no class."""


def label_map(shape, dtype="u1"):
    """Blocks of a few voxels of each class, as nnU-Net writes them: nothing says that they are labels."""
    coarse = np.random.default_rng(1).choice(np.array(CLASSES, dtype), [-(-size // 7) for size in shape])
    return np.kron(coarse, np.ones([7] * len(shape), dtype))[tuple(slice(0, size) for size in shape)]


VOLUME = label_map((20, 70, 80))


def by_simpleitk(suffix, folder):
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(folder / f"a{suffix}"))
    return folder / f"a{suffix}"


def mat(folder):
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(folder / "a.mat", {"labels": VOLUME.T})
    return folder / "a.mat"


def dicom(folder):
    """A segmentation of kind LABELMAP (PS3.3, A.51)."""
    pytest.importorskip("pydicom")
    from tests.dicom.written import segmentation, write

    frames = [(2.5 * z, 1 if z % 2 else 5) for z in range(len(VOLUME))]
    return write(segmentation("LABELMAP", frames, VOLUME), folder / "a.dcm")


def mzarr(folder):
    pytest.importorskip("imagecodecs")
    from tests.mzarr.test_format import write_mzarr

    write_mzarr(folder / "a.mzarr", VOLUME, [10, 40, 40], {})
    return folder / "a.mzarr"


def afni(folder):
    """nibabel's example of int16, its voxels replaced by labels."""
    nibabel = pytest.importorskip("nibabel")
    data = Path(nibabel.__file__).parent / "tests" / "data"
    x, y, z, count = nibabel.load(data / "example4d+orig.HEAD").shape
    (folder / "a+orig.HEAD").write_bytes((data / "example4d+orig.HEAD").read_bytes())
    (folder / "a+orig.BRIK").write_bytes(label_map((count, z, y, x), "<i2").tobytes())
    return folder / "a+orig.HEAD"


def fits(folder):
    astropy = pytest.importorskip("astropy.io.fits")
    astropy.PrimaryHDU(VOLUME).writeto(folder / "a.fits")
    return folder / "a.fits"


def netcdf(folder):
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(folder / "a.nc", "w") as file:
        for name, size in zip("zyx", VOLUME.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("labels", "u1", tuple("zyx"))[:] = VOLUME
    return folder / "a.nc"


def pnm(folder):
    voxels = label_map((300, 320))
    (folder / "a.pgm").write_bytes(b"P5 320 300 255\n" + voxels.tobytes())
    return folder / "a.pgm"


def envi(folder):
    depth, height, width = VOLUME.shape
    (folder / "a.img").write_bytes(VOLUME.tobytes())
    (folder / "a.hdr").write_text(
        f"ENVI\nsamples = {width}\nlines = {height}\nbands = {depth}\nheader offset = 0\n"
        "data type = 1\ninterleave = bsq\nbyte order = 0\n"
    )
    return folder / "a.hdr"


def by_tensorstore(driver, folder):
    tensorstore = pytest.importorskip("tensorstore")
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(folder / f"a.{driver[-2:]}")}}
    shape = VOLUME.shape[::-1] if driver == "n5" else [*VOLUME.shape[::-1], 1]
    made = tensorstore.open(spec, create=True, dtype=tensorstore.uint8, shape=shape).result()
    made.write(VOLUME.T.reshape(shape)).result()
    return folder / f"a.{driver[-2:]}"


def gdal(folder):
    rasterio = pytest.importorskip("rasterio")
    height, width = VOLUME.shape[1:]
    profile = {"driver": "HFA", "width": width, "height": height, "count": len(VOLUME), "dtype": "uint8"}
    profile["transform"] = rasterio.Affine(2, 0, 10, 0, -2, 50)
    with rasterio.open(folder / "a.img", "w", **profile) as file:
        file.write(VOLUME)
    return folder / "a.img"


MADE = {"mat": mat, "dicom": dicom, "mzarr": mzarr, "afni": afni, "fits": fits, "netcdf": netcdf, "pnm": pnm}
MADE |= {"envi": envi, "gdal": gdal, "n5": partial(by_tensorstore, "n5")}
MADE |= {"precomputed": partial(by_tensorstore, "neuroglancer_precomputed")}
MADE |= {
    name: partial(by_simpleitk, suffix)
    for name, suffix in (("gipl", ".gipl"), ("vtk", ".vtk"), ("minc", ".mnc"))
}
NO_LABELS = {
    "ecat": "PET scanners write amounts",
    "parrec": "scanners write amounts",
    "bruker": "scanners write amounts",
    **dict.fromkeys(
        ("interfile", "esri", "vgi", "raw"), "voxels in a file beside a header, read as those of envi"
    ),
    **dict.fromkeys(("czi", "lif", "nd2", "oif", "openslide", "rosettasciio"), "microscopes write amounts"),
    **dict.fromkeys(("ndtiff", "micromanager"), "microscopes write amounts"),
    **dict.fromkeys(("brainvoyager", "klb", "scanco"), "written by the programs of scanners, as amounts"),
    **dict.fromkeys(
        ("animation", "avif", "exr", "film", "gif", "heif"), "pictures for the eye, many of them lossy"
    ),
    **dict.fromkeys(("jpegxl", "jpegxr", "qoi", "tga"), "pictures, read as those of the plugin pictures"),
}
MARKED = {"minc"}
"""Formats whose values are real numbers, so that somebody has to say that they are labels."""


def ours(format, folder):
    """Write the label map by our writer, from voxels about which nothing is said."""
    voxels = label_map((300, 320)) if format.name == "pictures" else VOLUME
    path = folder / f"a{format.written_suffixes[0]}"
    mlarray.write(voxels.astype("i2") if format.name == "mrc" else voxels, path)
    return path


READ = [format for format in installed().formats if format.reads and format.name not in NO_LABELS]
CASES = [(format.name, True) for format in READ if format.writes]
CASES += [(format.name, False) for format in READ if format.name in MADE or not format.writes]


@pytest.mark.parametrize(("name", "written"), CASES)
def test_classes_are_kept(name, written, tmp_path, capsys):
    format = installed().get(name)
    if missing(format):
        pytest.skip(f"{name} needs {', '.join(missing(format))}")
    path = ours(format, tmp_path) if written else MADE[name](tmp_path)
    marked = ["--labels"] if name in MARKED else []
    flags = ["--levels", "1", *marked]
    assert main(["convert", str(path), str(tmp_path / "b.mla"), *flags]) == 0
    said = capsys.readouterr().err
    image = MLArray.open(tmp_path / "b.mla")
    assert image.meta.is_seg.value is True or "taken for labels" in said
    for one in (image, *image.levels):
        assert np.unique(one[...]).tolist() == CLASSES
    assert len(image.levels) == 1

    shown = picture.planes_of(str(path), labels=True if marked else None)
    assert all(plane.labels for plane in shown)
    assert 1 < len({tuple(pixel) for one in shown for pixel in one.pixels.reshape(-1, 3)}) <= len(CLASSES)

    (row,) = look(Found(str(path), "a"), Wish(stats=True, thumbnail=True)).rows
    assert (row.error, row.min, row.max) == (None, 0, 5)
    if not marked:
        assert 1 < len(colours(row.thumbnail)) <= len(CLASSES)

    assert main(["convert", str(path), str(tmp_path / "c.mla"), "--lossy", "tolerance=2", *marked]) == 1
    assert "labels can't be rounded" in capsys.readouterr().err
    assert not (tmp_path / "c.mla").exists()


def colours(thumbnail):
    """Return the different colours of a PNG (ISO/IEC 15948) of red, green and blue without filters."""
    png = base64.b64decode(thumbnail)
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    rows = np.frombuffer(zlib.decompress(png[png.index(b"IDAT") + 4 :]), "u1").reshape(height, -1)[:, 1:]
    assert rows.shape == (height, 3 * width)
    return {tuple(pixel) for pixel in rows.reshape(-1, 3)}
