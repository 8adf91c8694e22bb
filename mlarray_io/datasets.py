"""Whole datasets, from Python: tabulated, images compared with labels, files verified."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from mlarray_io.requests.arguments import bar, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.checks.pairs import PairRow
    from mlarray_io.checks.verifying import Verdict
    from mlarray_io.engine.writing import Progress
    from mlarray_io.scan.rows import Row

    Path = str | os.PathLike[str]


def verify(path: Path, *, reseal: bool = False) -> Verdict:
    """Check all checksums of a `.mla` file.

    Parameters
    ----------
    path
        The file, or its URL.
    reseal
        Accept what an unsealed file, or one that another program edited, holds, and write it anew, sealed.

    Returns
    -------
    Verdict
        Its `state` is ``sealed``, ``unsealed``, ``edited elsewhere``, ``damaged`` or ``unreadable``.
    """
    from mlarray_io.checks.verifying import verify as check

    return check(path, reseal=reseal)


def scan(
    source: Path | Sequence[Path],
    output: Path | None = None,
    *,
    source_format: str | None = None,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    stats: bool = False,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> list[Row]:
    """Tabulate every image below a folder: shape, spacing, type, modality, and which ones are outliers.

    Parameters
    ----------
    source
        File, folder, URL, pattern, or a list of such.
    output
        A table to write: ``.csv``, ``.json``, ``.parquet`` or ``.html``.
    source_format
        Name of the format to read all of them with.
    include, exclude
        Patterns of the files to take, and to leave out.
    stats
        Read all voxels too, for minimum, maximum, mean and percentiles.
    jobs
        How many processes; None for one a core.
    overwrite
        Replace an existing table.
    progress
        Called with how many sources are done and how many there are. True shows a bar on standard error.

    Returns
    -------
    list of Row
        One for each image, then one for each file that is left out.

    Raises
    ------
    UnsupportedError
        There is no image.
    """
    from mlarray_core.processors import available_threads
    from mlarray_io.scan.facts import Wish
    from mlarray_io.scan.run import ScanRequest
    from mlarray_io.scan.run import scan as run
    from mlarray_io.search.criteria import Criteria

    table = None if output is None else FilePath(output)
    pictures = table is not None and table.suffix.lower() == ".html"
    request = ScanRequest(
        texts(source),
        Criteria(texts(include), texts(exclude), source_format),
        table,
        Wish(stats, pictures, source_format),
        jobs or available_threads(),
        overwrite,
    )
    with bar(progress, "scanning", images=True) as report:
        return run(request, report)


def check_pairs(
    images: Path,
    labels: Path,
    *,
    label_pattern: str | None = None,
    tolerance: float = 1e-3,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    jobs: int | None = None,
) -> list[PairRow]:
    """Compare each image with its label: shape and place must be the same.

    Parameters
    ----------
    images, labels
        Folders; the same one when `label_pattern` tells labels from images.
    label_pattern
        Names of labels, such as ``*_seg*``.
    tolerance
        How far apart corners may lie, in parts of a voxel.
    include, exclude
        Patterns of the files to take, and to leave out.
    jobs
        How many processes; None for one a core.

    Returns
    -------
    list of PairRow
        One for each image and label; `problems` is empty where they agree.

    Raises
    ------
    MLArrayError
        A folder isn't there or holds no image.
    """
    from mlarray_core.processors import available_threads
    from mlarray_io.requests.pairs import compared
    from mlarray_io.search.criteria import Criteria

    criteria = Criteria(texts(include), texts(exclude))
    sides = os.fspath(images), os.fspath(labels)
    return compared(*sides, criteria, label_pattern, tolerance, jobs or available_threads())
