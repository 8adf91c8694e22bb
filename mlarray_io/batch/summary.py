"""What a batch prints while it runs and at its end."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mlarray_io.printing import tables
from mlarray_io.printing.text import amount, printable, strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.batch.plan import Skip
    from mlarray_io.batch.run import Count, Tally
    from mlarray_io.places.place import Place, Shown


class Silence:
    """Tells nothing but failures, one line each on standard error."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """Say nothing."""

    def skipped(self, skip: Skip) -> None:
        """Say nothing."""

    def reported(self, job: Job, report: Report) -> None:
        """Say what failed."""
        for failure in report.failures:
            click.echo(failure_line(job.name, failure), err=True)


class Lines(Silence):
    """Tells a program: one line of JSON for each image on standard output."""

    def skipped(self, skip: Skip) -> None:
        """Say what is done already."""
        for target in skip.entry.targets[::2]:
            _print({"source": skip.source, "state": "skipped", "target": target})

    def reported(self, job: Job, report: Report) -> None:
        """Say what came, or would come, of each image."""
        state = "planned" if report.state == "planned" else "converted"
        for image in report.images:
            _print({"source": job.name, "state": state, **image})
        for failure in report.failures:
            error = {name: value for name, value in failure.items() if name != "image"}
            _print({"source": job.name, "state": "failed", "image": failure["image"], "error": error})


_REMEMBERED = 1000
"""How many different notes are counted instead of repeated."""


class Text(Silence):
    """Tells a person: failures, and each note once, with how many more images it is true of in the end."""

    def __init__(self) -> None:
        self._more: dict[tuple[str, str], int] = {}

    def reported(self, job: Job, report: Report) -> None:
        """Say what failed, and what a target couldn't hold."""
        super().reported(job, report)
        for image in report.images:
            for kind, word in (("warnings", "note"), ("losses", "lost")):
                for text in image.get(kind, ()):
                    self._tell(word, job.name, printable(text))

    def _tell(self, word: str, source: str, text: str) -> None:
        if (word, text) in self._more:
            self._more[word, text] += 1
            return
        click.echo(f"{word}: {printable(source)}: {text}", err=True)
        if len(self._more) < _REMEMBERED:
            self._more[word, text] = 0

    def ended(self) -> None:
        """Say of how many more images notes are true that were told of one."""
        for (word, text), more in self._more.items():
            if more:
                click.echo(f"{word}: {more:,} more image{'s' if more > 1 else ''}: {text}", err=True)


class Forecast(Silence):
    """Tells a person what would be converted, and what would be refused.

    Parameters
    ----------
    root
        What targets are told below.
    """

    def __init__(self, root: Place) -> None:
        self._root = root

    def reported(self, job: Job, report: Report) -> None:
        """Say where each image would go."""
        super().reported(job, report)
        for image in report.images:
            which = f" (image {image['image']})" if len(report.images) > 1 else ""
            click.echo(printable(f"{job.name}{which} -> {self._below(image['target'])}"))

    def _below(self, target: str) -> Shown:
        return self._root.joined(target).shown


class Bar(Text):
    """Tells a person at a terminal: a progress bar with rate and time left, and the rest above it."""

    def __init__(self, progress: Any) -> None:
        super().__init__()
        self._progress = progress
        self._task = progress.add_task("looking for images", total=None)

    def planned(self, jobs: Sequence[Job]) -> None:
        """Begin to count."""
        self._progress.update(self._task, total=len(jobs), description="converting", rate="")

    def reported(self, job: Job, report: Report) -> None:
        """Count."""
        super().reported(job, report)
        self._progress.advance(self._task)


@contextmanager
def audience(*, as_json: bool, quiet: bool, dry: bool, terminal: bool, root: Place) -> Iterator[Silence]:
    """Lend whoever tells the user how a batch goes, in the way that was asked for."""
    if as_json:
        yield Lines()
    elif quiet:
        yield Silence()
    elif dry:
        yield Forecast(root)
    elif not terminal:
        with _told(Text()) as text:
            yield text
    else:
        with _progress() as progress, _told(Bar(progress)) as text:
            yield text


@contextmanager
def _told(text: Text) -> Iterator[Text]:
    try:
        yield text
    finally:
        text.ended()


def table(tally: Tally) -> None:
    """Print the sum of a run."""
    rows = (("converted", tally.converted), ("skipped", tally.skipped), ("failed", tally.failed))
    tables.rows(
        ("", "images", "read", "written", "voxels", "ratio"),
        [(name, *_cells(count)) for name, count in rows],
    )
    if tally.ignored:
        click.echo(f"left out, as no installed format claims them: {tally.ignored:,}")


def failure_line(source: str, failure: dict[str, Any]) -> str:
    """Return one line that says what failed, where, and what to do."""
    image = f" (image {failure['image']})" if failure["image"] not in (None, "0") else ""
    other = f": {failure['path']}" if failure["path"] not in (None, source) else ""
    hint = f". {failure['hint']}" if failure["hint"] else ""
    return printable(f"failed: {source}{image}{other}: {failure['message']}{hint}")


def _cells(count: Count) -> tuple[str, ...]:
    amounts = (count.source_bytes, count.target_bytes, count.voxel_bytes)
    ratio = f"{count.voxel_bytes / count.target_bytes:.2f}" if count.target_bytes else ""
    return f"{count.images:,}", *(amount(size) if size else "" for size in amounts), ratio


def _print(line: dict[str, Any]) -> None:
    click.echo(json.dumps(json.loads(strict_json(line)), sort_keys=True))


@contextmanager
def _progress() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text as Words

    class Rate(TextColumn):
        def render(self, task: Any) -> Words:
            return Words(f"{task.speed:.1f}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        yield progress
