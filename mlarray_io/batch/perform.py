"""What a worker, here or on a cluster, does with one source: convert, check, upload; or only look ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from time import perf_counter
from typing import TYPE_CHECKING

from mlarray_core.disk import explained
from mlarray_core.errors import ExistsError, MLArrayError, UnsupportedError
from mlarray_io.batch.jobs import ConvertedImage, ImageFailure, PlannedImage, Report, left_out_of
from mlarray_io.engine.conversion import convert_each, foresee
from mlarray_io.engine.registry import installed
from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.places.digests import digest
from mlarray_io.places.place import LocalPlace, Place, place_of
from mlarray_io.places.spools import spool
from mlarray_io.sdk.context import Report as Notes
from mlarray_io.sdk.labels.written import table_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlarray_io.batch.jobs import Job
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.search.criteria import Kind


def perform(job: Job, settings: BatchSettings) -> Report:
    """Convert all images of one source, and check them if that is asked for. A bad file raises nothing.

    What goes to a URL is written and checked here first.
    """
    if settings.target.local is not None:
        return _Performance(job, settings).run()
    with spool() as folder:
        return _Performance(job, settings.at(folder), away=settings).run()


class _Performance:
    """The conversion of one source.

    Parameters
    ----------
    job, settings
        What to convert, and how; the target is on this machine.
    away
        The same settings with the target at a URL; None for one on this machine.
    """

    def __init__(self, job: Job, settings: BatchSettings, away: BatchSettings | None = None) -> None:
        self._job, self._settings, self._away = job, settings, away
        self._images: list[ConvertedImage] = []
        self._failures: list[ImageFailure] = []
        self._notes = Notes()

    def run(self) -> Report:
        started = perf_counter()
        empty = False
        try:
            for result in self._conversions():
                if isinstance(result, Failure):
                    self._failures.append(ImageFailure.of(result.error, result.image))
                    continue
                try:
                    self._images.append(self._finished(result))
                except MLArrayError as error:
                    self._failures.append(ImageFailure.of(error, result.image))
        except MLArrayError as error:
            empty = is_empty(self._job.kind, error, self._notes)
            if not empty:
                self._failures.append(ImageFailure.of(error))
        left_out = left_out_of(self._job.source, self._notes.skipped, self._job.kind)
        lost = any(one.lost for one in left_out)
        return Report(
            self._job.name,
            "failed" if self._failures or lost else "empty" if empty else "done",
            tuple(self._images),
            failures=tuple(self._failures),
            left_out=left_out,
            seconds=perf_counter() - started,
        )

    def _conversions(self) -> Iterator[Conversion | Failure]:
        settings = self._settings

        def place(name: str, count: int) -> Place:
            target = settings.target_of(self._job, name, count)
            self._check_ours(Path(target.text))
            with explained(target.text):
                Path(target.text).parent.mkdir(parents=True, exist_ok=True)
            return target

        source = place_of(self._job.source)
        choice = replace(settings.choice, one=settings.single or settings.choice.one)
        return convert_each(source, place, settings.of(self._job), choice, self._notes)

    def _check_ours(self, target: Path) -> None:
        """Refuse to replace, because a journal says so, what only a link in the target leads to."""
        root = Path(self._settings.root.text)
        believed = self._job.overwrite and not self._settings.conversion.overwrite
        if believed and target.exists() and not _is_inside(target, root):
            what = "exists already, outside of the folder to convert into"
            raise ExistsError(what, path=target, hint="Overwrite it with --force")

    def _finished(self, done: Conversion) -> ConvertedImage:
        """Check a result if that is asked for, move it to where it belongs, and describe it."""
        path = Path(done.target)
        if self._settings.verify:
            self._check(done, path)
        image = ConvertedImage(
            done,
            LocalPlace(path).below(self._settings.root),
            -1 if path.is_dir() else path.stat().st_size,
            digest(path),
        )
        if self._away is None:
            return replace(image, conversion=replace(done, source=self._job.name))
        self._upload(done, self._away)
        target = self._away.root.joined(image.target).shown
        return replace(image, conversion=replace(done, source=self._job.name, target=target))

    def _check(self, done: Conversion, target: Path) -> None:
        """Compare a result with its source, and don't keep one that differs."""
        from mlarray_io.checks.comparing import compare

        try:
            compare(done, place_of(self._job.source), target, self._settings.conversion)
        except MLArrayError:
            _remove(target)
            raise

    def _upload(self, done: Conversion, away: BatchSettings) -> None:
        """Move a result, the files that belong to it first, to its URL."""
        from mlarray_io.places.uploads import publish_set

        made, format = Path(done.target), installed().get(done.target_format)
        kind = away.conversion.written_table
        table = () if kind is None else (table_path(made, format.written_suffixes, kind),)
        others = [
            path for path in (*format.companions(made), *format.sidecars(made), *table) if path.exists()
        ]
        url = away.root.joined(LocalPlace(made).below(self._settings.root)).text
        publish_set(made, others, url, overwrite=away.of(self._job).overwrite)
        for path in (*others, made):
            _remove(path)


def forecast(job: Job, settings: BatchSettings) -> Report:
    """Return what `perform` would convert, each image with its target, and what it would refuse at once."""
    planned: list[PlannedImage] = []
    failures: list[ImageFailure] = []
    notes = Notes()
    empty = False
    try:
        for found in _foreseen(job, settings, notes):
            if isinstance(found, Failure):
                failures.append(ImageFailure.of(found.error, found.image))
            else:
                key, target = found
                planned.append(PlannedImage(key, target.below(settings.root)))
    except MLArrayError as error:
        empty = is_empty(job.kind, error, notes)
        if not empty:
            failures.append(ImageFailure.of(error))
    left_out = left_out_of(job.source, notes.skipped, job.kind)
    nothing = empty and not any(one.lost for one in left_out)
    return Report(job.name, "empty" if nothing else "planned", (), tuple(planned), tuple(failures), left_out)


def _foreseen(
    job: Job, settings: BatchSettings, notes: Notes
) -> Iterator[tuple[str | None, Place] | Failure]:
    """Yield key and target of each image; of a URL, which isn't fetched for that, as its name says."""
    source = place_of(job.source)
    if source.local is None:
        yield None, settings.target_of(job, f"*{settings.suffix}", 1)
        return

    def place(name: str, count: int) -> Place:
        return settings.target_of(job, name, count)

    choice = replace(settings.choice, one=settings.single or settings.choice.one)
    yield from foresee(source, place, settings.of(job), choice, notes)


def is_empty(kind: Kind, error: MLArrayError, notes: Notes) -> bool:
    """Whether a folder of files turned out to hold no image, so that nothing is lost.

    Every export of a scanner has folders of reports, presentation states or raw data.

    Parameters
    ----------
    kind
        How the folder is taken.
    error
        What listing its images raised.
    notes
        What was left out of it, with reasons.
    """
    return kind == "collection" and isinstance(error, UnsupportedError) and bool(notes.skipped)


def clear(places: Iterable[str], settings: BatchSettings) -> None:
    """Remove what killed workers left of the targets at `Job.place`; nobody may be writing them."""
    from mlarray_core.leftovers import discard

    root = settings.target.local
    if root is None:
        _give_up(set(places), settings)  # nothing can be seen there before it is whole
        return
    folders: dict[Path, list[str]] = {}
    for place in places:
        path = root / place
        if not _is_inside(path.parent, root):
            continue
        if _is_inside(path, root):
            discard(path)
        if place:
            folders.setdefault(path.parent, []).append(path.name + ".")
    for folder, names in folders.items():
        discard(folder, *names)


def _give_up(places: set[str], settings: BatchSettings) -> None:
    """Have a store forget half of an upload of these targets: all files and folders that are called so."""
    from mlarray_io.places.uploads import give_up

    if not places or settings.single:
        return
    suffix = settings.suffix

    def ours(name: str) -> bool:
        heads = [name[:at] for at, char in enumerate(name) if char == "/"]
        heads = [head.removesuffix(suffix) for head in (*heads, name) if head]
        return not places.isdisjoint(heads)

    give_up(settings.target.text, ours)


def _is_inside(folder: Path, root: Path) -> bool:
    """Whether a folder lies in the target, links followed: what a journal names may have become a link."""
    return folder.resolve().is_relative_to(root.resolve())


def _remove(path: Path) -> None:
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)
