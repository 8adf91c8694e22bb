"""The command ``scan``: find, look, mark, write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import UnsupportedError
from mlarray_core.publish import check_target
from mlarray_io.batch.workers import Workers
from mlarray_io.scan import outliers, tables
from mlarray_io.scan.facts import Look, Wish, look, lost
from mlarray_io.scan.rows import Row
from mlarray_io.search.criteria import Criteria, Found, LeftOut
from mlarray_io.search.sources import Search, folders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class ScanRequest:
    """What is to be tabulated.

    Attributes
    ----------
    sources
        Where to look.
    criteria
        For what.
    output
        The table: ``.csv``, ``.json``, ``.parquet`` or ``.html``; None to write none.
    wish
        What is wanted beyond the headers.
    jobs
        How many processes.
    overwrite
        Replace an existing table.
    """

    sources: tuple[str, ...]
    criteria: Criteria
    output: Path | None
    wish: Wish
    jobs: int
    overwrite: bool = False


def scan(request: ScanRequest, progress: Callable[[int, int], None] | None = None) -> list[Row]:
    """Look at every image and write the table.

    Parameters
    ----------
    request
        What to look at.
    progress
        Called with how many sources are done and how many there are.

    Returns
    -------
    list of Row
        One for each image, in the order of their paths; then one for each file that is left out.

    Raises
    ------
    UnsupportedError
        There is no image.
    """
    output = request.output
    if output is not None:
        tables.check_suffix(output)
        check_target(output, overwrite=request.overwrite)
    found, left_out = _found(request)
    seen: dict[str, Look] = {}
    work = partial(look, wish=request.wish)
    pool: Workers[Found, Look] = Workers(
        min(request.jobs, len(found)), work, lost, folders_of(request.sources)
    )
    for one, looked in pool.run(iter(found)):
        seen[one.path] = looked
        if progress is not None:
            progress(len(seen), len(found))
    named = {row.source for looked in seen.values() for row in looked.rows}
    for path in sorted(seen):
        left_out += seen[path].left_out
    table = [row for path in sorted(seen) for row in seen[path].rows]
    table += [Row.of(one) for one in _once(left_out, named)]
    outliers.mark(table)
    if output is not None:
        title = ", ".join(Path(source).name or source for source in request.sources)
        tables.write(table, output, title, overwrite=request.overwrite)
    return table


def _found(request: ScanRequest) -> tuple[list[Found], list[LeftOut]]:
    found: list[Found] = []
    left_out: list[LeftOut] = []
    search = Search(request.criteria)
    for one in search.search(request.sources):
        if isinstance(one, Found):
            found.append(one)
        else:
            left_out.append(one)
    if not found and not any(one.lost for one in left_out):
        hint = "; ".join(request.criteria.idle()) or None
        raise UnsupportedError("no image was found", path=request.sources[0], hint=hint)
    search.warn_idle()
    return found, left_out


def _once(left_out: Sequence[LeftOut], named: set[str]) -> list[LeftOut]:
    """Return each file that is left out once, by its path, without those that are images of their own."""
    by_name = {one.name: one for one in reversed(left_out) if one.name not in named}
    return [by_name[name] for name in sorted(by_name)]
