"""What a batch prints while it runs and at its end."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from mlarray_core.errors import MissingDependencyError
from mlarray_io.printing import tables
from mlarray_io.printing.conversions import Identified, conversion_json
from mlarray_io.printing.text import amount, counted, printable, strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.progress import Progress

    from mlarray_io.batch.jobs import ImageFailure, Job, Report
    from mlarray_io.batch.plan import Skip
    from mlarray_io.batch.tally import Count, Tally
    from mlarray_io.places.place import Place
    from mlarray_io.search.criteria import LeftOut

_REMEMBERED = 1000
"""How many different notes are counted instead of repeated: more would fill the memory of a long run."""


class Modes(Protocol):
    """How a command was asked to print."""

    @property
    def as_json(self) -> bool:
        """For programs."""

    @property
    def quiet(self) -> bool:
        """Only errors."""

    @property
    def dry_run(self) -> bool:
        """What would be done."""


class Silence:
    """Prints only what failed, one line each on standard error."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """Print nothing."""

    def skipped(self, skip: Skip) -> None:
        """Print nothing."""

    def left_out(self, one: LeftOut) -> None:
        """Print what may be an image that is lost."""
        if one.lost:
            click.echo(printable(f"failed: {one.name}: {one.reason}"), err=True)

    def reported(self, job: Job, report: Report) -> None:
        """Print what failed."""
        for failure in report.failures:
            click.echo(failure_line(job.name, failure), err=True)

    def ended(self) -> None:
        """Print nothing more."""


class Lines(Silence):
    """Prints for programs: one line of JSON for each image and each file left out, on standard output.

    Parameters
    ----------
    root
        The folder that targets lie below.
    """

    def __init__(self, root: Place) -> None:
        self._root = root

    def _target(self, name: str | int) -> str:
        return str(self._root.joined(str(name)).shown)

    def skipped(self, skip: Skip) -> None:
        """Print what is done already."""
        for target in skip.entry.targets[::2]:
            _print({"source": skip.source, "state": "skipped", "target": self._target(target)})

    def left_out(self, one: LeftOut) -> None:
        """Print a file that is left out."""
        _print({"source": one.name, "state": "left out", "reason": one.reason, "lost": one.lost})

    def reported(self, job: Job, report: Report) -> None:
        """Print what came, or would come, of each image."""
        for image in report.images:
            _print({**conversion_json(image.conversion), "checksum": image.checksum})
        for planned in report.planned:
            target = self._target(planned.target)
            _print({"source": job.name, "state": "planned", "image": planned.image, "target": target})
        for failure in report.failures:
            error = failure.to_json()
            _print({"source": job.name, "state": "failed", "image": failure.image, "error": error})


class Text(Silence):
    """Prints for people: what failed or is left out, and each note once, counted in the end."""

    def __init__(self) -> None:
        self._more: Counter[tuple[str, str]] = Counter()
        self._said: set[tuple[str, str]] = set()
        self._identified = Identified()

    def left_out(self, one: LeftOut) -> None:
        """Print a file that is left out."""
        if one.lost:
            super().left_out(one)
        else:
            click.echo(printable(f"left out: {one.name}: {one.reason}"), err=True)

    def reported(self, job: Job, report: Report) -> None:
        """Print what failed, and what a target couldn't hold."""
        for failure in report.failures:
            if failure.kind == MissingDependencyError.__name__:  # of all files of the format: said once
                self._note("failed", job.name, failure_line("", failure).removeprefix("failed: "))
            else:
                click.echo(failure_line(job.name, failure), err=True)
        for image in report.images:
            self._identified.add(image.conversion)
            for text in image.conversion.warnings:
                self._note("note", job.name, printable(text))
            for loss in image.conversion.losses:
                self._note("lost", job.name, printable(str(loss)))

    def _note(self, word: str, source: str, text: str) -> None:
        if (word, text) in self._said:
            self._more[word, text] += 1
            return
        click.echo(f"{word}: {printable(source)}: {text}", err=True)
        if len(self._said) < _REMEMBERED:
            self._said.add((word, text))

    def ended(self) -> None:
        """Print for how many more images notes are true that were printed for one."""
        for (word, text), more in self._more.items():
            click.echo(f"{word}: {counted(more, 'more image')}: {text}", err=True)
        self._identified.tell()


class Forecast(Text):
    """Prints for people what would be converted, and what would be refused or left out.

    Parameters
    ----------
    root
        The folder that targets lie below.
    """

    def __init__(self, root: Place) -> None:
        super().__init__()
        self._root = root

    def reported(self, job: Job, report: Report) -> None:
        """Print where each image would go."""
        super().reported(job, report)
        for image in report.planned:
            which = f" (image {image.image})" if len(report.planned) > 1 else ""
            target = self._root.joined(image.target).shown
            click.echo(printable(f"{job.name}{which} -> {target}"))


class Bar(Text):
    """Prints for people at a terminal: a progress bar with rate and time left, and the rest above it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress, self._images = progress, 0
        self._task = progress.add_task("looking for images", total=None, images=0)

    def planned(self, jobs: Sequence[Job]) -> None:
        """Begin to count."""
        self._progress.reset(self._task, total=len(jobs), description="converting", images=0)

    def reported(self, job: Job, report: Report) -> None:
        """Count sources, which are known before, and images, of which a source may hold many."""
        super().reported(job, report)
        self._images += len(report.images)
        self._progress.update(self._task, advance=1, images=self._images)


@contextmanager
def listener(modes: Modes, root: Place, *, terminal: bool) -> Iterator[Silence]:
    """Lend a listener that prints in the way that was asked for.

    Parameters
    ----------
    modes
        The flags of the command.
    root
        The folder that targets lie below.
    terminal
        Whether somebody sees a progress bar.
    """
    if terminal and not (modes.as_json or modes.quiet or modes.dry_run):
        with batch_progress() as progress, _ending(Bar(progress)) as bar:
            yield bar
        return
    chosen = Lines(root) if modes.as_json else Silence() if modes.quiet else None
    with _ending(chosen or (Forecast(root) if modes.dry_run else Text())) as plain:
        yield plain


@contextmanager
def _ending(one: Silence) -> Iterator[Silence]:
    try:
        yield one
    finally:
        one.ended()


def table(tally: Tally) -> None:
    """Print the sum of a run."""
    rows = (("converted", tally.converted), ("skipped", tally.skipped), ("failed", tally.failed))
    tables.rows(
        ("", "images", "read", "written", "voxels", "ratio"),
        [(name, *_cells(count)) for name, count in rows],
    )
    if tally.left_out:
        click.echo(f"left out, as no image is in them: {tally.left_out:,}")


def failure_line(source: str, failure: ImageFailure) -> str:
    """Return one line that says what failed, where, and what to do."""
    image = f" (image {failure.image})" if failure.image not in (None, "0") else ""
    where = source + image
    other = failure.path if source and failure.path not in (None, source) else None
    parts = [part for part in (where, other, failure.message) if part]
    return printable(f"failed: {': '.join(parts)}{f'. {failure.hint}' if failure.hint else ''}")


def _cells(count: Count) -> tuple[str, ...]:
    amounts = (count.source_bytes, count.target_bytes, count.voxel_bytes)
    ratio = f"{count.voxel_bytes / count.target_bytes:.2f}" if count.target_bytes else ""
    return f"{count.images:,}", *(amount(size) if size else "" for size in amounts), ratio


def _print(line: Mapping[str, object]) -> None:
    click.echo(json.dumps(json.loads(strict_json(line)), sort_keys=True))


def batch_progress() -> Progress:
    """Return a bar that counts sources, and says how many images a second came out of them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text as Words

    class Rate(TextColumn):
        def render(self, task: Task) -> Words:
            if not (task.fields["images"] and task.elapsed):
                return Words("")
            rate = task.fields["images"] / task.elapsed
            return Words(f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.2g} images/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
