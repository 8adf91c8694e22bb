"""One source of a batch: what a worker, here or on a cluster, is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from signal import Signals
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MLArrayError
from mlarray_io.convert import Conversion, Failure, Settings, convert_each, foresee
from mlarray_io.registry import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlarray_io.batch.discovery import Kind

DEATH = "WorkerDied"


@dataclass(frozen=True)
class Order:
    """What is the same for all sources of a batch.

    Attributes
    ----------
    target
        The folder to convert into, or the one file.
    single
        Whether `target` is the one file.
    settings
        Of every conversion; `settings.target_format` may be a suffix such as ``nii.gz``.
    image
        The image to choose in every source; None for all.
    verify
        Read every result back and compare its voxels with the source's.
    """

    target: Path
    settings: Settings
    single: bool = False
    image: str | None = None
    verify: bool = False

    @property
    def root(self) -> Path:
        """The folder that paths of targets are told below."""
        return self.target.parent if self.single else self.target

    @property
    def suffix(self) -> str:
        """The suffix of every target."""
        return installed().kind(self.settings.target_format or "mla")[1]


@dataclass(frozen=True, slots=True)
class Job:
    """One source to convert, as `discovery.Found` describes it; `overwrite` when the target is ours."""

    source: str
    place: str
    kind: Kind
    size: int
    mtime_ns: int
    overwrite: bool = False


@dataclass(frozen=True)
class Report:
    """What came of one source.

    Attributes
    ----------
    source
        Its path.
    state
        ``done``, ``failed`` when any of its images failed, or ``planned`` when nothing was done.
    images
        What was converted: facts that JSON can hold, `target` below the folder of the batch.
    failures
        What was not: `image`, `kind`, `message`, `hint`.
    seconds
        How long it took.
    """

    source: str
    state: str
    images: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def died(self) -> bool:
        """Whether the process that did it died, which may have left temporary files."""
        return any(failure["kind"] == DEATH for failure in self.failures)

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels that were converted."""
        return sum(image["voxel_bytes"] for image in self.images)


def perform(job: Job, order: Order) -> Report:
    """Convert all images of one source, and check them if so ordered. Never raises for a bad file."""
    started = perf_counter()
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    try:
        for result in _conversions(job, order):
            if isinstance(result, Failure):
                failures.append(failure(result.error, result.image))
                continue
            try:
                images.append(_facts(result, order))
            except MLArrayError as error:
                failures.append(failure(error, result.image))
    except MLArrayError as error:
        failures.append(failure(error))
    state = "failed" if failures else "done"
    return Report(job.source, state, images, failures, perf_counter() - started)


def forecast(job: Job, order: Order) -> Report:
    """Return what `perform` would convert, each image with its target, and what it would refuse at once."""
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    place = partial(target_of, job, order)
    try:
        for found in foresee(Path(job.source), place, _settings(job, order), order.image, one=order.single):
            if isinstance(found, Failure):
                failures.append(failure(found.error, found.image))
            else:
                key, target = found
                assert isinstance(target, Path)
                images.append({"image": key, "target": target.relative_to(order.root).as_posix()})
    except MLArrayError as error:
        failures.append(failure(error))
    return Report(job.source, "planned", images, failures)


def failure(error: MLArrayError, image: str | None = None) -> dict[str, Any]:
    """Return an error as JSON can hold it."""
    parts = {"kind": type(error).__name__, "message": error.message, "path": error.path, "hint": error.hint}
    return {"image": image, **parts}


def death(job: Job, code: int | None) -> Report:
    """Return the report of a job whose worker died."""
    how = f"signal {Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    told = {
        "image": None,
        "kind": DEATH,
        "message": f"the process that converted it died ({how})",
        "path": job.source,
        "hint": "It needs more memory than there is (try --jobs 1), or it crashes a library",
    }
    return Report(job.source, "failed", failures=[told])


def target_of(job: Job, order: Order, name: str, count: int) -> Path:
    """Return where an image belongs: the source's place, or below it when the source holds several.

    Parameters
    ----------
    job, order
        The source and the batch.
    name
        Of the image's file, suffix included.
    count
        How many images the source holds.
    """
    if order.single:
        return order.target
    if job.kind == "collection" or count > 1:
        return order.target / job.place / name
    return order.target / (job.place + order.suffix)


def clear(places: Iterable[str], order: Order) -> None:
    """Remove what killed workers left of the targets at `Job.place`; nobody may be writing them."""
    from mlarray_core.publish import discard

    folders: dict[Path, list[str]] = {}
    for place in places:
        path = Path(order.target, place)
        discard(path)
        if place:
            folders.setdefault(path.parent, []).append(path.name + ".")
    for folder, names in folders.items():
        discard(folder, *names)


def _conversions(job: Job, order: Order) -> Iterator[Conversion | Failure]:
    from mlarray_core.publish import write_error

    def place(name: str, count: int) -> Path:
        target = target_of(job, order, name, count)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, target) from error
        return target

    return convert_each(Path(job.source), place, _settings(job, order), order.image, one=order.single)


def _settings(job: Job, order: Order) -> Settings:
    return replace(order.settings, overwrite=order.settings.overwrite or job.overwrite)


def _facts(done: Conversion, order: Order) -> dict[str, Any]:
    """Return what the journal and the user are told of a converted image, after the checks asked for."""
    from mlarray_core.digests import digest

    assert isinstance(done.target, Path)
    facts: dict[str, Any] = {
        "image": done.image,
        "target": done.target.relative_to(order.root).as_posix(),
        "bytes": done.target_bytes,
        "checksum": digest(done.target),
        "shape": list(done.shape),
        "dtype": done.dtype,
        "spacing": done.spacing,
        "format": done.source_format,
        "source_bytes": done.source_bytes,
        "voxel_bytes": done.voxel_bytes,
        "seconds": round(done.seconds, 4),
    }
    if done.target.is_dir() or done.target.stat().st_size != done.target_bytes:
        facts["size"] = -1 if done.target.is_dir() else done.target.stat().st_size
    notes = {
        "losses": [str(loss) for loss in done.losses],
        "warnings": list(done.warnings),
        "skipped": [str(skipped) for skipped in done.skipped],
    }
    facts.update({name: texts for name, texts in notes.items() if texts})
    if order.verify:
        _check(done, order)
    return facts


def _check(done: Conversion, order: Order) -> None:
    """Compare a result with its source, and don't keep one that differs."""
    from shutil import rmtree

    from mlarray_io.batch.comparing import compare

    assert isinstance(done.target, Path)
    try:
        compare(done, order.settings)
    except MLArrayError:
        if done.target.is_dir():
            rmtree(done.target)
        else:
            done.target.unlink(missing_ok=True)
        raise
