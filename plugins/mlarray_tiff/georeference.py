"""GeoTIFF: where pixels lie in a coordinate reference system. Also the geometry of coarser levels.

Rules: OGC GeoTIFF 1.1 (19-008r4), 7.2 "Raster space", Annex B.6 "Coordinate transformations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlarray_core import Additions, geometry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_core.meta import Meta

Affine = npt.NDArray[np.float64]

MODEL_SCALE, MODEL_TIEPOINT, MODEL_TRANSFORM = 33550, 33922, 34264
GEO_KEYS, GEO_DOUBLES, GEO_TEXTS = 34735, 34736, 34737
GEO_TAGS = (MODEL_SCALE, MODEL_TIEPOINT, MODEL_TRANSFORM, GEO_KEYS, GEO_DOUBLES, GEO_TEXTS)

_RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1025, 2048, 3072
_CITATIONS = (3073, 1026, 2049)
_PIXEL_IS_POINT = 2
_USER_DEFINED = 32767


def geo_affine(tags: Mapping[int, object], axes: str) -> Affine | None:
    """Return the affine of an image in its reference system, None when the file doesn't give one.

    Rows are the system's x and y (z), columns the spatial axes in array order; it leads to pixel centres.
    Tags speak of pixel corners unless GTRasterType is PixelIsPoint.

    Parameters
    ----------
    tags
        Values by tag code.
    axes
        Letters of the array's axes.
    """
    model = _model(tags)
    letters = [axis for axis in axes if axis in "XYZ"]
    if model is None or sorted(letters) not in (["X", "Y"], ["X", "Y", "Z"]):
        return None
    if not is_point(tags):
        model = model @ _shift(0.5, 0.5)
    rows = list(range(len(letters)))
    columns = ["XYZ".index(axis) for axis in letters]
    affine = np.eye(len(letters) + 1)
    affine[:-1, :-1] = model[np.ix_(rows, columns)]
    affine[:-1, -1] = model[rows, 3]
    usable = np.isfinite(affine).all() and abs(np.linalg.det(affine)) > 0
    return affine if usable else None


def is_point(tags: Mapping[int, object]) -> bool:
    """Say whether positions in the file are those of pixel centres, not of corners."""
    return bool(geo_keys(tags).get(_RASTER_TYPE) == _PIXEL_IS_POINT)


def _model(tags: Mapping[int, object]) -> Affine | None:
    """Return the 4 x 4 matrix from column, row, layer to x, y, z."""
    transform = _numbers(tags.get(MODEL_TRANSFORM))
    if len(transform) == 16:
        model = np.array(transform).reshape(4, 4)
        if model[2, 2] == 0:  # two dimensions
            model[2, 2] = 1.0
        return model
    scale, tie = _numbers(tags.get(MODEL_SCALE)), _numbers(tags.get(MODEL_TIEPOINT))
    if len(scale) != 3 or len(tie) < 6:
        return None
    steps = np.array([scale[0], -scale[1], scale[2] or 1.0])
    model = np.diag([*steps, 1.0])
    model[:3, 3] = np.array(tie[3:6]) - steps * np.array(tie[:3])
    return model


def _shift(x: float, y: float) -> Affine:
    matrix = np.eye(4)
    matrix[:2, 3] = x, y
    return matrix


def _numbers(value: Any) -> list[float]:
    try:
        return [float(item) for item in value]
    except (TypeError, ValueError):
        return []


def geo_keys(tags: Mapping[int, object]) -> dict[int, Any]:
    """Return the GeoKeys by number; texts and doubles from the tags that they point into."""
    directory = [int(value) for value in _numbers(tags.get(GEO_KEYS))]
    texts, doubles = str(tags.get(GEO_TEXTS) or ""), _numbers(tags.get(GEO_DOUBLES))
    keys: dict[int, Any] = {}
    for at in range(4, len(directory) - 3, 4):
        key, place, count, value = directory[at : at + 4]
        if place == 0:
            keys[key] = value
        elif place == GEO_TEXTS:
            keys[key] = texts[value : value + count].rstrip("|\0 ")
        elif place == GEO_DOUBLES:
            keys[key] = doubles[value : value + count]
    return keys


def crs(tags: Mapping[int, object]) -> str | None:
    """Return the name of the reference system: ``EPSG:32633``, or the words of the file for its own."""
    keys = geo_keys(tags)
    for key in (_PROJECTED, _GEOGRAPHIC):
        code = keys.get(key)
        if isinstance(code, int) and 0 < code < _USER_DEFINED:
            return f"EPSG:{code}"
    words = next((str(keys[key]) for key in _CITATIONS if keys.get(key)), "")
    return words or None


def coarser(meta: Meta, factors: Sequence[float]) -> Meta:
    """Return the metadata of a level of a pyramid.

    Parameters
    ----------
    meta
        Of full resolution.
    factors
        How many voxels of full resolution one of the level spans, for each axis of the array.
    """
    moved, spatial = meta.copy(), meta.spatial
    labels = list(spatial.axis_labels or ())
    own = [factors[axis] for axis in geometry.spatial_axes(labels, len(factors))]
    moved._set_by_library(blosc2=None, shape=None)
    if spatial.origin is None and spatial.affine is None:
        if spatial.spacing is not None:
            steps = [step * factor for step, factor in zip(spatial.spacing, own, strict=True)]
            moved.spatial.spacing = steps
    else:
        affine = geometry.affine_of(spatial, len(own))
        affine[:-1, -1] += affine[:-1, :-1] @ ((np.array(own) - 1) / 2)
        affine[:-1, :-1] *= own
        moved.spatial = geometry.spatial_meta(
            affine, axis_labels=labels, axis_units=spatial.axis_units, coord_system=spatial.coord_system
        )
    additions = Additions.of(moved)
    additions.store(moved)
    return moved
