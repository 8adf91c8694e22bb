"""Every shared TIFF file: the values, axes and type of its reference, or refused; the same again as OME-TIFF.

The set that passes must equal `passing.txt`; a change of it is a change to review.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mlarray
from mlarray_core import MLArray
from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = os.environ.get("MLARRAY_CASES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)")
PASSING = Path(__file__).with_name("passing.txt")


def _cases() -> Iterator[tuple[Path, dict[str, Any]]]:
    root = Path(FOLDER or ".")
    for path in sorted((root / "refs" / "tiff").rglob("*.json")):
        yield (
            root / path.relative_to(root / "refs").with_suffix(""),
            json.loads(path.read_text(encoding="utf-8")),
        )


def _name(path: Path) -> str:
    return path.relative_to(Path(FOLDER or ".") / "tiff").as_posix()


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def _wrong(image: MLArray, reference: dict[str, Any]) -> str:
    array, wanted = image.to_numpy(), reference["series0"]
    if (list(array.shape), array.dtype.name) != (wanted["shape"], wanted["dtype"]):
        return f"{array.shape} {array.dtype}"
    if image.meta.source["axes"] != wanted["axes"]:
        return f"axes {image.meta.source['axes']}"
    return "" if _digest(array) == wanted["sha256_values_C_order_little_endian"] else "other values"


def _verdict(source: Path, reference: dict[str, Any], target: Path) -> str:
    """Convert one case; return what is wrong with the result."""
    refused = "series0" not in reference
    try:
        mlarray.convert(source, target)
    except MLArrayError as error:
        return "" if refused and str(error) and not target.exists() else f"refused: {error}"
    with MLArray.open(target) as image:
        return "" if refused else _wrong(image, reference)


def test_every_case_is_right(tmp_path):
    passing, wrong = [], {}
    for number, (source, reference) in enumerate(_cases()):
        why = _verdict(source, reference, tmp_path / f"{number}.mla")
        if why:
            wrong[_name(source)] = why
        else:
            passing.append(_name(source))
    print(f"\n{len(passing)} of {len(passing) + len(wrong)} TIFF cases are right")
    assert passing == PASSING.read_text(encoding="utf-8").split("\n")[:-1], wrong


def test_every_case_comes_back_from_ome_tiff(tmp_path):
    good, bad = 0, {}
    for number, (source, reference) in enumerate(_cases()):
        if "series0" not in reference:
            continue
        there, back, again = (tmp_path / f"{number}{suffix}" for suffix in (".mla", ".ome.tif", "_.mla"))
        mlarray.convert(source, there)
        mlarray.convert(there, back)
        mlarray.convert(back, again)
        with MLArray.open(again) as image, MLArray.open(there) as before:
            why = _wrong(image, reference)
            one, other = image.meta.spatial, before.meta.spatial
            for field in ("axis_labels", "axis_units", "affine", "coord_system"):
                why = why or ("" if getattr(one, field) == getattr(other, field) else field)
            if other.spacing is not None and not np.allclose(one.spacing, other.spacing, rtol=1e-9):
                why = why or "spacing"
        good += not why
        if why:
            bad[_name(source)] = why
        for path in (there, back, again):
            path.unlink()
    print(f"\n{good} of {good + len(bad)} TIFF cases come back from OME-TIFF")
    assert not bad
    assert good
