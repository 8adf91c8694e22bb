"""The command ``scan``: find, look, mark, write."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import UnsupportedError
from mlarray_core.publish import check_target
from mlarray_io.batch.workers import Workers
from mlarray_io.scan import outliers, tables
from mlarray_io.scan.facts import Wish, look, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_io.search.criteria import Found
    from mlarray_io.search.folders import Discovery

Rows = list[dict[str, Any]]


def scan(
    sources: Sequence[str],
    output: Path | None,
    discovery: Discovery,
    wish: Wish,
    jobs: int,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Rows:
    """Look at every image and write the table.

    Parameters
    ----------
    sources, discovery
        Where to look, and for what.
    output
        The table: ``.csv``, ``.json``, ``.parquet`` or ``.html``; None to write none.
    wish
        What is wanted beyond the headers.
    jobs
        How many processes.
    overwrite
        Replace an existing table.
    progress
        Called with how many sources are done and how many there are.

    Returns
    -------
    list of dict
        A row for each image, in the order of their paths.
    """
    if output is not None:
        tables.check_suffix(output)
        check_target(output, overwrite=overwrite)
    found = list(discovery.search(sources))
    if not found:
        raise UnsupportedError("no image was found", path=sources[0])
    rows: dict[str, Rows] = {}
    pool: Workers[Found, Rows] = Workers(min(jobs, len(found)), partial(look, wish=wish), lost)
    for one, seen in pool.run(iter(found)):
        rows[one.path] = seen
        if progress is not None:
            progress(len(rows), len(found))
    table = [row for path in sorted(rows) for row in rows[path]]
    outliers.mark(table)
    if output is not None:
        title = ", ".join(Path(source).name or source for source in sources)
        tables.write(table, output, title, overwrite=overwrite)
    return table
