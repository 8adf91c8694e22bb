"""One source of a batch, and what came of it, as workers, journals and users get it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from signal import Signals
from typing import TYPE_CHECKING, Literal

from mlarray_core.url_text import is_url
from mlarray_io.places.url_names import joined
from mlarray_io.search.criteria import Kind, LeftOut, display_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_core.errors import MLArrayError
    from mlarray_io.engine.result import Conversion
    from mlarray_io.sdk.losses import Skipped

DEATH = "WorkerDied"
"""The kind of failure of a source whose process died."""


@dataclass(frozen=True, slots=True)
class Job:
    """One source to convert, as a search describes it; `overwrite` when its target is the batch's own."""

    source: str
    place: str
    kind: Kind
    size: int
    mtime_ns: int
    overwrite: bool = False

    @property
    def name(self) -> str:
        """The source as messages and journals show it."""
        return display_name(self.source)


@dataclass(frozen=True)
class ImageFailure:
    """An image, or a whole source, that could not be converted.

    Attributes
    ----------
    image
        Key of the image; None where none was reached.
    kind, message, path, field, hint
        Of the error.
    """

    image: str | None
    kind: str
    message: str
    path: str | None = None
    field: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, error: MLArrayError, image: str | None = None) -> ImageFailure:
        """Return what an error says."""
        return cls(image, type(error).__name__, error.message, error.path, error.field, error.hint)

    def to_json(self) -> dict[str, object]:
        """Return the error as JSON can hold it, without the image."""
        return {name: value for name, value in asdict(self).items() if name != "image"}


@dataclass(frozen=True)
class ConvertedImage:
    """An image that was converted.

    Attributes
    ----------
    conversion
        What was done, with source and target as users see them.
    target
        What the target is called below the folder of the batch.
    size
        Bytes of that file, which may have others beside it; -1 for a folder.
    checksum
        The xxh3_128 of the target, in hexadecimal.
    """

    conversion: Conversion
    target: str
    size: int
    checksum: str

    def journal_json(self) -> dict[str, object]:
        """Return it as the journal keeps it."""
        done = self.conversion
        line: dict[str, object] = {"image": done.image, "target": self.target, "bytes": done.target_bytes}
        if self.size != done.target_bytes:
            line["size"] = self.size
        return {**line, "checksum": self.checksum}


@dataclass(frozen=True)
class PlannedImage:
    """An image that would be converted, and where to."""

    image: str | None
    target: str


@dataclass(frozen=True)
class Report:
    """What came of one source.

    Attributes
    ----------
    source
        As messages show it.
    state
        ``done``; ``failed`` when an image of it failed or was lost; ``planned`` when nothing was done;
        ``empty`` when it holds no image, and none was lost.
    images, planned
        What was, or would be, converted.
    failures
        What was not.
    left_out
        Files of it that are no images, or damaged.
    seconds
        How long it took.
    """

    source: str
    state: Literal["done", "failed", "planned", "empty"]
    images: tuple[ConvertedImage, ...] = ()
    planned: tuple[PlannedImage, ...] = ()
    failures: tuple[ImageFailure, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    seconds: float = 0.0

    @property
    def died(self) -> bool:
        """Whether the process that did it died, which may have left temporary files."""
        return any(failure.kind == DEATH for failure in self.failures)

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels that were converted."""
        return sum(image.conversion.voxel_bytes for image in self.images)

    @property
    def lost(self) -> int:
        """How many files were left out that may have been images."""
        return sum(one.lost for one in self.left_out)


def death(job: Job, code: int | None) -> Report:
    """Return the report of a job whose worker died, by its exit code, negative for a signal."""
    how = f"signal {Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    hint = "It needs more memory than there is (try --jobs 1), or it crashes a library"
    dead = ImageFailure(None, DEATH, f"the process that converted it died ({how})", path=job.name, hint=hint)
    return Report(job.name, "failed", failures=(dead,))


def left_out_of(source: str, skipped: Iterable[Skipped], kind: Kind = "file") -> tuple[LeftOut, ...]:
    """Return the files of a source that a format left out, by their whole paths.

    Parameters
    ----------
    source
        The file or folder.
    skipped
        What the format reported, relative to it.
    kind
        How the source is taken: what was skipped of a collection at a URL are files there.
    """
    if kind == "collection" and is_url(source):
        return tuple(LeftOut(joined(source, one.what), one.why, one.lost) for one in skipped)
    folder = source if os.path.isdir(source) else os.path.dirname(source)
    found = []
    for one in skipped:
        inside = os.path.join(folder, one.what)
        path = inside if os.path.exists(inside) else f"{source}: {one.what}"  # a member of a file
        found.append(LeftOut(path, one.why, one.lost))
    return tuple(found)
