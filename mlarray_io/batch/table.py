"""A table beside the journal: which file of the target each image of each source became."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from mlarray_core.disk import naming
from mlarray_core.errors import MLArrayError
from mlarray_core.publish import atomic
from mlarray_io.places.side_files import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io.batch.jobs import Report
    from mlarray_io.privacy.profile import Privacy

COLUMNS = ("source", "image", "series", "description", "target")
LARGEST = 4 << 30
"""Bytes of a table that is continued: some ten million images."""


class Table:
    """The images that were converted into a folder, of this run and of those before it.

    Parameters
    ----------
    journal
        The file of the journal beside which it lies: each shard has a table of its own.
    privacy
        How a person is kept out of targets: sources are called by pseudonyms then, images by numbers.
    """

    def __init__(self, journal: Path, privacy: Privacy | None = None) -> None:
        self._privacy = privacy
        self._path = journal.with_name(journal.stem.replace("journal", "images") + ".csv")
        self._rows: list[tuple[str, ...]] = []
        self._sources: set[str] = set()

    def add(self, report: Report) -> None:
        """Add the images of one source; they replace what is known of it."""
        source = report.source
        if self._privacy is not None:
            source = self._privacy.pseudonym(source, "source")
        self._sources.add(source)
        for number, image in enumerate(report.images):
            done = image.conversion
            key = done.image or "" if self._privacy is None else str(number)
            self._rows.append((source, key, done.series, done.title, image.target))

    def write(self) -> None:
        """Write it, after the rows of other sources that are there already; nothing to add writes nothing."""
        if not self._sources:
            return
        before = [row for row in self._before() if row[0] not in self._sources]
        if not (before or self._rows):
            return
        if self._path.is_symlink():  # it would be followed
            self._path.unlink()
        rows = [COLUMNS, *before, *(tuple(map(_inert, row)) for row in self._rows)]
        with (
            atomic(self._path, overwrite=True) as temporary,
            naming(temporary),
            temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            csv.writer(file).writerows(rows)

    def _before(self) -> list[list[str]]:
        if not self._path.is_file() or self._path.is_symlink():
            return []
        try:
            rows = list(csv.reader(io.StringIO(read_text(self._path, LARGEST))))
        except (MLArrayError, csv.Error):
            return []  # it only repeats what the journal and the files say
        return [row for row in rows[1:] if len(row) == len(COLUMNS)]


def _inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: descriptions are whatever a file says."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not cell[1:2].isdigit() else cell
