"""A file opened by tifffile, after everything that could lead it astray was checked."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tifffile import TiffFile

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsafeError, UnsupportedError
from mlarray_tiff.markup import check_markup, children, parse_markup
from mlarray_tiff.ome.read import FIELD, OmeImage, check_ome, companion_of, read_ome, resolve
from mlarray_tiff.read import micromanager
from mlarray_tiff.scales import number
from mlarray_tiff.scan import scan
from mlarray_tiff.signature import is_companion, recognise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from tifffile import TiffPageSeries

LONGEST_COMPANION = 256 << 20
_BESIDE = ("mmstack", "ndtiff")

# tifffile logs damage and goes on; what matters is checked here, so nothing goes to the terminal
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass
class OpenTiff:
    """An open file and its OME-XML.

    Parameters
    ----------
    file
        From tifffile.
    path
        What the user named; `file` is another one when that was a companion.
    pages
        How many pages the chain of the file has.
    xml
        OME-XML, verbatim; empty when there is none or it isn't heeded.
    images
        What it says, for each series.
    companion
        The file that the XML came from, when it isn't the TIFF file.
    """

    file: TiffFile
    path: Path
    pages: int
    xml: str = ""
    images: list[OmeImage] = field(default_factory=list)
    companion: str = ""

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def series(self) -> list[TiffPageSeries]:
        """Return the series, all of whose pages exist.

        Raises
        ------
        CorruptError
            Pages are missing, or tifffile can't make series of them.
        """
        with understood(self.path):
            series = list(self.file.series)
        if not series:
            raise CorruptError("holds no image", path=self.path)
        if self.xml and series[0].kind != "ome":
            raise CorruptError(
                "its pages don't fit its OME-XML",
                path=self.path,
                hint="Read them in the order in which they lie with -o ome=no",
            )
        _check_imagej(self.file, series, self.path)
        if series[0].kind == micromanager.KIND:
            with understood(self.path):
                series = micromanager.by_position(series[0])
        if self.images:
            self.images = _matched(series, self.images)
        return series


def _check_imagej(file: TiffFile, series: list[TiffPageSeries], path: Path) -> None:
    """Refuse an ImageJ stack that ends early, of which tifffile gives the planes that have pages.

    Over 4 GB ImageJ writes one page, and the other planes behind its voxels (ImageJ, `TiffDecoder`).
    """
    if not file.is_imagej or series[0].kind in ("imagej", "ome"):
        return
    planned = int(number((file.imagej_metadata or {}).get("images")))
    if planned > len(file.pages):
        page = file.pages.first
        room = file.filehandle.size - int(page.dataoffsets[0])
        held = max(len(file.pages), room // page.nbytes if page.is_contiguous and page.nbytes else 0)
        raise CorruptError(
            f"its description promises {planned:,} planes, the file holds at most {held:,}",
            path=path,
            hint="Was it copied whole?",
        )


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Explain whatever tifffile raises: it parses as it goes, so damage shows as any exception.

    Raises
    ------
    MLArrayError
        Whatever the code raises, explained: damage, limits, what isn't supported.
    """
    try:
        yield
    except MLArrayError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(error, path) from error
    except MemoryError as error:
        raise LimitError("describes more than there is memory for", path=path) from error
    except NotImplementedError as error:
        raise UnsupportedError(str(error), path=path) from error
    except Exception as error:
        raise _damaged(error, path) from error


def _damaged(error: Exception, path: Path) -> CorruptError:
    text = " ".join(str(error).split())[:160]
    return CorruptError(f"makes no sense as TIFF ({type(error).__name__}: {text})", path=path)


def open_tiff(path: Path, *, ome: bool) -> OpenTiff:
    """Open a TIFF file, or the one that an OME companion speaks of.

    Parameters
    ----------
    path
        The file.
    ome
        Whether OME-XML is heeded.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsafeError
        Its XML is an attack, or leads out of the folder.
    NotFoundError
        A file that belongs to it is missing.
    """
    with path.open("rb") as head:
        start = head.read(65536)
    if recognise(start) is None and is_companion(start):
        return _open_companion(path)
    pages = scan(path)
    with understood(path):
        file = TiffFile(path, **({} if ome else {"is_ome": False}))
    try:
        opened = OpenTiff(file, path, pages)
        with understood(path):
            _check_pages(opened)
            if ome and file.is_ome and not micromanager.is_stack(file):
                opened = _with_ome(opened)
        return opened
    except BaseException:
        file.close()
        raise


def _check_pages(opened: OpenTiff) -> None:
    """Refuse a chain that tifffile cuts differently, XML attacks, and kinds that read files elsewhere."""
    file, path = opened.file, opened.path
    first = file.pages.first
    for text in (first.description, first.tags.valueof(42112, "")):
        if isinstance(text, str) and text.lstrip("\ufeff \t\r\n").startswith("<"):
            check_markup(text, path, "ImageDescription")
    for kind in _BESIDE:
        if getattr(file, f"is_{kind}"):
            _check_beside(file, path)
    virtual = file.is_lsm or file.is_scanimage or file.is_ndpi or file.is_stk
    if not virtual and opened.pages < 1000 and len(file.pages) != opened.pages:
        raise CorruptError(f"its chain of {opened.pages} pages is damaged", path=path)
    if opened.pages >= 100 and len(file.pages) > opened.pages:
        raise CorruptError("its chain of pages runs in a circle", path=path)


def _check_beside(file: TiffFile, path: Path) -> None:
    """Check files beside this one that tifffile opens of its own accord (Micro-Manager)."""
    folder = path.resolve().parent
    with understood(path):
        others = {
            page.parent.filehandle.path for series in file.series for page in series if page is not None
        }
    for other in others:
        if not Path(other).resolve().is_relative_to(folder):
            raise UnsafeError(f"reads the file {other!r}, outside of its folder", path=path)


def _with_ome(opened: OpenTiff) -> OpenTiff:
    """Return the file with its OME-XML, which may be in another file."""
    path, xml = opened.path, opened.file.ome_metadata or ""
    root = parse_markup(xml, path, FIELD)
    companion = companion_of(root, path)
    if companion is not None:
        return _reopened(opened, companion)
    _scan_others(root, path)
    if _places_planes(root, opened.pages):
        opened.file.close()
        placed = ElementTree.tostring(root, encoding="unicode")
        opened.file = TiffFile(path, omexml=placed)
    opened.xml, opened.images = xml, read_ome(root, path)
    return opened


def _places_planes(root: Element, pages: int) -> bool:
    """Say that planes lie in order, where XML of one image leaves it out and has as many as there are pages.

    Its schema wants TiffData there; without any, tifffile finds no image. Empty, it means all planes in order
    (OME-TIFF specification, "TiffData").
    """
    found = [pixels for image in children(root, "Image") for pixels in children(image, "Pixels")]
    if len(found) != 1 or any(children(found[0], name) for name in ("TiffData", "BinData", "MetadataOnly")):
        return False
    pixels = found[0]
    samples = sum(int(channel.get("SamplesPerPixel", 1)) - 1 for channel in children(pixels, "Channel"))
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "ZCT"}
    if sizes["Z"] * (sizes["C"] - samples) * sizes["T"] != pages:
        return False
    pixels.append(ElementTree.Element(pixels.tag.replace("Pixels", "TiffData")))
    return True


def _reopened(opened: OpenTiff, companion: Path) -> OpenTiff:
    """Open a file again with the XML of its companion, which may be XML or another OME-TIFF file."""
    opened.file.close()
    xml = companion_xml(companion)
    root = parse_markup(xml, companion, FIELD)
    if companion_of(root, companion) is not None:
        raise CorruptError("two files point to each other for their OME-XML", path=opened.path, field=FIELD)
    return _open_with(opened.path, root, xml, companion.name)


def companion_xml(companion: Path) -> str:
    """Return the OME-XML of a companion, which is XML or another OME-TIFF file; empty when it has none.

    Raises
    ------
    LimitError
        It is larger than OME-XML ever is.
    """
    if companion.stat().st_size > LONGEST_COMPANION and not companion.name.lower().endswith(
        (".tif", ".tiff")
    ):
        raise LimitError("is too large for OME-XML", path=companion)
    with companion.open("rb") as file:
        head = file.read(65536)
    if recognise(head) is None:
        return companion.read_bytes().decode("utf-8-sig")
    scan(companion)
    with TiffFile(companion) as other:
        return other.ome_metadata or ""


def _open_companion(path: Path) -> OpenTiff:
    """Open the first TIFF file that a companion names."""
    xml = companion_xml(path)
    root = parse_markup(xml, path, FIELD)
    others = check_ome(root, path)
    if not others:
        raise CorruptError("names no TIFF file", path=path, field=FIELD)
    return _open_with(others[0], root, xml, path.name)


def _open_with(path: Path, root: Element, xml: str, companion: str) -> OpenTiff:
    """Open a file with XML from elsewhere. Its planes are known by the UUID in the file, or by its name."""
    _scan_others(root, path)
    pages = scan(path)
    with understood(path):
        return OpenTiff(TiffFile(path, omexml=xml), path, pages, xml, read_ome(root, path), companion)


def _scan_others(root: Element, path: Path) -> None:
    for other in check_ome(root, path):
        scan(resolve(other.name if other.parent == path.resolve().parent else str(other), path))


def _matched(series: list[TiffPageSeries], images: list[OmeImage]) -> list[OmeImage]:
    """Return the image of the XML for each series; tifffile leaves out those without planes here."""
    if len(series) == len(images):
        return images
    left, found = list(images), []
    for one in series:
        sizes = dict(zip(one.get_axes(squeeze=False), one.get_shape(squeeze=False), strict=True))
        fitting = [
            image
            for image in left
            if image.name == one.name and all(image.sizes[axis] == sizes.get(axis, 1) for axis in "XYZT")
        ]
        if not fitting:
            raise CorruptError(
                "its series don't fit its OME-XML", path=Path(series[0].parent.filehandle.path)
            )
        found.append(fitting[0])
        left = left[left.index(fitting[0]) + 1 :]
    return found
