"""Small whole files of every format, which a campaign damages: by independent writers where there are any."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DATA = Path(__file__).parents[1] / "data"
RNG = np.random.default_rng(7)
VOLUME = RNG.integers(-900, 900, (6, 20, 24)).astype(np.int16)
COLOUR = RNG.integers(0, 255, (24, 32, 3)).astype(np.uint8)
LARGEST = 300_000
"""Bytes of a shared case that is taken as a seed: larger ones only take longer."""


@dataclass(frozen=True)
class Seed:
    """What is opened, within a folder of its own that holds everything that belongs to it."""

    folder: Path
    opened: Path

    def files(self) -> list[Path]:
        """Return the files that can be damaged, relative to the folder."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [path.relative_to(self.folder) for path in found if path.stat().st_size]


def seeds(format: str, folder: Path) -> list[Seed]:
    """Return the seeds of a format, written to or copied into new folders below `folder`."""
    made = folder / "made"
    made.mkdir(parents=True)
    WRITERS.get(format, lambda _: None)(made)
    sources = [*sorted(made.iterdir()), *_copied(format), *_cases(format)]
    found = []
    for number, source in enumerate(sources):
        own = folder / str(number)
        own.mkdir()
        for path in _with_companions(source):
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, own / path.name)
        parameters = sorted(own.rglob("visu_pars"))  # Bruker's voxels are opened, in a folder with these
        found.append(Seed(own, parameters[0].with_name("2dseq") if parameters else own / source.name))
    shutil.rmtree(made)
    return [seed for seed in found if not _belongs(seed.opened)]


def _belongs(path: Path) -> bool:
    """Say whether a file is the data of a header beside it, and so no seed of its own."""
    companions = {".raw": [".mhd", ".nhdr"], ".zraw": [".mhd"], ".rec": [".par"], ".img": [".hdr"]}
    return any(path.with_suffix(end).exists() for end in companions.get(path.suffix.lower(), ()))


def _with_companions(source: Path) -> list[Path]:
    """Return a source and the small files beside it that are named like it, or that its text names."""
    if source.is_dir():
        return [source]
    stem, text = source.name.split(".")[0], source.read_bytes()[:4096]
    return [
        path
        for path in source.parent.iterdir()
        if path.is_file()
        and (path.name.startswith(f"{stem}.") or path.name.encode() in text)
        and path.stat().st_size < 2 << 20
    ]


def _copied(format: str) -> Iterable[Path]:
    patterns = {
        "nifti": ["nifti/*.nii", "nifti/*.nii.gz", "nifti/minimal.hdr.gz"],
        "nrrd": ["nrrd/*.nrrd"],
        "metaimage": ["metaimage/*.mha"],
        "minc": ["nibabel/*.mnc"],
        "ecat": ["nibabel/*.v"],
        "mgh": ["nibabel/*.mgz"],
    }
    return [path for pattern in patterns.get(format, ()) for path in sorted(DATA.glob(pattern))]


def _cases(format: str) -> Iterable[Path]:
    """Return the small files of the shared cases that the registry takes for the format, 20 at most."""
    from mlarray_io import Source
    from mlarray_io.engine.registry import installed

    folder = os.environ.get("MLARRAY_CASES")
    if not folder or format in ("mla", "pictures"):
        return []
    suffixes = tuple(installed().get(format).suffixes) or ("2dseq",)
    small = (
        path
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name.lower().endswith(suffixes) and path.stat().st_size < LARGEST
    )
    claimed = (
        path for path in small if [one.name for one, _ in installed().claims(Source(path))][:1] == [format]
    )
    return list(claimed)[::3][:20]


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


WRITERS: dict[str, Callable[[Path], None]] = {
    "mla": _mla, "nifti": _nifti, "metaimage": _itk(".mha"), "gipl": _itk(".gipl"), "vtk": _itk(".vtk"),
    "bruker": _bruker, "mgh": _mgh, "mrc": _mrc, "mat": _mat, "numpy": _numpy, "pictures": _pictures,
    "hdf5": _hdf5, "mzarr": _mzarr, "zarr": _zarr, "tiff": _tiff, "dicom": _dicom,
}  # fmt: skip
