"""The command ``info``: what a source holds, from its headers alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.container.contents import Contents
    from mlarray_core.meta import Meta
    from mlarray_io.places.place import Shown
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, ImageRef
    from mlarray_io.sdk.source import Source


class Inspection(NamedTuple):
    """What a source holds.

    Attributes
    ----------
    path, format
        The source and the name of its format.
    image, shape, dtype, meta
        Of its one image, or the chosen one; `meta` is None when there are several and none was chosen.
    levels
        Shapes of the coarser versions of the image that the source holds, finest first.
    file_bytes
        Size of the file; 0 for a folder, and where it isn't known.
    seal
        What the seal of a `.mla` file says; None for other formats.
    images
        All images when there are several and none was chosen.
    skipped, warnings
        Files that were left out, as ``what: why``, and what else the user should know.
    """

    path: Shown
    format: str
    image: str | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""
    meta: Meta | None = None
    levels: Sequence[tuple[int, ...]] = ()
    file_bytes: int = 0
    seal: str | None = None
    images: Sequence[ImageRef] = ()
    skipped: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def plain(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        common: dict[str, object] = {"path": str(self.path), "format": self.format}
        notes = {"skipped": list(self.skipped), "warnings": list(self.warnings)}
        if self.meta is None:
            return {**common, "images": [_image(image) for image in self.images], **notes}
        one: dict[str, object] = {"image": self.image, "shape": list(self.shape), "dtype": self.dtype}
        stored = {
            "levels": [list(shape) for shape in self.levels],
            "file_bytes": self.file_bytes,
            "seal": self.seal,
        }
        return {**common, **one, **stored, "meta": self.meta.to_plain(), **notes}


def run(
    file: str,
    source_format: str | None = None,
    image: str | None = None,
    *,
    as_json: bool = False,
    everything: bool = False,
) -> None:
    """Print what a file or a folder holds.

    Parameters
    ----------
    file, source_format, image
        The source, a format to force, an image to choose.
    as_json
        Print strict JSON.
    everything
        Print all metadata, not only what fits one screen.
    """
    from mlarray_core.url_text import is_url
    from mlarray_io.printing.text import say, strict_json

    if is_url(file):  # which is fetched into a temporary folder
        from mlarray_io.requests.interrupts import terminable

        terminable()
    found = inspect(file, source_format, image)
    if as_json:
        say(strict_json(found.plain()))
        return
    from mlarray_io.commands import info_screen

    info_screen.show(found, everything=everything)


def inspect(
    path: str | os.PathLike[str], format: str | None = None, image: str | None = None, *, one: bool = False
) -> Inspection:
    """Read the headers of a source.

    Parameters
    ----------
    path, format, image
        The source, a format to force, an image to choose.
    one
        Demand one image, instead of listing several.
    """
    if format in (None, "mla") and image is None and _is_container(os.fspath(path)):
        return _container(os.fspath(path))
    from mlarray_io.engine.sources import opened
    from mlarray_io.places.place import place_of

    with opened(place_of(path), format) as (source, reading):
        return _inspected(source, reading, image, one=one)


def _inspected(source: Source, reading: Format, image: str | None, *, one: bool) -> Inspection:
    from mlarray_io.engine.select import choose, images_of, open_image
    from mlarray_io.engine.settings import Settings

    options, context = reading.options_type(), Settings().context()
    images = images_of(source, reading, options, context)
    if image is None and not one and len(images) > 1 and sum(ref.primary for ref in images) != 1:
        skipped, warnings = _notes(context)
        return Inspection(source.where, reading.name, images=images, skipped=skipped, warnings=warnings)
    chosen = choose(images, image, source)
    with open_image(source, reading, chosen, options, context) as reader:
        skipped, warnings = _notes(context)
        return Inspection(
            source.where,
            reading.name,
            chosen.key if len(images) > 1 else None,
            reader.shape,
            str(reader.dtype),
            reader.meta,
            levels=[level.shape for level in reader.levels],
            file_bytes=source.size,
            skipped=skipped,
            warnings=warnings,
        )


def header(path: str | os.PathLike[str]) -> Meta:
    """Return the metadata of the one image of a source.

    Raises
    ------
    MLArrayError
        There is nothing, it can't be read, or it holds several images.
    """
    meta = inspect(path, one=True).meta
    assert meta is not None, "one image was asked for"
    return meta


def _is_container(path: str) -> bool:
    """Whether a path is that of a `.mla` file, asked without loading what opens other formats and URLs."""
    from mlarray_core.container.frame import is_frame
    from mlarray_core.url_text import is_url

    if not path.lower().endswith(".mla") or is_url(path):
        return False
    try:
        with open(path, "rb") as file:
            return is_frame(file.read(64))
    except OSError:
        return False


def _container(path: str) -> Inspection:
    """Read a `.mla` file without NumPy and Blosc2, which take longer to load than it takes to read."""
    from mlarray_core.container.open import open_contents

    contents = open_contents(path)
    frame = contents.frame
    return Inspection(
        path,
        "mla",
        None,
        frame.shape,
        _spelt(frame.dtype),
        contents.meta(),
        levels=_level_shapes(contents),
        file_bytes=len(contents.buffer),
        seal=contents.state.value,
    )


def _level_shapes(contents: Contents) -> list[tuple[int, ...]]:
    if len(contents.buffer) == contents.frame.length:
        return []
    from mlarray_core.container.level_index import read_index
    from mlarray_core.errors import CorruptError

    try:
        levels = read_index(contents.read, len(contents.buffer), contents.frame)
        return [contents.window(level.at, level.size).frame.shape for level in levels]
    except CorruptError:  # opening the file has warned of it
        return []


def _spelt(dtype: str) -> str:
    """Return NumPy's long name of a type, ``int16`` for ``<i2``, without NumPy."""
    words = {"i": "int", "u": "uint", "f": "float", "c": "complex"}
    code = dtype.lstrip("<>|=")
    if code == "b1":
        return "bool"
    kind, size = code[:1], code[1:]
    return f"{words[kind]}{8 * int(size)}" if kind in words and size.isdecimal() else dtype


def _notes(context: Context) -> tuple[list[str], list[str]]:
    """Return what was skipped, and what else there is to say."""
    report = context.report
    losses = [f"{loss.what} is not kept: {loss.why}" for loss in report.losses]
    return [str(skip) for skip in report.skipped], report.warnings + losses


def _image(image: ImageRef) -> dict[str, object]:
    facts = {name: list(value) if isinstance(value, tuple) else value for name, value in image.facts.items()}
    return {"key": image.key, "title": image.title, "primary": image.primary, "facts": facts}
