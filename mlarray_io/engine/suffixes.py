"""What the end of a file's name says: which format reads it, which one writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.sdk.format import Format

BUILT_IN: dict[str, dict[str, tuple[str, ...]]] = {
    "brainvoyager": {
        "brainvoyager": (
            ".vmr",
            ".v16",
            ".vtc",
            ".msk",
            ".vmp",
            ".vmr.gz",
            ".v16.gz",
            ".vtc.gz",
            ".msk.gz",
            ".vmp.gz",
        ),
    },
    "bruker": {
        "bruker": (),
    },
    "czi": {
        "czi": (".czi",),
    },
    "dicom": {
        "dicom": (".dcm", ".dcms", ".dicom", ".ima"),
    },
    "films": {
        "film": (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"),
    },
    "fits": {
        "fits": (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz"),
    },
    "frames": {
        "animation": (".apng",),
        "avif": (".avif", ".avifs"),
        "exr": (".exr",),
        "gif": (".gif",),
        "heif": (".heic", ".heif", ".hif"),
        "jpegxl": (".jxl",),
        "jpegxr": (".jxr", ".wdp", ".hdp"),
        "pnm": (".pnm", ".pbm", ".pgm", ".ppm", ".pam", ".pfm"),
        "qoi": (".qoi",),
        "tga": (".tga", ".icb", ".vda", ".vst"),
    },
    "gdal": {
        "gdal": (".ntf", ".nitf", ".nsf", ".grib", ".grb", ".grib2", ".grb2", ".asc", ".vrt"),
    },
    "gipl": {
        "gipl": (".gipl", ".gipl.gz"),
    },
    "hdf5": {
        "hdf5": (".h5", ".hdf5", ".nxs", ".ims"),
    },
    "klb": {
        "klb": (".klb",),
    },
    "lif": {
        "lif": (".lif", ".lof"),
    },
    "mat": {
        "mat": (".mat",),
    },
    "metaimage": {
        "metaimage": (".mha", ".mhd"),
    },
    "mgh": {
        "mgh": (".mgz", ".mgh", ".mgh.gz"),
    },
    "mla": {
        "mla": (".mla", ".b2nd"),
    },
    "mrc": {
        "mrc": (".mrc", ".mrcs", ".ccp4"),
    },
    "mrtrix": {
        "mrtrix": (".mif", ".mif.gz", ".mih"),
    },
    "mzarr": {
        "mzarr": (".mzarr",),
    },
    "nd2": {
        "nd2": (".nd2",),
    },
    "ndtiff": {
        "micromanager": (),
        "ndtiff": (),
    },
    "netcdf": {
        "netcdf": (".nc", ".nc4", ".cdf", ".nc3"),
    },
    "nibabel": {
        "afni": (".head", ".brik", ".brik.gz"),
        "ecat": (".v",),
        "minc": (".mnc",),
        "parrec": (".par", ".rec"),
    },
    "nifti": {
        "nifti": (".nii.gz", ".nii", ".nii.zst", ".nii.bz2", ".nii.xz", ".hdr", ".hdr.gz", ".img", ".img.gz"),
    },
    "nrrd": {
        "nrrd": (".nrrd", ".nhdr", ".seg.nrrd"),
    },
    "numpy": {
        "numpy": (".npy", ".npz"),
    },
    "oif": {
        "oif": (".oib", ".oif"),
    },
    "openslide": {
        "openslide": (".mrxs", ".vms", ".vmu", ".svslide"),
    },
    "pictures": {
        "pictures": (
            ".png",
            ".pngs",
            ".jpg",
            ".jpeg",
            ".bmp",
            ".dib",
            ".jp2",
            ".j2k",
            ".jpx",
            ".jpc",
            ".j2c",
            ".webp",
        ),
    },
    "raw": {
        "envi": (),
        "esri": (".bil", ".bip", ".bsq"),
        "interfile": (".hv", ".h33", ".ahv"),
        "raw": (".raw", ".vol", ".bin", ".dat"),
        "vgi": (".vgi",),
    },
    "rosettasciio": {
        "rosettasciio": (".dm3", ".dm4", ".ser", ".emi", ".emd", ".blo", ".mib", ".tvips"),
    },
    "scanco": {
        "scanco": (".isq", ".rsq", ".aim"),
    },
    "tensorstore": {
        "n5": (".n5",),
        "precomputed": (".precomputed",),
    },
    "tiff": {
        "tiff": (
            ".ome.tiff",
            ".ome.tif",
            ".tif",
            ".tiff",
            ".ome.btf",
            ".btf",
            ".tf8",
            ".tf2",
            ".stk",
            ".lsm",
            ".svs",
            ".ndpi",
            ".scn",
            ".bif",
            ".qptiff",
            ".gtiff",
            ".companion.ome",
        ),
    },
    "vtk": {
        "vtk": (".vtk",),
    },
    "zarr": {
        "zarr": (".ome.zarr", ".zarr", ".ome.zarr.zip", ".zarr.zip", ".ozx"),
    },
}
"""The suffixes of each format of our own plugins, by entry point: known before a plugin is loaded.

Written by `python tests/test_docs.py`; a plugin that isn't in it is loaded by every command.
"""

FOLDERS = frozenset({"dicom", "ndtiff", "pictures", "tensorstore", "zarr"})
"""Our own plugins, by entry point, that know a folder by what is in it; all others know its name at most."""


class Suffixes:
    """The suffixes of some formats, those that are read apart from those that are written.

    Parameters
    ----------
    formats
        Of two that share a suffix, the first is asked for reading and writing.

    Attributes
    ----------
    read
        The format that reads each suffix.
    written
        The format that writes each suffix.
    """

    def __init__(self, formats: Sequence[Format]) -> None:
        self.read: dict[str, Format] = {}
        self.written: dict[str, Format] = {}
        for format in formats:
            for suffix in format.suffixes if format.reads else ():
                self.read.setdefault(suffix, format)
            for suffix in format.written_suffixes:
                self.written.setdefault(suffix, format)

    def target(self, name: str) -> Format | None:
        """Return the format that writes files with this name: that of the longest suffix that fits."""
        longest = _longest(name, self.written)
        return None if longest is None else self.written[longest]

    def source(self, name: str) -> Format | None:
        """Return the format that reads files with this name: that of the longest suffix that fits."""
        longest = _longest(name, self.read)
        return None if longest is None else self.read[longest]


def _longest(name: str, suffixes: dict[str, Format]) -> str | None:
    fitting = [suffix for suffix in suffixes if suffix_length(name, (suffix,))]
    return max(fitting, key=len, default=None)
