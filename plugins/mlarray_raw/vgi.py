"""VGStudio's headers: sections in braces and brackets, ``key = value`` in them. The first volume is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_io.sdk import RawData, spatial_labels
from mlarray_raw.described import Described, ordered, real, sizes, whole

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial

_KINDS = {"unsigned integer": "u", "integer": "i", "signed integer": "i", "float": "f"}
_GROUP = re.compile(r"\{\s*([^}]*?)\s*\}")
_SECTION = re.compile(r"\[\s*([^\]]*?)\s*\]")

Sections = dict[str, dict[str, str]]


def parse(content: bytes, path: Path) -> Described:
    """Return what a header says.

    Parameters
    ----------
    content
        The header.
    path
        Its file.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        The voxels are of a type that isn't read, packed, or in several files.
    """
    sections = _sections(content.decode("utf-8", "replace"))
    volume, file = sections.get("representation", {}), sections.get("file1", {})
    files = [name for name in sections if re.fullmatch(r"file[1-9]\d*", name)]
    if len(files) > 1:
        raise UnsupportedError(f"its voxels are in {len(files)} files", path=path, field="file2")
    name = file.get("name")
    if not name:
        raise CorruptError("is missing", path=path, field="name")
    if file.get("fileformat", "raw").lower() != "raw":
        raise UnsupportedError(
            f"its voxels are stored as {file['fileformat'][:20]!r}", path=path, field="fileformat"
        )
    shape = _shape(file.get("size") or volume.get("size", ""), path)
    kind = " ".join((file.get("datatype") or volume.get("datatype", "")).lower().split())
    bits = whole({**volume, **file}, "bitsperelement", path)
    if kind not in _KINDS or bits not in (8, 16, 32, 64) or (kind == "float" and bits < 32):
        raise UnsupportedError(f"voxels of {bits} bits as {kind!r} aren't read", path=path, field="datatype")
    dtype = ordered(np.dtype(f"{_KINDS[kind]}{bits // 8}"), big=False)
    raw = RawData(shape, dtype, whole(file, "skipheader", path, 0))
    return Described(raw, _spatial(sections.get("geometry", {}), path), plain(sections), name.strip('"'))


def _sections(text: str) -> Sections:
    """Return the sections of the first volume and of its scene by name, the first of each."""
    found: Sections = {}
    group, section, volumes = "", "", set[str]()
    for line in text.splitlines():
        line = line.strip()
        if match := _GROUP.fullmatch(line):
            group, section = match[1].lower(), ""
            if re.fullmatch(r"volume\d*", group):
                volumes.add(group)
        elif match := _SECTION.fullmatch(line):
            section = match[1].lower()
            section = "" if section in found or (group in volumes and len(volumes) > 1) else section
            if section:
                found[section] = {}
        elif "=" in line and section:
            key, _, value = line.partition("=")
            found[section].setdefault(key.strip().lower(), value.strip())
    return found


def _shape(text: str, path: Path) -> tuple[int, ...]:
    """Return sizes, z first; the header has x first."""
    words = text.replace(",", " ").split()
    if len(words) != 3:
        raise CorruptError(f"expected three sizes, got {text[:40]!r}", path=path, field="size")
    x, y, z = sizes(dict(zip("xyz", words, strict=True)), ("x", "y", "z"), path)
    return z, y, x


def _spatial(scene: dict[str, str], path: Path) -> MetaSpatial:
    labels = spatial_labels(3)
    words = scene.get("resolution", "").replace(",", " ").split()
    if len(words) != 3:
        return geometry.spatial_meta(None, axis_labels=labels)
    steps = [real(word, "resolution", path) for word in reversed(words)]
    if any(step <= 0 for step in steps):
        raise CorruptError(f"expected sizes of voxels, got {steps}", path=path, field="resolution")
    unit = scene.get("unit", "").strip().lower()
    units = [unit] * 3 if unit else None
    return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=steps)
