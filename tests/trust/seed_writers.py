"""Writers of small whole files of each format: by independent programs where there are any."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

RNG = np.random.default_rng(7)
VOLUME = RNG.integers(-900, 900, (6, 20, 24)).astype(np.int16)
COLOUR = RNG.integers(0, 255, (24, 32, 3)).astype(np.uint8)
PICTURES = ("jpegxl", "jpegxr", "qoi", "avif", "heif", "gif", "animation", "tga", "pnm", "exr")
LARGEST = 300_000
"""Bytes of a shared case that is taken as a seed: larger ones only take longer."""


def _mla(folder: Path) -> None:
    from tests.trust import samples

    samples.sealed(folder)
    for path in folder.iterdir():
        if path.stat().st_size > LARGEST:
            path.unlink()


def _nifti(folder: Path) -> None:
    import nibabel

    header = nibabel.Nifti1Header()
    header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"made for a test"))
    nibabel.save(nibabel.Nifti1Image(VOLUME, np.diag([2, 1, 1, 1]), header), folder / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Pair(VOLUME, np.eye(4)), folder / "pair.hdr")
    nibabel.save(nibabel.Nifti2Image(VOLUME.astype("f4"), np.eye(4)), folder / "two.nii")


def _itk(suffix: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        from tests.by_simpleitk import by_simpleitk, text_vtk

        for dtype in ("i2", "u1", "f4"):
            by_simpleitk(folder / f"{dtype}{suffix}", dtype)
        if suffix == ".vtk":
            text_vtk(folder / "text.vtk")
        if suffix == ".gipl":
            by_simpleitk(folder / "packed.gipl.gz")
        if suffix == ".mha":
            by_simpleitk(folder / "split.mhd")

    return write


def _bruker(folder: Path) -> None:
    from tests.by_simpleitk import bruker

    bruker(folder / "1")


def _mgh(folder: Path) -> None:
    import nibabel

    nibabel.save(nibabel.MGHImage(VOLUME.astype("i4"), np.eye(4)), folder / "a.mgz")
    nibabel.save(nibabel.MGHImage(VOLUME.astype("f4"), np.eye(4)), folder / "b.mgh")


def _mrc(folder: Path) -> None:
    import mrcfile

    for name, voxels in (("a", VOLUME), ("b", VOLUME.astype("f4")), ("c", VOLUME.astype("f2"))):
        with mrcfile.new(folder / f"{name}.mrc") as file:
            file.set_data(voxels)
            file.voxel_size = (1, 2, 3)


def _mat(folder: Path) -> None:
    import scipy.io

    content = {"vol": VOLUME, "name": "text"}
    scipy.io.savemat(folder / "a.mat", content)
    scipy.io.savemat(folder / "b.mat", content, do_compression=True)


def _numpy(folder: Path) -> None:
    np.save(folder / "a.npy", VOLUME)
    np.save(folder / "b.npy", np.asfortranarray(VOLUME.astype(">f4")))
    np.savez(folder / "c.npz", image=VOLUME)
    np.savez_compressed(folder / "d.npz", image=VOLUME)


def _pictures(folder: Path) -> None:
    import imagecodecs
    from PIL import Image

    for suffix in ("png", "jpg", "bmp", "webp"):
        Image.fromarray(COLOUR).save(folder / f"{suffix}.{suffix}")
    Image.fromarray(COLOUR[..., 0]).save(folder / "grey.png")
    Image.fromarray(COLOUR[..., 0].astype("u2") * 9).save(folder / "deep.png")
    Image.fromarray(COLOUR).quantize(17).save(folder / "palette.png")
    Image.fromarray(COLOUR).save(folder / "progressive.jpg", progressive=True)
    (folder / "wave.jp2").write_bytes(imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="jp2"))
    (folder / "wave.j2k").write_bytes(imagecodecs.jpeg2k_encode(COLOUR[..., 0], level=0, codecformat="j2k"))


def _hdf5(folder: Path) -> None:
    import h5py

    packings: dict[str, dict[str, object]] = {
        "plain": {},
        "gzip": {"chunks": (3, 10, 8), "compression": "gzip", "shuffle": True, "fletcher32": True},
        "lzf": {"chunks": (3, 10, 8), "compression": "lzf"},
        "scale": {"chunks": (6, 20, 24), "scaleoffset": 0},
    }
    for name, packing in packings.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.create_dataset("image", data=VOLUME, **packing)
            file["image"].attrs["unit"] = "mm"
    with h5py.File(folder / "new.h5", "w", libver="latest") as file:
        file.create_dataset("deep/image", data=VOLUME, chunks=(3, 10, 8), compression="gzip")
    _beamlines(folder)


def _mzarr(folder: Path) -> None:
    import warnings

    from tests.mzarr.test_format import write_mzarr

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        write_mzarr(folder / "a.mzarr", VOLUME.astype("u2"), (4, 10, 10), {"spacing": [1, 2, 3]})


def _zarr(folder: Path) -> None:
    from tests.zarr.test_format import write_samples

    write_samples(folder)


def _tiff(folder: Path) -> None:
    import tifffile

    grey, plane = VOLUME[:3].astype("u2"), COLOUR
    tifffile.imwrite(folder / "plain.tif", grey)
    tifffile.imwrite(folder / "imagej.tif", grey, imagej=True)
    tifffile.imwrite(folder / "volume.ome.tif", grey, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5})
    tifffile.imwrite(folder / "big.tif", grey, bigtiff=True, byteorder=">")
    tifffile.imwrite(
        folder / "float.tif", grey[0].astype("f4"), tile=(16, 16), compression="zlib", predictor=True
    )
    for name in ("lzw", "zlib", "zstd", "lzma", "packbits", "lerc", "png"):
        tifffile.imwrite(folder / f"{name}.tif", grey[0], compression=name)
    for name in ("jpeg", "jpeg2000", "webp", "jpegxl", "jpegxr"):
        tifffile.imwrite(folder / f"{name}.tif", plane, compression=name, photometric="rgb", tile=(16, 16))
    with tifffile.TiffWriter(folder / "levels.tif") as file:
        file.write(plane, subifds=1, photometric="rgb", tile=(16, 16))
        file.write(plane[::2, ::2], subfiletype=1, photometric="rgb", tile=(16, 16))
    _microscopes(folder, grey)


def _microscopes(folder: Path, grey: np.ndarray) -> None:
    from tests.tiff.microscope_files import write_lsm, write_mmstack, write_stk

    sizes = {"X": grey.shape[2], "Y": grey.shape[1], "Z": 3, "Channels": 1, "Time": 1}
    write_lsm(folder / "planes.lsm", grey, 0, sizes, metres=(1e-7, 1e-7, 1e-6))
    moments = [(2459278, number) for number in range(3)]
    write_stk(folder / "planes.stk", grey, depths=[0.5] * 3, moments=moments, size=(1, 1))
    summary = {"MicroManagerVersion": "2.0.0", "Frames": 3, "Slices": 1, "Channels": 1, "Interval_ms": 5}
    planes = [((0, 0, t, 0), plane, {"ElapsedTime-ms": t}) for t, plane in enumerate(grey)]
    write_mmstack(folder / "times_MMStack.tif", planes, summary)


def _dicom(folder: Path) -> None:
    from pydicom.data import get_testdata_file

    from tests.dicom.written import write_series

    write_series(folder / "series", VOLUME[:3], np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]], RescaleSlope=2)
    for name in (
        "CT_small",
        "MR_small",
        "MR_small_RLE",
        "JPEG2000",
        "SC_rgb_rle",
        "rtdose",
        "MR_small_jpeg_ls_lossless",
    ):
        path = get_testdata_file(f"{name}.dcm", download=False)
        if path is not None:
            shutil.copyfile(str(path), folder / f"{name}.dcm")
    from tests.dicom.pixels.test_film import H264, encoded, save

    save(folder / "film.dcm", [encoded("mp4", "libx264")], H264)


def _beamlines(folder: Path) -> None:
    import h5py

    from tests.hdf5.test_experiments import nexus

    nexus(folder / "scan.nxs")
    with h5py.File(folder / "exchange.h5", "w") as file:
        file["implements"] = "exchange"
        file["exchange/data"], file["exchange/theta"] = VOLUME, np.arange(6.0)
        file["exchange/data"].attrs["axes"] = "theta:y:x"


def _vgi(folder: Path) -> None:
    for name, kind, dtype in (("a", "unsigned integer", "u2"), ("b", "float", "f4")):
        voxels = VOLUME.astype(dtype)
        (folder / f"{name}.vgi").write_text(
            "{volume1}\n[representation]\nsize = 24 20 6\n"
            f"datatype = {kind}\nbitsperelement = {8 * voxels.itemsize}\n"
            "[file1]\nSkipHeader = 0\nFileFormat = raw\nSize = 24 20 6\n"
            f"Name = {name}.vol\nDatatype = {kind}\nBitsPerElement = {8 * voxels.itemsize}\n"
            "{volumeprimitive1}\n[geometry]\nresolution = 0.05 0.05 0.06\nunit = mm\n"
        )
        voxels.tofile(folder / f"{name}.vol")


def _interfile(folder: Path) -> None:
    from tests.raw.test_headers import CONTENT, HV

    (folder / "pet.hv").write_text(HV)
    (folder / "pet.v").write_bytes(CONTENT)


def _rosettasciio(folder: Path) -> None:
    from tests.rosettasciio.test_format import write_blo, write_emd

    write_blo(folder / "a.blo")
    write_emd(folder / "a.emd")


def _oif(folder: Path) -> None:
    from tests.oif.made import write_oib, write_oif

    voxels = np.abs(VOLUME[:4]).astype("u2").reshape(2, 2, 20, 24)
    write_oib(folder / "a.oib", voxels)
    (folder / "b.set").mkdir()
    write_oif(folder / "b.set" / "b.oif", voxels)


def _micromanager(folder: Path) -> None:
    from tests.ndtiff.made import write_folder

    for version in (1, 2):
        write_folder(folder / f"version{version}", version)


def _openslide(folder: Path) -> None:
    from tests.openslide.made import write_mirax, write_vmu

    for name in ("a", "b"):
        (folder / f"{name}.set").mkdir()
    write_mirax(folder / "a.set" / "a.mrxs", [RNG.integers(0, 255, (64, 128, 3)).astype(np.uint8)])
    write_vmu(folder / "b.set" / "b.vmu", RNG.integers(0, 4095, (24, 32, 3)).astype("u2"))


def _fits(folder: Path) -> None:
    from astropy.io import fits

    unit = fits.PrimaryHDU(VOLUME)
    unit.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 0.1, "CDELT2": 0.1})
    unit.writeto(folder / "plain.fits")
    unit.writeto(folder / "packed.fits.gz")
    fits.PrimaryHDU(VOLUME.astype("u2")).writeto(folder / "other_sign.fits")
    scaled = fits.PrimaryHDU(VOLUME)
    scaled.scale("int16", "old", bscale=0.5, bzero=7)
    scaled.writeto(folder / "scaled.fits")
    fits.PrimaryHDU(VOLUME.astype("f4")).writeto(folder / "real.fits.gz")
    for name, dtype in (("RICE_1", "i2"), ("GZIP_2", "i4"), ("HCOMPRESS_1", "i2"), ("RICE_1", "f4")):
        tiles = fits.CompImageHDU(VOLUME.astype(dtype), compression_type=name, tile_shape=(1, 20, 24))
        fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(folder / f"{name}_{dtype}.fits")


def _netcdf(folder: Path) -> None:
    import netCDF4

    for form in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4"):
        with netCDF4.Dataset(folder / f"{form.lower()}.nc", "w", format=form) as file:
            for name, size in (("time", 6), ("lat", 20), ("lon", 24)):
                file.createDimension(name, size)
                file.createVariable(name, "f8", (name,))[:] = np.arange(size) * 0.5
            file["time"].units, file["lat"].units = "hours since 2000-01-01", "degrees_north"
            found = file.createVariable("t", "i2", ("time", "lat", "lon"), zlib=form == "NETCDF4")
            found.scale_factor, found.add_offset = 0.01, 273.15
            found[:] = VOLUME * 0.01 + 273.15


def _gdal(folder: Path) -> None:
    from tests.gdal.test_format import BANDS, GRID, write

    write(folder / "a.img", "HFA")
    write(folder / "packed.img", "HFA", COMPRESSED="YES")
    write(folder / "a.ntf", "NITF", BANDS[:1], crs=None)
    write(folder / "a.jp2", "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", GMLJP2="NO")
    (folder / "a.asc").write_text(GRID)


def _film(folder: Path) -> None:
    from tests.films.test_format import COLOUR, DEEP, SMOOTH, encode

    encode(folder / "exact.avi", COLOUR, "rgb24", "-c:v", "ffv1", "-pix_fmt", "bgr0")
    encode(folder / "deep.mkv", DEEP, "gray16le", "-c:v", "ffv1", "-pix_fmt", "gray16le")
    encode(folder / "smooth.mp4", SMOOTH, "rgb24", "-c:v", "libx264", "-pix_fmt", "yuv420p")


def _frames(kind: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import imagecodecs
        from PIL import Image

        grey = COLOUR[..., 0]
        several = [
            Image.fromarray(COLOUR),
            Image.fromarray(COLOUR[::-1].copy()),
            Image.fromarray(COLOUR // 2),
        ]
        film: dict[str, Any] = {"save_all": True, "append_images": several[1:], "duration": [100, 250, 40]}
        if kind == "jpegxl":
            for at, pixels in enumerate((grey, COLOUR, grey * np.uint16(9), np.stack([COLOUR] * 3))):
                (folder / f"{at}.jxl").write_bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))
        elif kind == "jpegxr":
            for at, pixels in enumerate((grey, COLOUR, grey * np.uint16(9))):
                (folder / f"{at}.jxr").write_bytes(imagecodecs.jpegxr_encode(pixels))
        elif kind == "qoi":
            (folder / "a.qoi").write_bytes(imagecodecs.qoi_encode(COLOUR))
        elif kind == "avif":
            several[0].save(folder / "a.avif", quality=90)
            several[0].save(folder / "film.avif", **film)
        elif kind == "heif":
            import pillow_heif

            pillow_heif.from_pillow(several[0]).save(folder / "a.heic", quality=-1)
        elif kind == "gif":
            Image.fromarray(grey // 16).convert("P").save(folder / "a.gif")
            several[0].save(folder / "film.gif", **film)
        elif kind == "animation":
            several[0].save(folder / "film.apng", format="PNG", **film)
            several[0].save(folder / "film.webp", lossless=True, **film)
        elif kind == "tga":
            Image.fromarray(grey).save(folder / "grey.tga", compression="tga_rle")
            Image.fromarray(COLOUR).save(folder / "colour.tga")
        elif kind == "pnm":
            Image.fromarray(grey > 99).save(folder / "bits.pbm")
            Image.fromarray(COLOUR).save(folder / "colour.ppm")
            Image.fromarray(grey.astype("f4")).save(folder / "real.pfm")
            text = " ".join(map(str, grey.ravel()))
            (folder / "plain.pgm").write_text(f"P2 # made by hand\n32 24\n255\n{text}\n")
        else:
            import OpenEXR

            head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
            for name, dtype in (("half", "f2"), ("real", "f4")):
                channels = {"RGB": (COLOUR / 255).astype(dtype)}
                with OpenEXR.File(head, channels) as file:
                    file.write(str(folder / f"{name}.exr"))

    return write


WRITERS: dict[str, Callable[[Path], None]] = {
    "mla": _mla, "nifti": _nifti, "metaimage": _itk(".mha"), "gipl": _itk(".gipl"), "vtk": _itk(".vtk"),
    "bruker": _bruker, "mgh": _mgh, "mrc": _mrc, "mat": _mat, "numpy": _numpy, "pictures": _pictures,
    "hdf5": _hdf5, "mzarr": _mzarr, "zarr": _zarr, "tiff": _tiff, "dicom": _dicom,
    "interfile": _interfile, "vgi": _vgi, "rosettasciio": _rosettasciio, "oif": _oif, "openslide": _openslide,
    "micromanager": _micromanager,
    "fits": _fits, "netcdf": _netcdf, "gdal": _gdal, "film": _film,
    **{kind: _frames(kind) for kind in PICTURES},
}  # fmt: skip
