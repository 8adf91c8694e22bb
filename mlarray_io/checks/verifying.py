"""Checking files against their seals, and sealing them anew."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.container.seal import State
from mlarray_core.errors import CorruptError, MLArrayError, UnsupportedError
from mlarray_core.url_text import is_url, shown
from mlarray_core.urls import refuse_url
from mlarray_io.search.criteria import Criteria, LeftOut
from mlarray_io.search.sources import Search, is_several

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlarray_core.container.contents import Contents

DAMAGED, UNREADABLE = "damaged", "unreadable"
_MLA = "*.[mM][lL][aA]"
"""Of a folder, files that are called so."""
_SAID = {
    State.SEALED.value: "sealed, and all checksums agree",
    State.UNSEALED.value: "unsealed: readable, but there are no checksums to compare with",
}


@dataclass(frozen=True)
class Verdict:
    """What was found out about one file.

    Attributes
    ----------
    path
        Of the file.
    state
        ``sealed``, ``unsealed``, ``edited elsewhere``, ``damaged`` or ``unreadable``: as it was found.
    chunks, damaged
        How many chunks of voxels there are, and the numbers of those that are wrong.
    error
        What is wrong, None if nothing is.
    resealed
        The file was written anew, with checksums of what it holds.
    """

    path: str
    state: str
    chunks: int = 0
    damaged: tuple[int, ...] = ()
    error: MLArrayError | None = None
    resealed: bool = False

    @property
    def failed(self) -> bool:
        """Whether something is wrong and stays so."""
        return self.error is not None

    def __str__(self) -> str:
        said = str(self.error) if self.error else f"{self.path}: {_SAID.get(self.state, self.state)}"
        return f"{said}; sealed anew" if self.resealed else said

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**asdict(self), "damaged": list(self.damaged), "error": self.error and str(self.error)}


def verify(path: str | os.PathLike[str], *, reseal: bool = False) -> Verdict:
    """Check everything in a `.mla` file that can be checked.

    Parameters
    ----------
    path
        Of the file.
    reseal
        Accept what an unsealed file, or one that another program edited, holds, if all of it can be read:
        write it anew, with a seal. Voxels that a seal proves damaged are never accepted.
    """
    name = shown(os.fspath(path))
    found, contents = _checked(os.fspath(path), name)
    if not reseal or not _is_resealable(found, contents):
        return found
    try:
        refuse_url(path)
        return _resealed(Path(os.path.realpath(path)), name)
    except MLArrayError as error:
        return replace(found, error=error)


def _is_resealable(found: Verdict, contents: Contents | None) -> bool:
    """Whether a seal is needed and allowed."""
    if contents is None or found.state == DAMAGED:
        return False
    return contents.state is not State.SEALED or len(contents.buffer) > contents.end


def _checked(path: str, name: str) -> tuple[Verdict, Contents | None]:
    """Return what was found out, and the file if it could be opened."""
    from mlarray_core.container.open import open_contents

    try:
        contents = open_contents(path)
        contents.meta()
    except MLArrayError as error:
        state = DAMAGED if isinstance(error, CorruptError) else UNREADABLE
        return Verdict(name, state, error=error), None
    state, count = contents.state.value, contents.frame.nchunks
    damaged = tuple(_damaged(contents))
    if damaged:
        return Verdict(name, DAMAGED, count, damaged, _damage(name, damaged, count)), contents
    if contents.state is State.EDITED:
        return Verdict(name, state, count, error=_edited(name)), contents
    try:
        contents.verify_levels()
    except MLArrayError as error:
        return Verdict(name, DAMAGED, count, error=error), contents
    return Verdict(name, state, count), contents


def _resealed(path: Path, name: str) -> Verdict:
    """Check a file again, now that no writer can reach it, and seal it anew."""
    from mlarray_core.container.held_file import held

    with held(path):
        found, contents = _checked(str(path), name)
        if contents is None or not _is_resealable(found, contents):
            return found
        seal_anew(name, contents)
    return replace(found, error=None, resealed=True)


def verify_all(sources: Iterable[str], *, reseal: bool = False) -> Iterator[Verdict]:
    """Check files one by one, and remove what killed writers have left beside them.

    Parameters
    ----------
    sources
        Files, whatever they are called; folders, patterns and lists, of which the ``.mla`` files are taken.
    reseal
        As for `verify`.

    Raises
    ------
    UnsupportedError
        There is no `.mla` file in a folder or a pattern.
    """
    from mlarray_core.leftovers import sweep

    folders = set()
    for path in dict.fromkeys(path for source in sources for path in _files(source)):
        if not is_url(path):
            folders.add(os.path.dirname(os.path.abspath(path)))
        yield verify(path, reseal=reseal)
    for folder in filter(os.path.isdir, folders):
        sweep(folder)


def _files(source: str) -> list[str]:
    """Return the files that a source names; what can't be read, or is called so and is none, too."""
    if not (is_several(source) or os.path.isdir(source) or (is_url(source) and source.endswith("/"))):
        return [source]
    found = Search(Criteria(include=(_MLA,))).search([source])
    files = [one.path for one in found if (one.lost if isinstance(one, LeftOut) else one.kind == "file")]
    if not files:
        raise UnsupportedError("no .mla file was found", path=shown(source))
    return files


def seal_anew(path: str, contents: Contents) -> None:
    """Write a file anew with the same header, metadata, chunks and levels, and a seal.

    The caller holds the file's lock.

    Raises
    ------
    WriteError
        It can't be written; the file is as it was.
    """
    from mlarray_core.container.image_writer import write_anew
    from mlarray_core.levels.store import copy
    from mlarray_core.publish import atomic

    with atomic(path, overwrite=True) as temporary:
        with open(temporary, "w+b") as file:
            write_anew(file, contents)
        copy(contents, temporary)


def _damaged(contents: Contents) -> Iterator[int]:
    """Yield the numbers of damaged chunks: by checksums, or by decoding where those don't count."""
    from mlarray_core.chunks import codec

    if contents.state is State.SEALED:
        yield from contents.damaged()
        return
    for number in range(contents.frame.nchunks):
        try:
            chunk = contents.chunk(number)
            if chunk is not None:
                codec.decode(chunk, contents.grid)
        except MLArrayError:
            yield number


def _damage(path: str, damaged: tuple[int, ...], count: int) -> CorruptError:
    shown = ", ".join(map(str, damaged[:5])) + (" ..." if len(damaged) > 5 else "")
    return CorruptError(
        f"{len(damaged)} of {count} chunks are damaged: {shown}", path=path, field="voxels",
        hint="Restore the file from a copy; verify='none' reads what is left",
    )  # fmt: skip


def _edited(path: str) -> CorruptError:
    return CorruptError(
        "edited by another program since it was sealed, or damaged", path=path,
        hint="It can be read; accept it as it is with --reseal",
    )  # fmt: skip
