"""Interfile headers: 3.3 (Todd-Pokropek et al., Nucl Med Commun 13, 1992), STIR's and Siemens' of PET.

Images have no world: which way the patient lay isn't where the axes lead. The offset of the first pixel is
kept as it is told, in the scanner's own frame.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, geometry
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_core.meta import Rescale
from mlarray_io.sdk import RawData, spatial_labels
from mlarray_raw.described import Described, ordered, real, sizes, whole

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial

BLOCK = 2048
"""Bytes of a block, in which 3.3 may count where the data begin."""
_SINOGRAM = "is PET or SPECT data before reconstruction (a sinogram), which holds no image"
_TYPES = {
    ("signed integer", 1): "i1", ("signed integer", 2): "i2", ("signed integer", 4): "i4",
    ("unsigned integer", 1): "u1", ("unsigned integer", 2): "u2", ("unsigned integer", 4): "u4",
    ("short float", 4): "f4", ("long float", 8): "f8", ("float", 4): "f4", ("float", 8): "f8",
    ("signed integer", 8): "i8", ("unsigned integer", 8): "u8",
}  # fmt: skip

Keys = dict[str, str]


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
        It describes what is no image, or voxels of a type that isn't read.
    """
    spelt, keys = _keys(content)
    _refuse_others(keys, path)
    shape, labels = _shape(keys, path)
    name = keys.get("name of data file")
    if not name:
        raise CorruptError("is missing", path=path, field="name of data file")
    big = _big_endian(keys)
    raw = RawData(shape, ordered(np.dtype(_type(keys, path)), big=big), _offset(keys, path))
    spatial = _spatial(keys, labels, path)
    notes = ["Interfile doesn't say which way its axes lead in the patient: the world is unset"]
    rescale = _rescale(keys, raw, path, notes)
    return Described(
        raw,
        spatial,
        plain(spelt),
        name,
        additions=Additions(rescale=rescale, axes=_times(keys, labels, shape, path)),
        notes=notes,
    )


def _keys(content: bytes) -> tuple[dict[str, Any], Keys]:
    """Return keys as they are spelt, and in lower case without what 3.3 ignores; the last one holds."""
    spelt: dict[str, Any] = {}
    keys: Keys = {}
    for line in content.decode("utf-8", "replace").splitlines():
        key, sign, value = line.partition(":=")
        value = value.partition(";")[0].strip()
        if not sign or key.lstrip().startswith(";"):
            continue
        shown = " ".join(key.replace("!", " ").split())
        if shown and value:
            spelt[shown] = value
        keys[_plain(key)] = value
        if keys.keys() >= {"end of interfile"}:
            break
    return spelt, keys


def _plain(key: str) -> str:
    words = re.sub(r"[!_\s]+", " ", key).strip().lower()
    return re.sub(r"\s*\[\s*(\d+)\s*\]", r"[\1]", words)


def _refuse_others(keys: Keys, path: Path) -> None:
    """Refuse what is no image: sinograms and list mode of Siemens, GE and STIR, curves, regions."""
    kind = keys.get("pet data type", "").lower()
    form = keys.get("data format", "").lower()
    header = keys.get("%sms-mi header name space", "").lower()
    axes = " ".join(keys.get(f"matrix axis label[{axis}]", "").lower() for axis in range(1, 6))
    raw = any(word in axes for word in ("tangential", "view", "bin coordinate", "segment", "sinogram"))
    acquired = keys.get("process status", "").lower() == "acquired" and "number of projections" in keys
    if "listmode" in form or "petlink" in header or "listmode" in header:
        raise UnsupportedError("is a list of PET events, which holds no image", path=path)
    if (
        "sinogram" in form
        or "sinogram" in header
        or raw
        or acquired
        or kind
        in ("emission", "transmission", "blank", "attenuationcorrection", "normalisation", "normalization")
    ):
        raise UnsupportedError(
            _SINOGRAM, path=path, hint="Reconstruct it first, such as with STIR or the scanner's programs"
        )
    for name in ("data compression", "data encode"):
        if keys.get(name, "none").lower() not in ("", "none"):
            raise UnsupportedError(f"its {name} is {keys[name][:20]!r}", path=path, field=name)
    if keys.get("type of data", "").lower() in ("curve", "roi"):
        raise UnsupportedError(f"holds a {keys['type of data'].lower()}, which is no image", path=path)


def _shape(keys: Keys, path: Path) -> tuple[tuple[int, ...], list[str]]:
    """Return size and label of each axis, slowest first."""
    count = max((n for n in range(1, 6) if f"matrix size[{n}]" in keys), default=0)
    if count < 2:
        raise CorruptError("expected two sizes or more", path=path, field="matrix size")
    inner = sizes(keys, tuple(f"matrix size[{n}]" for n in range(count, 0, -1)), path)
    planes, outer, labels = _planes(keys, path), [], []
    if count == 2 and planes > 1:
        tomographic = keys.get("type of data", "").lower() in ("tomographic", "pet")
        if tomographic:
            inner = (planes, *inner)
        else:
            outer, labels = [planes], ["non_spatial"]
    for name, label in (
        ("number of image data types", "channel"),
        ("number of time frames", "temporal"),
    ):
        number = whole(keys, name, path, 1)
        if number > 1:
            outer.append(number)
            labels.append(label)
    space = spatial_labels(min(len(inner), 3))
    extra = ["non_spatial"] * (len(inner) - len(space))
    return (*outer, *inner), [*labels, *extra, *space]


def _planes(keys: Keys, path: Path) -> int:
    names = ("number of slices", "total number of images", "number of images/energy window")
    return next((whole(keys, name, path) for name in names if keys.get(name)), 1)


def _big_endian(keys: Keys) -> bool:
    """Say whether the most significant byte comes first, as it does where nothing is said (3.3)."""
    text = keys.get("imagedata byte order") or keys.get("image data byte order") or "BIGENDIAN"
    return not text.upper().startswith("LITTLE")


def _type(keys: Keys, path: Path) -> str:
    name = " ".join(keys.get("number format", "unsigned integer").lower().split())
    nbytes = whole(keys, "number of bytes per pixel", path, 4 if "float" in name else 1)
    if (name, nbytes) not in _TYPES:
        raise UnsupportedError(
            f"voxels of {nbytes} bytes as {name!r} aren't read", path=path, field="number format"
        )
    return _TYPES[name, nbytes]


def _offset(keys: Keys, path: Path) -> int:
    """Return where the first voxel is. Frames at places of their own are refused."""
    found = [keys[f"data offset in bytes[{n}]"] for n in range(1, 4) if f"data offset in bytes[{n}]" in keys]
    if len(found) > 1 and any(found[1:]):
        raise UnsupportedError(
            "its frames begin at places of their own", path=path, field="data offset in bytes"
        )
    if found and found[0]:
        return whole({"data offset in bytes": found[0]}, "data offset in bytes", path)
    if keys.get("data offset in bytes"):
        return whole(keys, "data offset in bytes", path)
    return whole(keys, "data starting block", path, 0) * BLOCK


def _spatial(keys: Keys, labels: list[str], path: Path) -> MetaSpatial:
    """Return spacing and the place of the first pixel, where it is told. A size that isn't has no unit."""
    count = sum(label.startswith("spatial") for label in labels)
    steps = [_step(keys, axis, path) for axis in range(count, 0, -1)]
    units = ["" if step is None else "mm" for step in steps]
    units = [*[""] * (len(labels) - count), *units]
    spacing = [1.0 if step is None else step for step in steps]
    offsets = [keys.get(f"first pixel offset (mm)[{axis}]", "") for axis in range(1, count + 1)]
    if not all(offsets):
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=spacing)
    origin = [real(text, "first pixel offset (mm)", path) for text in offsets]
    affine = geometry.compose(spacing, origin, np.eye(count)[:, ::-1])
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units)


def _step(keys: Keys, axis: int, path: Path) -> float | None:
    """Return the distance of voxels along an axis in mm, None where the header doesn't tell it."""
    for name in ("scaling factor (mm/pixel)", "scale factor (mm/pixel)"):
        if text := keys.get(f"{name}[{axis}]"):
            return _positive(real(text, name, path))
    text = keys.get("centre-centre slice separation (pixels)")
    pixels = [keys.get(f"scaling factor (mm/pixel)[{other}]") for other in (1, 2)]
    if axis == 3 and text and all(pixels):
        # 3.3 counts the distance of slices in pixels, which are square there; XMedCon takes the mean
        sides = [real(side or "", "scaling factor", path) for side in pixels]
        return _positive(real(text, "slice separation", path) * sum(sides) / 2)
    return None


def _positive(step: float) -> float | None:
    return abs(step) if step else None


def _rescale(keys: Keys, raw: RawData, path: Path, notes: list[str]) -> Rescale | None:
    """Return the factor of stored values, kept and not applied: headers differ in which one they mean."""
    for name in ("quantification units", "image scaling factor[1]", "rescale slope", "data rescale slope[1]"):
        if text := keys.get(name):
            try:
                slope = real(text, name, path)
            except CorruptError:
                continue  # a unit in words
            if slope not in (0.0, 1.0):
                notes.append(f"{name} {slope:g} is kept and not applied")
                return Rescale(slope, 0.0, raw.dtype.newbyteorder("=").name, applied=False)
    return None


def _times(keys: Keys, labels: list[str], shape: tuple[int, ...], path: Path) -> dict[int, AxisValues]:
    """Return the starts of time frames, where all are told."""
    if "temporal" not in labels:
        return {}
    axis = labels.index("temporal")
    if shape[axis] > len(keys):
        return {}
    texts = [keys.get(f"image relative start time (sec)[{n + 1}]", "") for n in range(shape[axis])]
    if not all(texts):
        return {}
    starts = [real(text, "image relative start time", path) for text in texts]
    return {axis: AxisValues("time", "s", starts)}
