"""Writes where pixels lie in a coordinate reference system, for images that came from GeoTIFF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_tiff.georeference import (
    GEO_DOUBLES,
    GEO_KEYS,
    GEO_TAGS,
    GEO_TEXTS,
    MODEL_SCALE,
    MODEL_TIEPOINT,
    MODEL_TRANSFORM,
    geo_affine,
    is_point,
)
from mlarray_tiff.tags import tag_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_io import Reader

_SHORT, _ASCII, _DOUBLE = 3, 2, 12
_TYPES = {GEO_KEYS: _SHORT, GEO_TEXTS: _ASCII}

ExtraTag = tuple[int, int, int, Any, bool]


def geo_tags(reader: Reader, source: Mapping[str, object]) -> list[ExtraTag]:
    """Return the GeoTIFF tags of an image: its source's, with another transformation where it moved."""
    tags = {code: tag_value(source, code) for code in GEO_TAGS}
    tags = {code: value for code, value in tags.items() if value is not None}
    spatial = reader.meta.spatial
    if not tags:
        return []
    if spatial.affine is None and spatial.origin is None:
        return (
            [_tag(code, value) for code, value in tags.items()] if _has_points(tags, source, reader) else []
        )
    letters = _letters(spatial.axis_labels or [])
    affine = geometry.affine_of(spatial, len(letters))
    before = geo_affine(tags, letters)
    if before is None or not np.allclose(before, affine, rtol=1e-12, atol=0):
        kept = (GEO_KEYS, GEO_DOUBLES, GEO_TEXTS)
        transform = _transform(affine, letters, point=is_point(tags))
        tags = {**{code: tags[code] for code in kept if code in tags}, MODEL_TRANSFORM: transform}
    return [_tag(code, value) for code, value in tags.items()]


def _has_points(tags: Mapping[int, Any], source: Mapping[str, Any], reader: Reader) -> bool:
    """Say whether ground control points place the image: several tie points, of an image of this size."""
    stored = [int(size) for size in source.get("stored_shape", ()) if size != 1]
    points = np.size(tags.get(MODEL_TIEPOINT, ()))
    return points > 6 and MODEL_SCALE not in tags and stored == [size for size in reader.shape if size != 1]


def _letters(labels: list[str]) -> str:
    return "".join(label[-1].upper() for label in labels if label.startswith("spatial_"))


def _transform(affine: np.ndarray[Any, Any], letters: str, *, point: bool) -> list[float]:
    """Return the 4 x 4 matrix from column, row, layer, to pixel corners unless pixels are points."""
    model = np.eye(4)
    if len(letters) == 2:
        model[2, 2] = 0.0
    rows = list(range(len(letters)))
    model[np.ix_(rows, ["XYZ".index(letter) for letter in letters])] = affine[:-1, :-1]
    model[rows, 3] = affine[:-1, -1]
    if not point:
        model[:3, 3] -= model[:3, 0] * 0.5 + model[:3, 1] * 0.5
    return [float(value) for value in model.ravel()]


def _tag(code: int, value: Any) -> ExtraTag:
    if _TYPES.get(code) == _ASCII:
        return code, _ASCII, len(value) + 1, value, False
    values = np.asarray(value).ravel().tolist()
    return code, _TYPES.get(code, _DOUBLE), len(values), values, False
