"""Common formats that aren't read: how to know them, what they are called, and a way out.

Used for errors alone: a source that no installed format takes is looked up here, so that the message names
what it is. A plugin that reads one of them needs no change here, since its claim comes first.
"""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.sdk.source import Source, suffix_length

if TYPE_CHECKING:
    from mlarray_io.engine.registry import Registry

BIOFORMATS = "Convert it to OME-TIFF with Fiji or bfconvert (Bio-Formats), or to OME-Zarr with bioformats2raw"
SLIDE = "Convert it to OME-TIFF with bioformats2raw and raw2ometiff, or with vips tiffsave"
VSI = "Convert it to OME-TIFF with bioformats2raw and raw2ometiff, or with convert_scene of slideio"
GDAL = "Convert it to GeoTIFF: gdal_translate -of GTiff IN OUT.tif"
PICTURE = "Convert it to PNG or TIFF, such as with ImageMagick: magick IN OUT.png"
VIDEO = "Take its frames out as PNG: ffmpeg -i IN frames/%06d.png"
ELECTRONS = "Convert it to TIFF, MRC or HDF5, such as with HyperSpy or rosettasciio"
UNPACK = "Unpack it first, and name what is in it"
PROBES = "Convert it to TIFF, such as with Gwyddion"
DIFFRACTION = "Convert it to TIFF or HDF5, such as with fabio-convert of FabIO"
NOTHING = "It holds no image"


SHORT = 4
"""Bytes of a signature that voxels may begin with too."""


@dataclass(frozen=True)
class Foreign:
    """A format that isn't read.

    Parameters
    ----------
    name
        What people call it, with its article.
    hint
        What to do instead.
    suffixes
        Of its files, lower case, with their dot.
    signatures
        Bytes at an offset, any of which tells it.
    """

    name: str
    hint: str
    suffixes: tuple[str, ...] = ()
    signatures: tuple[tuple[int, bytes], ...] = ()


def _at(start: bytes, offset: int = 0) -> tuple[int, bytes]:
    return offset, start


_ZIP = _at(b"PK\x03\x04")
_OLE = _at(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

TABLE = (
    # microscopy
    Foreign(
        "a Leica XLEF, which refers to other files",
        "Name the .lof files that it refers to, one by one",
        (".xlef", ".xlcf", ".xlif"),
    ),
    Foreign("an Olympus OIR", BIOFORMATS, (".oir", ".poir")),
    Foreign("a Zeiss ZVI", BIOFORMATS, (".zvi",)),
    Foreign("an Olympus VSI slide", VSI, (".vsi", ".ets")),
    Foreign("a Philips iSyntax slide", SLIDE, (".isyntax",)),
    Foreign("an OBF or MSR of Imspector", BIOFORMATS, (".obf", ".msr"), (_at(b"OMAS_BF"),)),
    Foreign(
        "a PicoQuant PTU", "Bin its photons into an image, such as with ptufile", (".ptu",), (_at(b"PQTTTR"),)
    ),
    Foreign("a Becker & Hickl SDT", BIOFORMATS, (".sdt",)),
    Foreign("an Andor SIF", BIOFORMATS, (".sif",), (_at(b"Andor Technology"),)),
    Foreign("a Princeton SPE", BIOFORMATS, (".spe",)),
    Foreign("a Zeiss Xradia TXM", "Export TIFF from the scanner's software", (".txm", ".txrm", ".xrm")),
    Foreign("a compound file of Microsoft's OLE (ZVI, TXM or an office document)", BIOFORMATS, (), (_OLE,)),
    Foreign("a Renishaw WDF", ELECTRONS, (".wdf",), (_at(b"WDF1"),)),
    Foreign("an ICS or IDS", BIOFORMATS, (".ics", ".ids"), (_at(b"ics_version", 2),)),
    Foreign("a DeltaVision", BIOFORMATS, (".dv", ".r3d")),
    Foreign("a Bio-Rad PIC", BIOFORMATS, (".pic",)),
    Foreign("a Leica LEI, which refers to other files", "Name the TIFF files that it refers to", (".lei",)),
    Foreign("a MetaMorph ND, which refers to other files", "Name the .stk or .tif files beside it", (".nd",)),
    Foreign(
        "a plate of a GE InCell, which refers to other files", "Name the .tif files beside it", (".xdce",)
    ),
    Foreign("an Opera Flex", BIOFORMATS, (".flex",)),
    Foreign("a Volocity library", BIOFORMATS, (".mvd2",)),
    Foreign("an Image-Pro workspace", BIOFORMATS, (".ipw",)),
    Foreign("a Bio-Rad gel", BIOFORMATS, (".1sc",)),
    Foreign("an SPC (photons of Becker & Hickl, or a spectrum)", "Bin its photons into an image", (".spc",)),
    # probes that scan a surface
    Foreign("a Gwyddion file", PROBES, (".gwy",), (_at(b"GWYP"),)),
    Foreign("a Nanonis SXM", PROBES, (".sxm",), (_at(b":NANONIS_VERSION:"),)),
    Foreign("a file of a probe microscope", PROBES, (".ibw", ".nid", ".jpk", ".mi", ".afm", ".spm")),
    # diffraction
    Foreign("a CBF of a detector", DIFFRACTION, (".cbf",), (_at(b"###CBF: VERSION"),)),
    Foreign("an image of an ADSC detector", DIFFRACTION, (), (_at(b"{\nHEADER_BYTES="),)),
    Foreign("an EDF (images of the ESRF, or an EEG)", DIFFRACTION, (".edf",)),
    Foreign("reflections of a crystal (MTZ)", NOTHING, (".mtz",), (_at(b"MTZ "),)),
    # other volumes
    Foreign(
        "an AmiraMesh",
        "Export it from Amira or Avizo as TIFF or NRRD",
        (".am", ".hx"),
        (_at(b"# AmiraMesh"), _at(b"# Avizo"), _at(b"# Amira Project")),
    ),
    Foreign(
        "an Inrimage",
        "Convert it to NIfTI or MetaImage with the program that wrote it",
        (".inr",),
        (_at(b"#INRIMAGE-4#"),),
    ),
    Foreign(
        "a Sun VFF", "Read its voxels as its text tells them: --from raw -o shape=... -o dtype=...", (".vff",)
    ),
    Foreign(
        "tables of LabVIEW (TDMS)", "Take its arrays out, such as with npTDMS", (".tdms",), (_at(b"TDSm"),)
    ),
    Foreign("a Varian XIM", "Export it as DICOM", (".xim",), (_at(b"VMS.XIM"),)),
    Foreign(
        "a Varian FDF",
        "Convert it to NIfTI or DICOM with the scanner's programs",
        (".fdf",),
        (_at(b"#!/usr/local/fdf/startup"),),
    ),
    Foreign(
        "signals of MR before reconstruction",
        "Reconstruct them first, with the scanner's programs",
        (".fid",),
    ),
    Foreign("a spectrum of a Philips scanner", "Convert it with spec2nii", (".sdat", ".spar")),
    # electron microscopy
    Foreign(
        "a JEOL ASW, which refers to other files",
        "Name the .img and .map files that it refers to, one by one",
        (".asw",),
    ),
    Foreign("photons that JEOL's Analysis Station counted (PTS)", ELECTRONS, (".pts",)),
    Foreign("a Bruker BCF", ELECTRONS, (".bcf",), (_at(b"AAMVHFSS"),)),
    # medicine
    Foreign("a Dose or plan of a treatment system", "Export it as DICOM", (".pinfo", ".dvh")),
    # astronomy, climate, earth
    Foreign(
        "an HDF4",
        f"Convert it to HDF5 with h4toh5. {GDAL}",
        (".hdf", ".hdf4", ".h4"),
        (_at(b"\x0e\x03\x13\x01"),),
    ),
    Foreign("an ESRI grid in binary form", GDAL, (".adf",)),
    Foreign("a PCIDSK", GDAL, (".pix",), (_at(b"PCIDSK"),)),
    Foreign("an ISIS cube", GDAL, (".cub",)),
    # pictures and videos
    Foreign("a Photoshop document", PICTURE, (".psd", ".psb"), (_at(b"8BPS"),)),
    Foreign(
        "a picture of a format of the nineties",
        PICTURE,
        (".pcx", ".ico", ".xbm", ".xpm", ".ras", ".sgi"),
    ),
    Foreign("a camera's raw picture", PICTURE, (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".raf")),
    Foreign(
        "a video",
        VIDEO,
        (".flv", ".ogv", ".ts", ".vob", ".mng", ".fli", ".flc", ".cine"),
        (_at(b"ftyp", 4), _at(b"FLV\x01"), _at(b"OggS")),
    ),
    # no images
    Foreign(
        "a set of streamlines", NOTHING, (".tck", ".trk", ".trx"), (_at(b"mrtrix tracks"), _at(b"TRACK\0"))
    ),
    Foreign(
        "a surface",
        NOTHING,
        (".stl", ".ply", ".obj", ".vtp", ".off", ".surf", ".pial", ".white", ".inflated"),
        (_at(b"\xff\xff\xfe"),),
    ),
    Foreign("a GIFTI of a surface, or of values and labels on its vertices", NOTHING, (".gii",)),
    Foreign(
        "a PET scanner's raw data, before reconstruction",
        "Reconstruct it first, with the scanner's programs or STIR",
        (".rdf", ".ptd"),
    ),
    Foreign(
        "a table of vertices or labels of FreeSurfer",
        NOTHING,
        (".annot", ".label", ".thickness", ".curv", ".sulc"),
    ),
    Foreign("a table", NOTHING, (".csv", ".tsv", ".xls", ".xlsx", ".parquet", ".ods", ".bval", ".bvec")),
    Foreign(
        "a document",
        NOTHING,
        (
            ".pdf",
            ".doc",
            ".docx",
            ".odt",
            ".ppt",
            ".pptx",
            ".md",
            ".txt",
            ".html",
            ".xml",
            ".json",
            ".yaml",
            ".yml",
        ),
        (_at(b"%PDF"),),
    ),
    Foreign(
        "a model or a pickle of Python, which is never opened",
        NOTHING,
        (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".safetensors"),
    ),
    Foreign(
        "an archive",
        UNPACK,
        (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"),
        (_ZIP, _at(b"7z\xbc\xaf"), _at(b"Rar!"), _at(b"ustar", 257)),
    ),
)
"""Signatures are those of the formats' own documents, or of file(1) where those are not public."""

MIRAX = Foreign("a MIRAX slide", "Put the folder of its name, with Slidedat.ini in it, beside it")
HAMAMATSU = Foreign("a picture of a Hamamatsu camera", "Export TIFF from its program, HiPic or HPD-TA")

_PREVIEWS = {".mrxs": (b"\xff\xd8",), ".vsi": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")}
"""How the previews of slides begin: as JPEG (ITU T.81, B.2.1) and TIFF (6.0 and BigTIFF) do."""


_PROGRAMS = {
    b"\x1f\x8b": ("gzip", "gzip -dk", ".gz"),
    b"BZh": ("bzip2", "bzip2 -dk", ".bz2"),
    b"\xfd7zXZ": ("xz", "xz -dk", ".xz"),
    b"\x28\xb5\x2f\xfd": ("Zstandard", "zstd -d", ".zst"),
}
"""How packed files begin, with what they are packed, what unpacks them and keeps them, and its suffix."""
_ENDS = tuple(end for _, _, end in _PROGRAMS.values())


def recognised(source: Source) -> Foreign | None:
    """Return what a source is by its first bytes, by the files beside it or by its name.

    Tables, documents and models are often ZIPs or OLE inside: there the name says more than the first bytes.
    """
    found, named = by_content(source), by_name(source.name)
    if named is not None and not source.is_dir and source.head.startswith((_ZIP[1], _OLE[1])):
        return named
    return found or named


def by_content(source: Source, *, certain: bool = False) -> Foreign | None:
    """Return what a source is by its first bytes or by the header beside it, None when those say nothing.

    Parameters
    ----------
    source
        The file or folder.
    certain
        Only by signatures that other files hardly ever have: those of a few bytes are left out.
    """
    if source.is_dir:
        return None
    for foreign in TABLE:
        for at, start in foreign.signatures:
            if source.head[at : at + len(start)] == start and (len(start) > SHORT or not certain):
                return foreign
    return _described(source)


def by_name(name: str) -> Foreign | None:
    """Return what a file is by its suffix, the longest one that fits; None for a suffix that is unknown."""
    lengths = [(suffix_length(name, foreign.suffixes), foreign) for foreign in TABLE if foreign.suffixes]
    length, foreign = max(lengths, key=lambda one: one[0])
    return foreign if length else None


def stand_in(source: Source) -> Foreign | None:
    """Return of which slide a file is only the preview, in a format that is read; None for other files.

    MIRAX has a JPEG and VSI a TIFF beside the folder with the slide: read as what they are, they would be
    taken for it, whether the folder came along or not (OpenSlide knows both the same way).
    """
    suffix = next((suffix for suffix in _PREVIEWS if source.has_suffix(suffix)), None)
    if suffix is None or source.is_dir or _has_slide(source, suffix):
        return None
    if not (source.head.startswith(_PREVIEWS[suffix]) or _has_slide_folder(source, suffix)):
        return None
    slide = MIRAX if suffix == ".mrxs" else by_name(source.name)
    return None if slide is None else replace(slide, name=f"the preview of {slide.name}")


def _has_slide(source: Source, suffix: str) -> bool:
    """Say whether a MIRAX is whole, which is read."""
    folder = source.path.with_suffix("")
    return suffix == ".mrxs" and source.url is None and (folder / "Slidedat.ini").is_file()


def _has_slide_folder(source: Source, suffix: str) -> bool:
    stem = source.path.with_suffix("")
    folder = stem if suffix == ".mrxs" else stem.with_name(f"_{stem.name}_")
    return source.url is None and folder.is_dir()


def _described(source: Source) -> Foreign | None:
    """Return what a file is by the text that Hamamatsu's ``.img`` has behind 64 bytes."""
    suffix = source.path.suffix.lower()
    if suffix == ".img" and source.head.startswith(b"IM") and source.head[64:].startswith(b"[Application]"):
        return HAMAMATSU
    return None


def inside(source: Source, registry: Registry) -> Foreign | None:
    """Return which format is packed in a file, by its first bytes; None where nobody knows it.

    Parameters
    ----------
    source
        The file.
    registry
        Whose formats are asked about the beginning of what is in it, 64 KiB at most.
    """
    if source.is_dir:
        return None
    known = next((told for start, told in _PROGRAMS.items() if source.head.startswith(start)), None)
    what = None if known is None else _content(_plain_name(source.name), source.plain_head, registry)
    if known is None or what is None:
        return None
    packing, command, end = known
    way = NOTHING if what.hint == NOTHING else _way_to_unpack(source, command, end)
    return Foreign(f"{what.name} packed with {packing}", way)


def _way_to_unpack(source: Source, command: str, end: str) -> str:
    """Return what to do with a packed file: a line for the shell where it is here."""
    program, quoted = command.split()[0], shlex.quote(str(source.where))
    if not isinstance(source.where, Path):
        return f"Fetch it and unpack it first: {program} does"
    if not source.name.endswith(end):  # the programs take no file without their suffix
        return f"Unpack it first: {program} -dc {quoted} > FILE"
    return f"Unpack it first: {command} {quoted}"


def _plain_name(name: str) -> str:
    end = next((end for end in _ENDS if name.lower().endswith(end)), "")
    return (name[: len(name) - len(end)] if end else name) or "packed"


def _content(name: str, content: bytes, registry: Registry) -> Foreign | None:
    """Return what a file is that is called and begins so; formats look at files, so it is made one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        try:
            path.write_bytes(content)
            source = Source(path)
            claim = registry.surest(source)
            if claim is not None:
                return Foreign(f"a file of the format {claim[0].name}", "")
            return recognised(source)
        except (OSError, MLArrayError):  # a name that this system can't have
            return None
