"""The command ``privacy``: what files say about a person, by names of fields, never by their values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.engine.settings import Settings
from mlarray_io.engine.sources import opened
from mlarray_io.engine.views import found_in
from mlarray_io.places.place import place_of
from mlarray_io.printing.errors import error_json, error_text
from mlarray_io.printing.text import printable, say, strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlarray_io.privacy.metadata import Findings

SHOWN = 12
"""How many other fields are named."""


@dataclass(frozen=True)
class _Said:
    """What one image says, or why it couldn't be read."""

    file: str
    image: str
    findings: Findings | None = None
    error: MLArrayError | None = None


def run(files: Sequence[str], source_format: str | None, *, as_json: bool) -> bool:
    """Print what each file says about a person; return whether one couldn't be read.

    Parameters
    ----------
    files
        `.mla` files, sources of any format, folders that make up images.
    source_format
        Name of the format, to overrule what they look like.
    as_json
        Print strict JSON.
    """
    said = [one for file in files for one in _look(file, source_format)]
    if as_json:
        say(strict_json([_plain(one) for one in said]))
    else:
        for one in said:
            _show(one)
    return any(one.error is not None for one in said)


def _look(file: str, source_format: str | None) -> Iterator[_Said]:
    settings = Settings(source_format=source_format)
    try:
        with opened(place_of(file), source_format) as (source, reading):
            options, context = settings.read_options(reading), settings.context()
            for image in images_of(source, reading, options, context):
                try:
                    with open_image(source, reading, image, options, context) as reader:
                        yield _Said(file, image.key, found_in(reader.meta))
                except MLArrayError as error:
                    yield _Said(file, image.key, error=error)
    except MLArrayError as error:
        yield _Said(file, "", error=error)


def _plain(one: _Said) -> dict[str, object]:
    import json

    plain: dict[str, object] = {"file": one.file, "image": one.image}
    if one.findings is not None:
        plain.update({name: list(value) for name, value in asdict(one.findings).items()})
    if one.error is not None:
        plain["error"] = json.loads(error_json(one.error))["error"]
    return plain


def _show(one: _Said) -> None:
    if one.error is not None or one.findings is None:
        if one.error is not None:
            say(error_text(one.error), err=True)
        return
    found = one.findings
    where = printable(one.file + (f" (image {one.image})" if one.image not in ("", "0") else ""))
    count = len(found.identifying)
    say(f"{where}: {count} identifying field{'' if count == 1 else 's'}{': ' if count else ''}"
        f"{_named(found.identifying, None)}")  # fmt: skip
    if found.other:
        say(f"  {len(found.other)} other fields may hold anything: {_named(found.other, SHOWN)}")
    for reason in found.voxels:
        say(f"  voxels: {printable(reason)}")
    if found.deidentified:
        say(f"  de-identified: {printable('; '.join(found.deidentified))}")


def _named(names: Iterable[str], most: int | None) -> str:
    listed = [printable(name) for name in names]
    shown = listed if most is None else listed[:most]
    more = len(listed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
