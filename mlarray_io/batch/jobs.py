"""One source of a batch: what a worker, here or on a cluster, is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from signal import Signals
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MLArrayError
from mlarray_io.engine.conversion import convert_each, foresee
from mlarray_io.engine.registry import installed
from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.places.place import LocalPlace, Place, place_of
from mlarray_io.search.criteria import told
from mlarray_io.search.names import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlarray_io.engine.settings import Settings
    from mlarray_io.search.criteria import Kind

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

    target: Place
    settings: Settings
    single: bool = False
    image: str | None = None
    verify: bool = False

    @property
    def root(self) -> Place:
        """The folder that paths of targets are relative to."""
        return self.target.beside("") if self.single else self.target

    def place(self, relative: str) -> Place:
        """Return what is called `relative` below the root."""
        return self.root.joined(relative)

    def relative(self, target: Place) -> str:
        """Return what a target is called below the root."""
        return target.below(self.root)

    def at(self, folder: Path) -> Order:
        """Return the same order with a folder here for target."""
        return replace(self, target=LocalPlace(folder / self.target.name if self.single else folder))

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

    @property
    def name(self) -> str:
        """The source as messages and journals call it."""
        return told(self.source)


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
    """Convert all images of one source, and check them if so ordered. Never raises for a bad file.

    What goes to a URL is written and checked here first.
    """
    if order.target.local is not None:
        return _performed(job, order, None)
    with TemporaryDirectory(prefix="mlarray-") as folder:
        return _performed(job, order.at(Path(folder)), order)


def _performed(job: Job, order: Order, away: Order | None) -> Report:
    started = perf_counter()
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    try:
        for result in _conversions(job, order):
            if isinstance(result, Failure):
                failures.append(failure(result.error, result.image))
                continue
            try:
                facts = _facts(result, job, order)
                if away is not None:
                    _upload(result, job, order, away)
                images.append(facts)
            except MLArrayError as error:
                failures.append(failure(error, result.image))
    except MLArrayError as error:
        failures.append(failure(error))
    state = "failed" if failures else "done"
    return Report(job.name, state, images, failures, perf_counter() - started)


def forecast(job: Job, order: Order) -> Report:
    """Return what `perform` would convert, each image with its target, and what it would refuse at once."""
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    try:
        for found in _foreseen(job, order):
            if isinstance(found, Failure):
                failures.append(failure(found.error, found.image))
            else:
                key, target = found
                images.append({"image": key, "target": order.relative(target)})
    except MLArrayError as error:
        failures.append(failure(error))
    return Report(job.name, "planned", images, failures)


def _foreseen(job: Job, order: Order) -> Iterator[tuple[str | None, Place] | Failure]:
    """Yield key and target of each image; of a URL, which isn't fetched for that, as its name tells."""
    source = place_of(job.source)
    if source.local is None:
        yield None, target_of(job, order, f"*{order.suffix}", 1)
        return
    place = partial(target_of, job, order)
    yield from foresee(source, place, _settings(job, order), order.image, one=order.single)


def failure(error: MLArrayError, image: str | None = None) -> dict[str, Any]:
    """Return an error as JSON can hold it."""
    parts = {"kind": type(error).__name__, "message": error.message, "path": error.path, "hint": error.hint}
    return {"image": image, **parts}


def death(job: Job, code: int | None) -> Report:
    """Return the report of a job whose worker died."""
    how = f"signal {Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    dead = {
        "image": None,
        "kind": DEATH,
        "message": f"the process that converted it died ({how})",
        "path": job.name,
        "hint": "It needs more memory than there is (try --jobs 1), or it crashes a library",
    }
    return Report(job.name, "failed", failures=[dead])


def target_of(job: Job, order: Order, name: str, count: int) -> Place:
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
        return order.place(join(job.place, name))
    return order.place(job.place + order.suffix)


def clear(places: Iterable[str], order: Order) -> None:
    """Remove what killed workers left of the targets at `Job.place`; nobody may be writing them."""
    from mlarray_core.publish import discard

    root = order.target.local
    if root is None:
        return  # nothing is uploaded before it is whole
    folders: dict[Path, list[str]] = {}
    for place in places:
        path = root / place
        discard(path)
        if place:
            folders.setdefault(path.parent, []).append(path.name + ".")
    for folder, names in folders.items():
        discard(folder, *names)


def _conversions(job: Job, order: Order) -> Iterator[Conversion | Failure]:
    from mlarray_core.publish import write_error

    def place(name: str, count: int) -> Place:
        target = target_of(job, order, name, count)
        try:
            Path(target.text).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, target.text) from error
        return target

    return convert_each(place_of(job.source), place, _settings(job, order), order.image, one=order.single)


def _settings(job: Job, order: Order) -> Settings:
    return replace(order.settings, overwrite=order.settings.overwrite or job.overwrite)


def _facts(done: Conversion, job: Job, order: Order) -> dict[str, Any]:
    """Return what the journal and the user are told of a converted image, after the checks asked for."""
    from mlarray_io.batch.digests import digest

    path = Path(done.target)
    facts: dict[str, Any] = {
        "image": done.image,
        "target": order.relative(LocalPlace(path)),
        "bytes": done.target_bytes,
        "checksum": digest(path),
        "shape": list(done.shape),
        "dtype": done.dtype,
        "spacing": done.spacing,
        "format": done.source_format,
        "source_bytes": done.source_bytes,
        "voxel_bytes": done.voxel_bytes,
        "seconds": round(done.seconds, 4),
    }
    if path.is_dir() or path.stat().st_size != done.target_bytes:
        facts["size"] = -1 if path.is_dir() else path.stat().st_size
    notes = {
        "losses": [str(loss) for loss in done.losses],
        "warnings": list(done.warnings),
        "skipped": [str(skipped) for skipped in done.skipped],
    }
    facts.update({name: texts for name, texts in notes.items() if texts})
    if order.verify:
        _check(done, place_of(job.source), path, order)
    return facts


def _check(done: Conversion, source: Place, target: Path, order: Order) -> None:
    """Compare a result with its source, and don't keep one that differs."""
    from mlarray_io.checks.comparing import compare

    try:
        compare(done, source, target, order.settings)
    except MLArrayError:
        _remove(target)
        raise


def _upload(done: Conversion, job: Job, here: Order, away: Order) -> None:
    """Move a result, the files that belong to it first, to where it shall be."""
    from mlarray_io.places.uploads import publish

    made = Path(done.target)
    overwrite = _settings(job, away).overwrite
    for path in (*installed().get(done.target_format).companions(made), made):
        if path.exists():
            publish(path, away.place(here.relative(LocalPlace(path))).text, overwrite=overwrite)
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)
