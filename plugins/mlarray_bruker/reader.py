"""Opens Bruker's 2dseq, which SimpleITK reads in a process of its own.

Of ITK's readers of formats that have none of ours, Bruker's is the one that refuses a file that ends early;
others hand back memory that nothing was read into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from mlarray_core import Meta
from mlarray_core.errors import CorruptError, NotFoundError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_io.sdk import ChildReader, RawData, ask_child, placed, spatial_labels

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_bruker.child import Described
    from mlarray_core import MetaSpatial
    from mlarray_io import Context

PARAMETERS = "visu_pars"
"""What a reconstruction's parameters are called, beside its voxels."""

_GROWTH = 4
"""Integers of one byte become floats: values are always scaled."""

_LIBRARIES = ("SimpleITK",)
_LONGEST = 1 << 24
_UNTOLD = "[UNKNOWN_PRINT_CHARACTERISTICS]"
"""What ITK says in place of a value that isn't text."""


def open_bruker(path: Path, context: Context) -> ChildReader:
    """Open the ``2dseq`` at `path`.

    Raises
    ------
    CorruptError
        SimpleITK refuses it, crashes on it, or doesn't end; or the header describes more than the file holds.
    NotFoundError
        The parameters aren't beside it.
    LimitError
        It is larger than the host allows.
    UnsupportedError
        Stored values are asked for.
    """
    if context.raw:
        raise UnsupportedError(
            "only the values that its slope and offset give are read, not the stored ones",
            path=path,
            hint="Leave out --raw (raw=True)",
        )
    text = _parameters(path.with_name(PARAMETERS), path)
    found = cast("Described", ask_child("mlarray_bruker.child:describe", path, libraries=_LIBRARIES))
    raw = RawData(tuple(reversed(found["size"])), np.dtype(found["dtype"]))
    if 0 in raw.shape or raw.nbytes > path.stat().st_size * _GROWTH:
        raise CorruptError(
            f"its parameters describe {raw.nbytes:,} bytes of values, which the file can't hold",
            path=path,
            hint="Was it copied whole?",
        )
    context.allow(raw.nbytes, path)
    fields = {name: value for name, value in found["fields"].items() if _UNTOLD not in value}
    meta = Meta(source={PARAMETERS: text, "fields": plain(fields)}, spatial=_spatial(found, path))
    return ChildReader(path, "mlarray_bruker.child:voxels", raw, meta, libraries=_LIBRARIES)


def _parameters(parameters: Path, path: Path) -> str:
    """Return the text of the parameters. Without its last line, ITK would read on and on."""
    if not parameters.is_file():
        raise NotFoundError(
            f"its parameters, {PARAMETERS}, are missing", path=path, hint="Put them beside it"
        )
    with parameters.open("rb") as file:
        text = file.read(_LONGEST).decode("latin-1")
    if "\n##END" not in text:
        raise CorruptError("its last line is missing", path=parameters, hint="Was it copied whole?")
    return text


def _spatial(found: Described, path: Path) -> MetaSpatial:
    count = len(found["size"])
    space = min(count, 3)
    labels = spatial_labels(space, *["non_spatial"] * (count - space))
    columns = np.array(found["direction"]).reshape(count, count) * found["spacing"]
    return placed(columns[:space, :space], np.array(found["origin"][:space]), labels, path)
