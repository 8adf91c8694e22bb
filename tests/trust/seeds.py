"""Small whole files of every format, which a campaign damages: by independent writers where there are any."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from tests.trust.seed_writers import LARGEST, WRITERS

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Seed:
    """What is opened, within a folder of its own that holds everything that belongs to it."""

    folder: Path
    opened: Path

    def files(self) -> list[Path]:
        """Return the files that can be damaged, relative to the folder."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [path.relative_to(self.folder) for path in found if path.stat().st_size]


def seeds(format: str, folder: Path, pattern: str = "*") -> list[Seed]:
    """Return the seeds of a format, written to or copied into new folders below `folder`.

    Only those whose names fit a pattern are taken.
    """
    made = folder / "made"
    made.mkdir(parents=True)
    WRITERS.get(format, lambda _: None)(made)
    sources = [*sorted(made.iterdir()), *_copied(format), *_cases(format), *_fetched(format)]
    found = []
    for number, source in enumerate(one for one in sources if fnmatch(one.name, pattern)):
        own = folder / str(number)
        own.mkdir()
        for path in _with_companions(source, format):
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, own / path.name)
        found.append(Seed(own, _opened(own / source.name)))
    shutil.rmtree(made)
    return [seed for seed in found if not _belongs(seed.opened)]


def _opened(copied: Path) -> Path:
    """Return what is opened: of a folder that ends in .set, the file that is called like it."""
    if copied.suffix == ".set":
        return next(path for path in copied.glob(f"{copied.stem}.*") if path.is_file())
    parameters = sorted(copied.rglob("visu_pars"))  # Bruker's voxels are opened, in a folder with these
    return parameters[0].with_name("2dseq") if parameters else copied


def _belongs(path: Path) -> bool:
    """Say whether a file is the data of a header beside it, and so no seed of its own."""
    companions = {".raw": [".mhd", ".nhdr"], ".zraw": [".mhd"], ".rec": [".par"], ".img": [".hdr"]}
    return any(path.with_suffix(end).exists() for end in companions.get(path.suffix.lower(), ()))


def _with_companions(source: Path, format: str) -> list[Path]:
    """Return a source and the small files beside it: named like it, by its text, or its format's parts."""
    if source.is_dir():
        return [source]
    from mlarray_io import Source
    from mlarray_io.engine.registry import installed

    stem, text = source.name.split(".")[0], source.read_bytes()[:4096]
    parts = installed().get(format).parts(Source(source))
    return [
        path
        for path in source.parent.iterdir()
        if path.is_file()
        and (path.name.startswith(f"{stem}.") or path.name.encode() in text or path in parts)
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
        "mrtrix": ["mrtrix/*.mif", "mrtrix/*.mif.gz", "mrtrix/*.mih"],
        "fits": ["fits/*.fits", "fits/*.fits.gz"],
        "netcdf": ["netcdf/*.nc"],
        "gdal": ["gdal/*.grib"],
        "klb": ["klb/*.klb"],
        "scanco": ["scanco/*.aim", "scanco/*.isq"],
        "brainvoyager": ["brainvoyager/*"],
        "interfile": ["raw/*.h33"],
        "envi": ["raw/b*.hdr", "raw/turned.hdr"],
        "esri": ["raw/esri.hdr", "raw/signed.hdr"],
        "n5": ["blocks/*.n5/raw", "blocks/*.n5/gzip", "blocks/*.n5/volumes/blosc", "blocks/*.n5/pyramid"],
        "precomputed": ["blocks/*.precomputed"],
        "ndtiff": ["ndtiff/*"],
    }
    return [path for pattern in patterns.get(format, ()) for path in sorted(DATA.glob(pattern))]


def _cases(format: str) -> Iterable[Path]:
    """Return small files of the shared cases that the registry takes for the format, 20 at most."""
    from mlarray_io.engine.registry import installed

    ends = tuple(installed().get(format).suffixes) or ("2dseq",)
    return _claimed("MLARRAY_CASES", format, ends)[::3][:20]


def _fetched(format: str) -> Iterable[Path]:
    """Return the small ones of the real files that were fetched, see scripts/real-files."""
    return _claimed("MLARRAY_REAL_FILES", format, ("",))


def _claimed(variable: str, format: str, ends: tuple[str, ...]) -> list[Path]:
    """Return the small files, of such endings, in the folder of a variable that are taken for a format."""
    from mlarray_io import Source
    from mlarray_io.engine.registry import installed

    folder = os.environ.get(variable)
    if not folder or format in ("mla", "pictures"):
        return []
    small = (
        path
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name.lower().endswith(ends) and path.stat().st_size < LARGEST
    )
    return [
        path for path in small if [one.name for one, _ in installed().claims(Source(path))][:1] == [format]
    ]
