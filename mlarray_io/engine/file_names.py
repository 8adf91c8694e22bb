"""What the files of a source's images are called when they are written.

By what the format says, or by a template of header values: ``{PatientID}_{SeriesNumber}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlarray_core.errors import OptionError
from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, ImageRef
    from mlarray_io.sdk.source import Source


_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
MISSING = "unknown"
"""What stands in a name for a value that a header doesn't have."""
LONGEST = 150
"""Characters of one part of a name: file systems allow 255 bytes, suffix and temporary name included."""


@dataclass(frozen=True)
class NameTemplate:
    """A name with fields in braces.

    Parameters
    ----------
    text
        Such as ``{PatientID}/{SeriesNumber}_{SeriesDescription}``; slashes divide folders.

    Raises
    ------
    OptionError
        Braces don't fit, or it has no field, so that all images would be called the same.
    """

    text: str

    def __post_init__(self) -> None:
        rest = _FIELD.sub("", self.text)
        if "{" in rest or "}" in rest or not self.fields:
            what = f"expected names of header values in braces, not {self.text!r}"
            raise OptionError(what, field="--name", hint="Such as '{PatientID}_{SeriesNumber}'")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names in braces."""
        return tuple(_FIELD.findall(self.text))

    def is_complete(self, values: Mapping[str, object]) -> bool:
        """Whether there is a value for each field."""
        return all(field in values for field in self.fields)

    def name(self, values: Mapping[str, object], context: Context, taken: Collection[str] = ()) -> str:
        """Return the name of an image's file, without suffix, which can't lead out of a folder.

        Parameters
        ----------
        values
            What the image's header and its listing say.
        context
            Gets a note of what they don't say.
        taken
            Names of other images of the source; one that is taken gets a number.
        """
        missing = [field for field in self.fields if values.get(field) in (None, "")]
        if missing:
            context.warn(f"has no {', '.join(missing)}, which its name should have: it says {MISSING!r}")
        parts = [
            safe_name(_FIELD.sub(lambda match: _spelt(values.get(match[1])), part))[:LONGEST]
            for part in self.text.split("/")
            if part.strip(". ")
        ]
        base = name = "/".join(parts)
        used, count = {one.lower() for one in taken}, 1
        while name.lower() in used:
            count += 1
            name = f"{base}_{count}"
        return name


def file_names(images: Sequence[ImageRef], origin: Source, reading: Format) -> list[str]:
    """Return a file name without suffix for each image, all different in any case.

    Parameters
    ----------
    images
        As the format lists them.
    origin
        The source.
    reading
        Its format, whose suffix is cut off.
    """
    stem = origin.name[: len(origin.name) - suffix_length(origin.name, reading.suffixes)]
    names: dict[str, str] = {}
    for image in images:
        name = base = safe_name(image.name or (stem if len(images) == 1 else image.key))
        count = 1
        while name.lower() in names:
            count += 1
            name = f"{base}_{count}"
        names[name.lower()] = name
    return list(names.values())


def safe_name(name: str) -> str:
    """Return `name` without what no file may be called on some system, and without leaving the folder."""
    return (
        "".join("_" if char in '/\\:*?"<>|' or ord(char) < 32 else char for char in name).strip(". ")
        or "image"
    )


def _spelt(value: object) -> str:
    if value is None or value == "":
        return MISSING
    text = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return re.sub(r"\s+", "_", safe_name(text.strip()))
