"""The ways in which core writes files. To try another way, add it to `WAYS`."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import blosc2
import numpy as np

from mlarray import MLArray
from mlarray_core.disk import naming
from mlarray_core.publish import atomic
from mlarray_io.checks.verifying import verify
from mlarray_io.commands import levels
from tests.faults.way import Way, digest, nothing

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (24, 40, 72)
LAYOUT = {"chunk_size": (12, 20, 36), "block_size": (6, 10, 12)}
OLD = np.random.default_rng(1).integers(0, 9000, SHAPE).astype("i2")
NEW = np.random.default_rng(2).integers(0, 9000, SHAPE).astype("i2")
NAME = "scan.mla"


def image(voxels: np.ndarray, note: str) -> MLArray:
    return MLArray(voxels, spacing=(2, 1, 1), meta={"note": note}, **LAYOUT)


def look(folder: Path) -> object:
    """Return what the file holds, levels and metadata included; None without a file."""
    path = folder / NAME
    if not path.exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with MLArray.open(path, verify="full") as found:
            images = [found, *found.levels]
            sums = [digest(one.to_numpy()) for one in images]
            sealed = found.verify() if found.shape[0] else ""
            return {
                "sealed": sealed,
                "voxels": sums,
                "source": found.meta.source.to_mapping(),
                "shape": found.shape,
            }


def old(folder: Path) -> None:
    image(OLD, "old").save(folder / NAME)


def old_with_levels(folder: Path) -> None:
    image(OLD, "old").save(folder / NAME, levels=2)


def old_empty(folder: Path) -> None:
    MLArray(np.zeros((0, 4, 5), "i2"), meta={"note": "old"}).save(folder / NAME)


def interrupted(folder: Path) -> None:
    """Leave what a killed edit leaves behind an image and its levels."""
    old_with_levels(folder)
    with (folder / NAME).open("ab") as file:
        file.write(b"half of an edit" * 40)


def unsealed(folder: Path) -> None:
    """Have another program write the file."""
    blosc2.asarray(OLD, chunks=LAYOUT["chunk_size"], blocks=LAYOUT["block_size"], urlpath=str(folder / NAME))


def save(folder: Path) -> None:
    image(NEW, "new").save(folder / NAME)


def save_with_levels(folder: Path) -> None:
    image(NEW, "new").save(folder / NAME, levels=2)


def create(folder: Path) -> None:
    with MLArray.create(folder / NAME, SHAPE, "i2", meta={"note": "new"}, **LAYOUT) as made:
        for z, plane in enumerate(NEW):
            made[z] = plane


def create_with_levels(folder: Path) -> None:
    with MLArray.create(folder / NAME, SHAPE, "i2", meta={"note": "new"}, levels=2, **LAYOUT) as made:
        made[...] = NEW


def edit(folder: Path) -> None:
    with MLArray.open(folder / NAME, mmap_mode="r+") as opened:
        opened[3:20, 5:33] = NEW[3:20, 5:33]
        opened.meta.source = {"note": "new"}


def edit_metadata(folder: Path) -> None:
    with MLArray.open(folder / NAME, mmap_mode="r+") as opened:
        opened.meta.source = {"note": "new"}


def edit_and_save_levels(folder: Path) -> None:
    with MLArray.open(folder / NAME, mmap_mode="r+") as opened:
        opened.save(folder / NAME, levels=1)


def drop_levels_of_an_edit(folder: Path) -> None:
    with MLArray.open(folder / NAME, mmap_mode="r+") as opened:
        opened.save(folder / NAME, levels="none")


def build_levels(folder: Path) -> None:
    levels.build(str(folder / NAME), "1")


def drop_levels(folder: Path) -> None:
    levels.drop(str(folder / NAME))


def reseal(folder: Path) -> None:
    found = verify(folder / NAME, reseal=True)
    if found.error is not None:
        raise found.error


def save_itself(folder: Path) -> None:
    """Save an image, whose voxels are still in the file, over that file."""
    with MLArray.open(folder / NAME) as opened:
        opened.meta.source = {"note": "new"}
        opened.save(folder / NAME)


def put_folder(folder: Path, note: str) -> None:
    """Write a folder as array stores are: several files, which belong together."""
    with atomic(folder / "store", overwrite=True) as made, naming(made):
        made.mkdir()
        for name in ("a", "b"):
            (made / name).write_text(note)


def look_into_folder(folder: Path) -> object:
    store = folder / "store"
    return {path.name: path.read_text() for path in sorted(store.iterdir())} if store.exists() else None


WAYS = {
    "folder over": Way(partial(put_folder, note="old"), partial(put_folder, note="new"), look_into_folder),
    "save": Way(nothing, save, look),
    "save over": Way(old, save, look),
    "save over itself": Way(old_with_levels, save_itself, look),
    "save with levels": Way(old, save_with_levels, look),
    "create": Way(nothing, create, look),
    "create over": Way(old, create, look),
    "create with levels": Way(old_with_levels, create_with_levels, look),
    "edit": Way(old, edit, look),
    "edit of levels' image": Way(old_with_levels, edit, look),
    "edit of metadata": Way(old_with_levels, edit_metadata, look),
    "edit without voxels": Way(old_empty, edit_metadata, look),
    "edit, save levels": Way(old, edit_and_save_levels, look),
    "edit, drop levels": Way(old_with_levels, drop_levels_of_an_edit, look),
    "levels --build": Way(old_with_levels, build_levels, look),
    "levels --drop": Way(old_with_levels, drop_levels, look),
    "reseal": Way(interrupted, reseal, look),
    "reseal unsealed": Way(unsealed, reseal, look),
}
