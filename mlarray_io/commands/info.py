"""What a file holds and who would read it, from headers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_io.places.place import Shown, place_of
from mlarray_io.sdk.source import Source

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from mlarray_core.meta import Meta
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, ImageRef


@dataclass(frozen=True)
class Inspection:
    """What a source holds.

    Attributes
    ----------
    path, format
        The source and the name of its format.
    image, shape, dtype, meta
        Of its one image, or the chosen one; `meta` is None when there are several and none was chosen.
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
    images: Sequence[ImageRef] = ()
    skipped: Sequence[str] = ()
    warnings: Sequence[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        common = {"path": str(self.path), "format": self.format}
        notes = {"skipped": list(self.skipped), "warnings": list(self.warnings)}
        if self.meta is None:
            return {**common, "images": [_image(image) for image in self.images], **notes}
        one = {"image": self.image, "shape": list(self.shape), "dtype": self.dtype}
        return {**common, **one, "meta": self.meta.to_plain(), **notes}


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
    from mlarray_core.container.frame import is_frame

    place = place_of(path)
    if place.local is not None and format in (None, "mla"):
        source = Source(place.local)
        if source.has_suffix(".mla") and is_frame(source.head):
            return _container(source)
    from mlarray_io.engine.sources import opened

    with opened(place, format) as (source, reading):
        return _inspected(source, reading, image, one=one)


def _inspected(source: Source, reading: Format, image: str | None, *, one: bool) -> Inspection:
    from mlarray_io.engine.select import choose, images_of, open_image
    from mlarray_io.engine.settings import Settings

    options, context = reading.options_type(), Settings().context()
    images = images_of(source, reading, options, context)
    if image is None and not one and len(images) > 1 and sum(ref.primary for ref in images) != 1:
        return Inspection(source.where, reading.name, images=images, **_notes(context))
    chosen = choose(images, image, source)
    with open_image(source, reading, chosen, options, context) as reader:
        return Inspection(
            source.where,
            reading.name,
            chosen.key if len(images) > 1 else None,
            reader.shape,
            str(reader.dtype),
            reader.meta,
            **_notes(context),
        )


def header(path: str | os.PathLike[str]) -> Meta:
    """Return the metadata of the one image of a source."""
    meta = inspect(path, one=True).meta
    if meta is None:
        raise AssertionError("one image was demanded")
    return meta


def listing() -> dict[str, Any]:
    """Return the installed formats and broken plugins as JSON can hold them."""
    from dataclasses import asdict

    from mlarray_io.api import formats
    from mlarray_io.engine.registry import installed

    return {"formats": [asdict(format) for format in formats()], "broken": dict(installed().broken)}


def claims(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return which formats claim a file, and how surely, as JSON can hold it."""
    from mlarray_io.engine.registry import install_line, installed, missing
    from mlarray_io.places.sources import source_at

    registry, source = installed(), source_at(place_of(path))
    found = [
        {
            "format": format.name,
            "confidence": confidence.name.lower(),
            "install": install_line(format) if missing(format) else None,
        }
        for format, confidence in registry.claims(source)
    ]
    return {"path": str(source.where), "claims": found, "broken": dict(registry.broken)}


def _container(source: Source) -> Inspection:
    """Read a `.mla` file without NumPy and Blosc2, which take longer to load than it takes to read."""
    from mlarray_core.container.open import read_meta

    meta, shape, dtype = read_meta(source.path)
    return Inspection(source.path, "mla", None, shape, _spelt(dtype), meta)


def _spelt(dtype: str) -> str:
    """Return NumPy's long name of a type, ``int16`` for ``<i2``, without NumPy."""
    words = {"i": "int", "u": "uint", "f": "float", "c": "complex"}
    code = dtype.lstrip("<>|=")
    if code == "b1":
        return "bool"
    kind, size = code[:1], code[1:]
    return f"{words[kind]}{8 * int(size)}" if kind in words and size.isdecimal() else dtype


def _notes(context: Context) -> dict[str, Any]:
    losses = [f"{loss.what} is not kept: {loss.why}" for loss in context.report.losses]
    return {
        "skipped": [str(skip) for skip in context.report.skipped],
        "warnings": context.report.warnings + losses,
    }


def _image(image: ImageRef) -> dict[str, Any]:
    facts = {name: list(value) if isinstance(value, tuple) else value for name, value in image.facts.items()}
    return {"key": image.key, "title": image.title, "primary": image.primary, "facts": facts}
