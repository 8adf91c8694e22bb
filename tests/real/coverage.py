"""Which real files, and which of known content, each format is tried on, and what they are compared with.

docs/formats.md's table is made of it by ``python tests/test_docs.py``; tests/real/test_coverage.py checks it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
FETCHED = json.loads((Path(__file__).parent / "files.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Tried:
    """What one format is tried on.

    Parameters
    ----------
    real
        Patterns of real files in tests/data.
    made
        Who wrote files of known content.
    compared
        What reads the real ones independently.
    elsewhere
        Real files that other packages bring, or that are in the shared cases.
    """

    real: tuple[str, ...] = ()
    made: str = ""
    compared: str = ""
    elsewhere: str = ""


CASES = "shared cases"
FORMATS = {
    "afni": Tried(compared="nibabel", elsewhere=CASES),
    "animation": Tried(("animation/*.png", "animation/*.webp"), "Pillow", "libpng, libwebp (imagecodecs)"),
    "avif": Tried(("avif/*.avif*",), "Pillow, imagecodecs", "dav1d (FFmpeg)"),
    "brainvoyager": Tried(("brainvoyager/*.vmr.gz",), "bvbabel", "bvbabel"),
    "bruker": Tried(
        ("bruker/*/2dseq",), "the test, as ParaVision's manual lays it out", "brukerapi, SimpleITK"
    ),
    "czi": Tried(made="pylibCZIrw", compared="czifile"),
    "dicom": Tried(
        made="pydicom, highdicom", compared="pydicom, dcm2niix, GDCM", elsewhere=f"pydicom's, {CASES}"
    ),
    "ecat": Tried(("nibabel/*.v",), compared="nibabel", elsewhere=CASES),
    "envi": Tried(made="GDAL", compared="GDAL"),
    "esri": Tried(made="GDAL", compared="GDAL"),
    "exr": Tried(("exr/*.exr",), "OpenEXR", "FFmpeg"),
    "film": Tried(made="ffmpeg", compared="frames that come with them, the program ffmpeg"),
    "fits": Tried(("fits/*",), "astropy", "CFITSIO (fitsio)"),
    "gdal": Tried(("gdal/*.grib",), "GDAL", "ecCodes, OpenJPEG, histograms and samples in the files"),
    "gif": Tried(("gif/*.gif",), "Pillow", "giflib (imagecodecs)"),
    "gipl": Tried(made="SimpleITK", compared="SimpleITK"),
    "hdf5": Tried(("imaris/minimal.ims", "hdf5/*.mat"), "h5py, ImarisWriter", "h5py, what MATLAB was given"),
    "heif": Tried(("heif/*",), "pillow-heif", "FFmpeg"),
    "interfile": Tried(made="XMedCon, the test as STIR writes them", compared="XMedCon, NumPy by the header"),
    "jpegxl": Tried(("jpegxl/*.jxl",), "imagecodecs", "the pictures that come with them"),
    "jpegxr": Tried(("jpegxr/*.jxr",), "imagecodecs", "the pixels that come with one, known corners"),
    "klb": Tried(made="pyklb", compared="Python's bzip2, the voxels that come with one"),
    "lif": Tried(made="the test", compared="readlif, Bio-Formats"),
    "mat": Tried(("mat/*.mat",), "SciPy", "SciPy, what MATLAB was given"),
    "metaimage": Tried(("metaimage/*.mha",), "SimpleITK", "SimpleITK", CASES),
    "mgh": Tried(("nibabel/*.mgz",), "nibabel", "nibabel", CASES),
    "micromanager": Tried(made="the test, as Micro-Manager lays them out", compared="tifffile, Bio-Formats"),
    "minc": Tried(("nibabel/*.mnc",), "", "nibabel", CASES),
    "mla": Tried(made="every release of mlarray", compared="mlarray 0.0.54"),
    "mrc": Tried(("mrc/*.map",), "mrcfile", "mrcfile, SimpleITK"),
    "mrtrix": Tried(made="mrconvert", compared="what went in"),
    "mzarr": Tried(made="mzarr 0.0.8", compared="the arrays that went in"),
    "n5": Tried(made="z5py", compared="the picture that the Java implementation was given"),
    "nd2": Tried(("nd2/*.nd2.xz",), "", "nd2reader, Bio-Formats, what NIS-Elements says"),
    "ndtiff": Tried(("ndtiff/*",), "ndstorage", "ndstorage"),
    "netcdf": Tried(("netcdf/*",), "netCDF4, h5netcdf, SciPy", "SciPy, h5netcdf"),
    "nifti": Tried(
        ("nifti/*.nii", "nifti/*.nii.gz", "nifti/*.hdr.gz"), "nibabel", "nibabel, SimpleITK", CASES
    ),
    "nrrd": Tried(("nrrd/*.nrrd",), "SimpleITK", "pynrrd, SimpleITK", CASES),
    "numpy": Tried(("numpy/*.npy",), "NumPy", "NumPy, the bytes themselves", CASES),
    "oif": Tried(made="the test, as FluoView lays them out", compared="Bio-Formats, known values"),
    "openslide": Tried(made="the test, as OpenSlide documents them", compared="mrxsslide, Pillow"),
    "parrec": Tried(compared="nibabel", elsewhere=CASES),
    "pictures": Tried(("pictures/*", "tga/*.png", "qoi/*.png"), "Pillow, imagecodecs", "FFmpeg, Pillow"),
    "pnm": Tried(("pnm/*.p?m",), "Pillow, the test", "Pillow, a twin"),
    "precomputed": Tried(made="cloud-volume", compared="known values, without chunks"),
    "qoi": Tried(("qoi/*.qoi",), "imagecodecs, Pillow", "Pillow, a twin"),
    "raw": Tried(("metaimage/*.raw", "jpegxr/*.bin"), "NumPy", "NumPy, SimpleITK"),
    "rosettasciio": Tried(made="RosettaSciIO, h5py", compared="ncempy"),
    "scanco": Tried(made="itk-ioscanco, aimio-py", compared="aimio-py"),
    "tga": Tried(("tga/*.tga",), "Pillow", "twins"),
    "tiff": Tried(made="tifffile, rasterio", compared="tifffile, Pillow, GDAL, OpenSlide", elsewhere=CASES),
    "vgi": Tried(made="the test, as VGStudio lays them out"),
    "vtk": Tried(("vtk/*.vtk",), "SimpleITK", "SimpleITK"),
    "zarr": Tried(
        ("zarr/*.ozx",),
        "zarr, tensorstore, ome-zarr, ngff-zarr",
        "zarr, tensorstore, the picture z5 was given",
    ),
}
"""By the format's name."""


def real_files(name: str) -> list[Path]:
    """Return the real files of a format in tests/data."""
    return sorted({path for pattern in FORMATS[name].real for path in DATA.glob(pattern)})


def fetched(name: str) -> int:
    """Return how many files of a format scripts/real-files fetches."""
    return sum(file["format"] == name for file in FETCHED)


def table() -> str:
    """Return the table of docs/formats.md."""
    rows = ["| format | real files here | fetched | elsewhere | of known content, by | compared with |"]
    rows.append("|---|---|---|---|---|---|")
    for name, tried in FORMATS.items():
        counts = [str(count or "-") for count in (len(real_files(name)), fetched(name))]
        texts = [text or "-" for text in (tried.elsewhere, tried.made, tried.compared)]
        rows.append(f"| `{name}` | {' | '.join([*counts, *texts])} |")
    return "\n".join(rows) + "\n"
