"""Files of a BIDS dataset that count for an image from folders above it (BIDS 1.10, inheritance principle).

A file counts when its suffix is the image's and each of its entities is one of the image's, with the same
label: ``task-rest_bold.json`` for ``sub-01_task-rest_run-1_bold.nii.gz``. Fields of a file further down take
the place of those above; of tables the nearest counts. The folder with ``dataset_description.json`` is the
last one.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from mlarray_nifti.files import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATASET = "dataset_description.json"
"""The file that makes a folder a dataset (BIDS, "Modality agnostic files")."""
DEEPEST = 8
"""Folders from an image up to its dataset: subject, session, modality and derivatives, with some to spare."""
MOST_ENTRIES = 20_000
"""Names in one folder that are looked at."""


def inherited(path: Path, extension: str) -> list[Path]:
    """Return the files that count for an image, the one of its own name too, from the dataset downwards.

    Parameters
    ----------
    path
        The image.
    extension
        Of the files, such as ``.json``.

    Raises
    ------
    ValueError
        Several of one folder count equally, which BIDS forbids.
    """
    own = path.with_name(split(path)[0] + extension)
    entities, suffix = _parts(own.name, extension)
    folders = list(_folders(path)) if entities else []
    found = []
    for folder in reversed(folders):
        several = [name for name in _names(folder, extension) if _counts(name, extension, entities, suffix)]
        if folder == path.parent and own.is_file():
            several = [own.name]
        if len(several) > 1:
            first, second = sorted(several)[:2]
            raise ValueError(f"{first} and {second} in {folder.name} both count, which BIDS forbids")
        found += [folder / name for name in several]
    return found if folders else [own]


def _folders(path: Path) -> Iterator[Path]:
    """Yield the folders from an image up to its dataset; none when it isn't in one."""
    parents = path.absolute().parents[: DEEPEST + 1]
    roots = (place for place, folder in enumerate(parents) if (folder / DATASET).is_file())
    root = next(roots, None)
    if root is not None:
        yield path.parent
        yield from parents[1 : root + 1]


def _names(folder: Path, extension: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in itertools.islice(entries, MOST_ENTRIES):
            if entry.name.endswith(extension) and entry.is_file():
                yield entry.name


def _parts(name: str, extension: str) -> tuple[set[str], str]:
    """Return the entities of a name, such as ``sub-01``, and its suffix."""
    *entities, suffix = name.removesuffix(extension).split("_")
    return set(entities), suffix


def _counts(name: str, extension: str, entities: set[str], suffix: str) -> bool:
    own, kind = _parts(name, extension)
    return kind == suffix and own <= entities and all("-" in entity for entity in own)
