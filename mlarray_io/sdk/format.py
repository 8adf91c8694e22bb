"""The plugin interface: what a format is, and what the host lends it. Nothing else is needed to write one.

A format answers four questions, each in its own method: is this file mine (`Format.sniff`), what images does
it hold (`Format.images`), give me one of them (`Format.open`), and put this one into a file (`Format.write`).
Overriding `open` makes a format readable, overriding `write` makes it writable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, get_args, get_origin

from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from typing_extensions import TypeVar

    from mlarray_core.meta import Meta
    from mlarray_io.privacy.profile import Privacy
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.source import Source

    # a format without options needs no parameter; only type checkers know of defaults before Python 3.13
    O = TypeVar("O", bound=Options, default=Any)  # noqa: E741
else:
    from typing import TypeVar

    O = TypeVar("O")  # noqa: E741

Box = tuple[slice, ...]
"""One slice for each axis, each with a start, a stop and no step."""


class Confidence(IntEnum):
    """How sure a format is that a source is its own. The highest answer wins."""

    NO = 0
    SUFFIX = 1
    """Only the name says so."""
    SIGNATURE = 2
    """The first bytes say so."""
    PARSED = 3
    """The header was read and makes sense."""


@dataclass(frozen=True)
class ImageRef:
    """One image in a source, as listed before it is opened.

    Parameters
    ----------
    key
        What the format opens it by: a member's name, a series UID, a number as text.
    title
        What a person knows it by; must not hold patient data.
    primary
        Taken when none is chosen and no other image of the source is primary.
    facts
        What a listing shows: ``shape``, ``dtype``, ``spacing``, ``modality``, ``why_split`` ...
    name
        Name of its file, without suffix, when all images are converted into a folder; the key when empty.
    aliases
        Other names by which it can be chosen, such as a UID; several images may share one.
    folder
        The folder of the source that its files lie in, relative, with ``/`` between the parts: a target that
        mirrors a folder puts it there. Empty for the source's own.
    payload
        The format's own: whatever `Format.open` would have to find out again.
    """

    key: str
    title: str = ""
    primary: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    aliases: tuple[str, ...] = ()
    folder: str = ""
    payload: Any = field(default=None, repr=False, compare=False)


class Reader:
    """One open image: its metadata at once, its voxels only when sliced.

    Attributes
    ----------
    shape
        Size of each axis, slowest first.
    dtype
        Type of the voxels that slicing returns, in native byte order.
    meta
        The whole metadata, `meta.source` and `meta.spatial` included.
    chunks
        The cheapest box to read, or None when any box costs the same. A reader whose data can only be read
        from the start (a compressed stream) gives whole planes.
    levels
        Coarser versions of the image that the source holds, finest first, without this one.
    stored
        Bytes of the files that hold the voxels, where that isn't the size of the source; see `Format.sparse`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    meta: Meta
    chunks: tuple[int, ...] | None = None
    levels: Sequence[Reader] = ()
    stored: int | None = None

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        """Return the voxels of `box`, an array of `dtype` with one axis for each slice."""
        raise NotImplementedError

    def close(self) -> None:
        """Free files and memory. Closing twice is harmless."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def labels(self) -> list[str]:
        """Label of each axis, slowest first; all are ``spatial`` where the metadata have none."""
        return [str(label) for label in self.meta.spatial.axis_labels or ["spatial"] * len(self.shape)]

    @property
    def units(self) -> list[str]:
        """Unit of each axis, empty where unknown: that of its positions, where the metadata have no other."""
        from mlarray_core.meta import Additions

        known = Additions.of(self.meta).axes
        said = self.meta.spatial.axis_units or [""] * len(self.shape)
        return [unit or (known[axis].unit if axis in known else "") for axis, unit in enumerate(said)]

    @property
    def nbytes(self) -> int:
        """Size of all voxels in bytes."""
        count = 1
        for size in self.shape:
            count *= size
        return count * self.dtype.itemsize


class Format(Generic[O]):
    """One file format. Subclasses override what they can do.

    A format with settings names their class as its parameter, ``class PgmFormat(Format[PgmOptions])``; its
    methods get an object of it.

    Attributes
    ----------
    name
        Lower-case name, the value of ``--from`` and ``--to`` and of `meta._image_meta_format`.
    title
        What a person calls it.
    suffixes
        Suffixes with their dot, lower case, compound ones included, the preferred one first.
    requires
        Import names of the libraries that it needs.
    install
        What to give `pip install` when one of them is missing, such as ``mlarray[nifti]``.
    target_suffixes
        Those of `suffixes` that files are written with; None for all of them.
    options_type
        The class of its settings, one field for each ``-o name=value``: the parameter of `Format`.
    single_numbers
        Whether it holds images without axes.
    reads_urls
        Whether `open` can take a `UrlSource` and read only what it needs. Sources at a URL are fetched whole
        for the others.
    folder
        How a search takes a folder that `sniff` recognises: ``whole``, as one image, such as a Zarr;
        ``together``, its files make up images, as those of DICOM do, and files of other formats among them
        are images of their own; ``named``, as one image if its name ends in one of `suffixes`.
    sparse
        Whether parts of an image that were never written take no room, so that a small file may say any size.
    mixed_parts
        Whether `parts` may be of other formats, or in a folder of their own, such as the tiles of a slide.
    indexes
        Lower-case names of files that only list others, such as ``dicomdir``: they are no images.
    names_identifying
        Whether `identifying` names all that may identify a person; otherwise texts of the header count too.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()
    target_suffixes: ClassVar[tuple[str, ...] | None] = None
    requires: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""
    options_type: ClassVar[type[Options]] = Options
    single_numbers: ClassVar[bool] = False
    reads_urls: ClassVar[bool] = False
    folder: ClassVar[Literal["whole", "together", "named"]] = "named"
    sparse: ClassVar[bool] = False
    mixed_parts: ClassVar[bool] = False
    indexes: ClassVar[frozenset[str]] = frozenset()
    names_identifying: ClassVar[bool] = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for base in getattr(cls, "__orig_bases__", ()):
            for kind in get_args(base) if get_origin(base) is Format else ():
                if isinstance(kind, type) and issubclass(kind, Options):
                    cls.options_type = kind

    def sniff(self, source: Source) -> Confidence:
        """Say how surely `source` is of this format, from its first bytes. Cheap, and never raises."""
        return Confidence.SUFFIX if source.has_suffix(*self.suffixes) else Confidence.NO

    def images(self, source: Source, options: O, context: Context) -> Sequence[ImageRef]:
        """List the images of `source` without reading voxels. One, unless overridden.

        Parameters
        ----------
        source
            The file or folder.
        options
            The user's settings of the format.
        context
            Limits, and where what is skipped is reported.
        """
        return [ImageRef(key="0", primary=True)]

    def open(self, source: Source, image: ImageRef, options: O, context: Context) -> Reader:
        """Open one image: metadata ready, voxels not read.

        Parameters
        ----------
        source
            The file or folder.
        image
            One of those that `images` lists.
        options
            The user's settings of the format.
        context
            Limits, and where losses and warnings are reported.

        Raises
        ------
        UnsupportedError
            The format can't be read, unless overridden.
        """
        raise UnsupportedError(f"the format {self.name} can't be read", path=source.path)

    def write(self, reader: Reader, target: Path, options: O, context: Context) -> None:
        """Write the image of `reader` to `target`.

        `target` is a fresh path with the right suffix in the target's folder; the host moves it into place
        when this returns and removes it when this raises. What can't be held is reported to `context.loss`.
        A format of several files puts them beside `target`, named after it, and lists them in `companions`.

        Parameters
        ----------
        reader
            The image, of whatever format.
        target
            A fresh path with the right suffix.
        options
            The user's settings of the format.
        context
            Limits, and where losses and progress are reported.

        Raises
        ------
        UnsupportedError
            The format can't be written, unless overridden.
        """
        raise UnsupportedError(f"the format {self.name} can't be written", path=target)

    def virtual(self, reader: Reader, options: O, context: Context) -> Callable[[str], bytes | None]:
        """Show an image as a folder of this format that nobody wrote, for programs that read it over HTTP.

        Parameters
        ----------
        reader
            The image, of whatever format.
        options
            The user's settings of the format.
        context
            Where losses are reported.

        Returns
        -------
        Callable
            Gives the content of a file by its path in the folder, with ``/`` between the parts; None for one
            that isn't there. It is called from several threads.

        Raises
        ------
        UnsupportedError
            The format has no such folders, unless overridden.
        """
        raise UnsupportedError(f"the format {self.name} can't be shown without writing it")

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Other files that writing `target` may make, such as the ``.img`` of a ``.hdr``."""
        return ()

    def sidecars(self, target: Path) -> tuple[Path, ...]:
        """Other files beside `target` that an image is whole without, such as BIDS sidecars."""
        return ()

    def needed(self, target: Path, head: bytes) -> tuple[Path, ...]:
        """Those of `companions` that the file at `target` needs, which begins with `head`: all of them here.

        A format whose header names its data overrides this, and gives new data another name by
        `Context.free_name`, so that nothing of an image is replaced before all of it is.
        """
        return self.companions(target)

    def field_name(self, key: str) -> str:
        """Return what a person calls a key of `meta.source` as this format keeps it; the key itself here."""
        return key

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Other files that hold parts of the images of `source`, as its header says: a set is one image."""
        return ()

    def header_values(self, meta: Meta) -> Mapping[str, Any]:
        """Values of the header in `meta.source` by the names that people know, for the names of files."""
        return {str(name): value for name, value in meta.source.to_plain().items()}

    def identifying(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Names of the fields of a header that are there to say who was imaged, when, where and by what.

        Parameters
        ----------
        source
            A header as this format keeps it in `meta.source`.
        """
        return ()

    def recognisable(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Why the voxels may show who was imaged, as far as a header says that: a sentence each."""
        return ()

    def patient(self, source: Mapping[str, Any]) -> str:
        """Return what a header tells patients apart by; empty when it doesn't."""
        return ""

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Return a header without what may identify a person: nothing of it, unless overridden.

        Parameters
        ----------
        source
            A header as this format keeps it in `meta.source`.
        privacy
            Which options apply, and what makes pseudonyms, other UIDs and other dates.
        """
        return {}

    @property
    def has_parts(self) -> bool:
        """Whether the format has images of several files that name one another."""
        return type(self).parts is not Format.parts

    @property
    def reads(self) -> bool:
        """Whether the format can be read."""
        return type(self).open is not Format.open

    @property
    def writes(self) -> bool:
        """Whether the format can be written."""
        return type(self).write is not Format.write

    @property
    def written_suffixes(self) -> tuple[str, ...]:
        """The suffixes of files that the format writes; none when it only reads."""
        if not self.writes:
            return ()
        return self.suffixes if self.target_suffixes is None else self.target_suffixes

    def __repr__(self) -> str:
        return f"<format {self.name}>"
