"""Images compared with their labels, pair by pair, by many processes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mlarray_core.errors import NotFoundError, UnsupportedError
from mlarray_io.batch.workers import Workers
from mlarray_io.checks.pair_names import pair
from mlarray_io.checks.pairs import check, lost
from mlarray_io.search.sources import Search

if TYPE_CHECKING:
    from mlarray_io.checks.pairs import Pair, PairRow
    from mlarray_io.search.criteria import Criteria


def compared(
    images: str, labels: str, criteria: Criteria, label_pattern: str | None, tolerance: float, jobs: int
) -> list[PairRow]:
    """Return a row for each image and label, those that have no partner included, by name.

    Parameters
    ----------
    images, labels
        Folders, or other sources; the same one when `label_pattern` tells labels from images.
    criteria
        Which files to look at.
    label_pattern
        Names of labels.
    tolerance
        How far apart corners may lie, in parts of a voxel.
    jobs
        How many processes.

    Raises
    ------
    NotFoundError
        A source isn't there.
    UnsupportedError
        A source holds no image.
    """
    search = Search(criteria)
    found = [search.images([one]) for one in (images, labels)]
    for side, name in zip(found, (images, labels), strict=True):
        if not side:
            raise UnsupportedError("no image was found", path=name, hint="; ".join(criteria.idle()) or None)
        if side[0].size < 0:
            raise NotFoundError("there is no such file", path=name)
    search.warn_idle()
    pairs = pair(found[0], found[1], label_pattern)
    pool: Workers[Pair, PairRow] = Workers(
        jobs, partial(check, tolerance=tolerance), lost, untrusted=(images, labels)
    )
    return sorted((row for _, row in pool.run(iter(pairs))), key=lambda row: row.name)
