"""What the files of a source's images are called when they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.sdk.format import Format, ImageRef
    from mlarray_io.sdk.source import Source


def file_names(images: Sequence[ImageRef], origin: Source, reading: Format) -> list[str]:
    """Return a file name without suffix for each image, all different in any case."""
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
