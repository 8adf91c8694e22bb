"""What a format's own library reads in a file, to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests import mutants

if TYPE_CHECKING:
    from pathlib import Path


def by_library(format: str, path: Path) -> Any:
    """Yield what may rightly be read: the voxels as the format's library has them, stored and scaled."""
    if format in ("nrrd", "metaimage", "gipl", "vtk", "bruker", "ecat", "minc", "mgh", "afni", "parrec"):
        reference = mutants.theirs(format, path)
        if reference is None:
            raise ValueError("refused")
        yield reference
    elif format == "nifti":
        import nibabel

        image = nibabel.load(path)
        yield np.asanyarray(image.dataobj)
        yield image.dataobj.get_unscaled()
    elif format == "numpy":
        loaded = np.load(path)
        yield loaded if path.suffix == ".npy" else loaded["image"]
    elif format == "mrc":
        import mrcfile

        with mrcfile.open(path, permissive=True) as file:
            yield np.array(file.data)
    elif format == "mat":
        import scipy.io

        yield scipy.io.loadmat(path)["vol"]
    elif format == "tiff":
        import tifffile

        with tifffile.TiffFile(path) as file:
            yield file.series[0].asarray()
    elif format == "zarr":
        import zarr

        store = zarr.open(path, mode="r")
        arrays = [store] if isinstance(store, zarr.Array) else [found for _, found in _arrays(store)]
        yield from (np.asarray(array[...]) for array in arrays)
    elif format == "hdf5":
        import h5py

        with h5py.File(path) as file:
            names: list[str] = []
            file.visit(names.append)  # follows no links
            found = (file[name] for name in names)
            yield from (one[...] for one in found if isinstance(one, h5py.Dataset) and one.ndim)
    elif format == "pictures":
        from PIL import Image

        yield np.asarray(Image.open(path))
    elif format == "dicom" and path.is_file():
        import pydicom
        from pydicom.pixels import apply_rescale

        header = pydicom.dcmread(path)
        yield header.pixel_array
        yield apply_rescale(header.pixel_array, header)
        yield header.pixel_array * float(header.get("DoseGridScaling") or 1)
    elif format == "fits":
        from astropy.io import fits

        with fits.open(path, memmap=False) as units:
            yield from (unit.data for unit in units if unit.is_image and unit.data is not None)
    elif format == "netcdf":
        yield from _of_netcdf(path)
    elif format in ("gdal", "envi", "esri"):
        import rasterio

        others = [
            other for other in path.parent.glob(f"{path.stem}.*") if other.suffix not in (".hdr", ".prj")
        ]
        with rasterio.open(others[0] if path.suffix == ".hdr" else path) as file:
            bands = file.read()
        # in the order that they lie in, which is what is read here
        yield from (bands.transpose(order) for order in ((0, 1, 2), (1, 0, 2), (1, 2, 0)))
    elif format == "film":
        import av

        with av.open(str(path)) as film:
            grey = len(film.streams.video[0].codec_context.format.components) == 1
            form = "gray16le" if grey else "rgb24"
            yield np.stack([frame.to_ndarray(format=form) for frame in film.decode(video=0)])
    elif format in ("gif", "tga", "animation", "pnm", "avif", "heif"):
        yield from _of_pillow(format, path)
    elif format in ("jpegxl", "jpegxr", "qoi"):
        import imagecodecs

        yield getattr(imagecodecs, f"{format}_decode")(path.read_bytes())
    elif format == "exr":
        import OpenEXR

        with OpenEXR.File(str(path)) as opened:
            yield from (channel.pixels for channel in opened.channels().values())
    elif format == "rosettasciio":
        reader = {".blo": "blockfile", ".emd": "emd"}[path.suffix]
        module = __import__(f"rsciio.{reader}", fromlist=["file_reader"])
        yield from (np.asarray(signal["data"]) for signal in module.file_reader(str(path)))
    elif format == "brainvoyager":
        import bvbabel

        kind = path.suffix[1:].lower()
        voxels = getattr(getattr(bvbabel, kind), f"read_{kind}")(str(path))[1]
        stored = voxels[::-1, ::-1, ::-1].swapaxes(1, 2)  # its arrays are turned round
        yield stored
        yield np.moveaxis(stored, -1, 0)


def _of_netcdf(path: Path) -> Any:
    import netCDF4

    with netCDF4.Dataset(path) as file:
        for scaled, masked in ((False, False), (True, True), (True, False)):
            # it masks the library's own fill values too, which no attribute names; xarray doesn't
            file.set_auto_scale(scaled)
            file.set_auto_mask(masked)
            for variable in file.variables.values():
                if variable.ndim:
                    values = variable[...]
                    filled = isinstance(values, np.ma.MaskedArray) and values.dtype.kind == "f"
                    yield values.filled(np.nan) if filled else np.asarray(values)


def _of_pillow(format: str, path: Path) -> Any:
    from PIL import Image

    if format == "heif":
        import pillow_heif

        pillow_heif.register_heif_opener()
    with Image.open(path) as image:
        count = getattr(image, "n_frames", 1)
        if count == 1:
            yield np.asarray(image)
            yield np.asarray(image) == 0  # in PBM, 1 is black
            yield np.asarray(image.convert("RGBA"))
            return
        for mode in ("RGB", "RGBA"):
            frames = []
            for number in range(count):
                image.seek(number)
                frames.append(np.asarray(image.convert(mode)))
            yield np.stack(frames)


def _arrays(group: Any, depth: int = 4) -> Any:
    """Yield the arrays of a Zarr group and of those in it."""
    for name, member in group.members():
        if hasattr(member, "members"):
            yield from _arrays(member, depth - 1) if depth else ()
        else:
            yield name, member
