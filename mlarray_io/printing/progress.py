"""A bar that shows how far a command is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlarray_io.printing.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_io.engine.writing import Progress


@contextmanager
def progress(name: str, silent: bool, *, images: bool = False) -> Iterator[Progress | None]:
    """Lend a progress bar on standard error, of bytes or of images, or None when nobody would see it.

    Parameters
    ----------
    name
        What stands before the bar.
    silent
        Show nothing.
    images
        Count images, not bytes.
    """
    if silent:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import MofNCompleteColumn as Counted

    amounts = Counted() if images else DownloadColumn(binary_units=True)
    columns = (TextColumn("{task.description}"), BarColumn(), amounts)
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(printable(name).replace("[", "\\["), total=None)
        yield lambda count, total: bar.update(task, completed=count, total=total)
