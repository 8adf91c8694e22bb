"""Opens Bruker's 2dseq, which SimpleITK reads in a process of its own.

Of ITK's readers of formats that have none of ours, Bruker's is the one that refuses a file that ends early;
others hand back memory that nothing was read into.
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta
from mlarray_core.errors import CorruptError, NotFoundError
from mlarray_core.headers import plain
from mlarray_io.sdk import ChildReader, RawData, ask_child
from mlarray_itk.placement import placed, spatial_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Context

PARAMETERS = "visu_pars"
"""What a reconstruction's parameters are called, beside its voxels."""

_GROWTH = 4
"""Integers of one byte become floats: values are always scaled."""

_LONGEST = 1 << 24
_PIECE = 1 << 24
_UNTOLD = "[UNKNOWN_PRINT_CHARACTERISTICS]"
"""What ITK says in place of a value that isn't text."""

_WHERE = re.compile(r".*ERROR: (\w+\(0x\w+\): )?", re.DOTALL)


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
    """
    text = _parameters(path.with_name(PARAMETERS), path)
    found = ask_child("mlarray_itk.bruker:describe", path)
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
    return ChildReader(path, "mlarray_itk.bruker:voxels", raw, meta)


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


def _spatial(found: dict[str, Any], path: Path) -> MetaSpatial:
    count = len(found["size"])
    space = min(count, 3)
    labels = spatial_labels(space, *["non_spatial"] * (count - space))
    columns = np.array(found["direction"]).reshape(count, count) * found["spacing"]
    return placed(columns[:space, :space], np.array(found["origin"][:space]), labels, path)


@contextmanager
def _plain_words() -> Iterator[None]:
    """Leave out where in ITK's sources an error was raised, and the address of the object."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(_WHERE.sub("", str(error))) from error


def describe(path: str) -> Iterator[dict[str, Any]]:
    """Yield what SimpleITK says of a file without reading voxels. Runs in the other process."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(path)
    reader.SetImageIO("Bruker2dseqImageIO")
    with _plain_words():
        reader.ReadImageInformation()
    empty = SimpleITK.Image([1] * reader.GetDimension(), reader.GetPixelID())
    yield {
        "size": list(reader.GetSize()),
        "dtype": SimpleITK.GetArrayViewFromImage(empty).dtype.str,
        "spacing": list(reader.GetSpacing()),
        "origin": list(reader.GetOrigin()),
        "direction": list(reader.GetDirection()),
        "fields": {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()},
    }


def voxels(path: str) -> Iterator[Any]:
    """Yield an empty dict and the voxels, slowest axis first, in pieces. Runs in the other process."""
    import SimpleITK

    with _plain_words():
        image = SimpleITK.ReadImage(path, imageIO="Bruker2dseqImageIO")
    yield {}
    flat = np.ascontiguousarray(SimpleITK.GetArrayViewFromImage(image)).reshape(-1).view("u1")
    for number in range(math.ceil(len(flat) / _PIECE)):
        yield flat[number * _PIECE : (number + 1) * _PIECE].data
