"""Writes the kit's files and what each of them holds: `python -m conformance.make FOLDER`.

The files in `cases/` were written once, with this, and are not written again; what is new gets a new name.
"""

from __future__ import annotations

import gzip
import json
import math
import pickle
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from conformance.score import SECTIONS
from mlarray import Meta, MLArray

Image = Callable[[], MLArray]

VOXELS = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
TILED: dict[str, Any] = {"patch_size": None, "chunk_size": (3, 4, 4), "block_size": (2, 2, 4)}
OBLIQUE = [[0.0, -0.6, 0.8], [0.0, 0.8, 0.6], [-1.0, 0.0, 0.0]]
TURNED = [[0, 2, 1], [3, 0, 2], [0, 0, 1]]
SHEARED = [[1.2, 0.1, 0, 5], [0, 2, 0.3, -6], [0.2, 0, 3.1, 7], [0, 0, 0, 1]]
CODECS = {"blosclz": 0, "lz4": 1, "lz4hc": 2, "zlib": 4, "zstd": 5}
FILTERS = {"none": [0], "shuffle": [1], "bitshuffle": [2], "bytedelta": [1, 35]}
SHAPES = [(11,), (5, 7), (3, 4, 5, 6), (2, 3, 2, 3, 4), (2, 1, 2, 3, 2, 2)]
TYPES = [
    "bool",
    "u1",
    "i1",
    "<u2",
    "<i2",
    "<u4",
    "<i4",
    "<u8",
    "<i8",
    "<f2",
    "<f4",
    "<f8",
    "<c8",
    "<c16",
    ">i2",
    ">f4",
]


def _typed(dtype: str) -> Image:
    values = (VOXELS.astype("i8") * 37 - 3000).astype(dtype)
    values.flat[:2] = _extremes(np.dtype(dtype))
    return lambda: MLArray(values, **TILED)


def _extremes(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype.kind in "iu":
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return (np.nan, -np.inf) if dtype.kind in "fc" else (False, True)


def _shaped(*shape: int) -> Image:
    values = np.arange(math.prod(shape), dtype=np.uint16).reshape(shape)
    return lambda: MLArray(values)


def _packed(codec: int, filters: list[int]) -> Image:
    params = {"codec": codec, "clevel": 5, "filters": filters, "filters_meta": [0] * len(filters)}
    return lambda: MLArray(
        VOXELS.repeat(3, 0), patch_size=None, chunk_size=(7, 6, 7), block_size=(4, 6, 4), cparams=params
    )


def _special(value: float) -> Image:
    values = np.full((9, 8, 7), value, np.float32)
    values[:3, :4, :4] = np.arange(48).reshape(3, 4, 4)
    return lambda: MLArray(values, patch_size=None, chunk_size=(3, 4, 4), block_size=(3, 4, 4))


def _placed(**geometry: Any) -> Image:
    world = geometry.pop("coord_system", "LPS")
    return lambda: MLArray(VOXELS, meta=Meta(spatial={"coord_system": world}), **geometry, **TILED)


def _axes(*labels: str, **geometry: Any) -> Image:
    values = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    return lambda: MLArray(values, axis_labels=list(labels), **geometry)


def _labels() -> MLArray:
    meta = Meta(is_seg=True)
    meta.labels = [
        {
            "value": 1,
            "name": "liver",
            "color": "#dd8265",
            "code": {"scheme": "SCT", "value": "10200004", "meaning": "Liver"},
        },
        {"value": 2, "name": "tumour"},
    ]
    return MLArray((VOXELS % 3).astype(np.uint8), meta=meta, **TILED)


def _described() -> MLArray:
    source = {
        "text": 'Grüße, 骨 " \\ \n',
        "long": "x" * 300,
        "numbers": [0, 255, 256, 65536, -1, -40000, 2**40, -(2**40), 1e300],
        "odd": [None, True, False, [], {}, [[1], {"a": []}]],
        "infinite": [math.inf, -math.inf],
        "many": list(range(1500)),
    }
    meta = Meta(
        source=source,
        extra={"a": {"b": {"c": 0.1}}},
        stats={"min": -1.5, "max": 2.0, "percentile_min_key": 0.05},
    )
    meta.bbox = {"bboxes": [[[0, 1.5], [2, 3], [4, 5]]], "scores": [0.5], "labels": ["lesion"]}
    return MLArray(VOXELS, meta=meta, **TILED)


def images() -> dict[str, Image]:
    """Return what makes each image of the kit, by the name of its file."""
    return {
        **{f"type-{np.dtype(dtype).str.strip('<|').replace('>', 'big-')}": _typed(dtype) for dtype in TYPES},
        **{f"axes-{len(shape)}": _shaped(*shape) for shape in SHAPES},
        **{f"codec-{name}": _packed(number, [1]) for name, number in CODECS.items()},
        **{f"filter-{name}": _packed(5, filters) for name, filters in FILTERS.items()},
        "chunks-of-zeros": _special(0.0),
        "chunks-of-nan": _special(math.nan),
        "chunks-of-one-value": _special(7.5),
        "place-parts": _placed(spacing=(2.5, 0.7, 0.9), origin=(-10.0, 20.5, 30.25), direction=OBLIQUE),
        "place-spacing-only": _placed(spacing=(2.5, 0.7, 0.9), coord_system="RAS"),
        "place-affine": _placed(affine=SHEARED, coord_system="RAS"),
        "place-nowhere": lambda: MLArray(VOXELS, **TILED),
        "place-plane": _axes("channel", "spatial_y", "spatial_x", spacing=(1.5, 2.5)),
        "place-middle-axis": _axes("spatial_y", "components", "spatial_x", affine=TURNED),
        "place-own-axis": _axes("temporal", "dose", "spatial_x", spacing=(4,), origin=(7,)),
        "labels": _labels,
        "metadata": _described,
        "metadata-only": lambda: MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]], extra={"target": 0.5})),
        "levels": lambda: MLArray(np.arange(72 * 70 * 66, dtype=np.uint16).reshape(72, 70, 66) // 997),
    }  # fmt: skip


def expected(image: MLArray) -> dict[str, Any]:
    """Return what a reader should print of an image that `images` made, points asked for included.

    Parameters
    ----------
    image
        As it was made, not as it was read from a file.
    """
    meta = {name: getattr(image.meta, name).to_mapping(include_none=False) for name in SECTIONS}
    known: dict[str, Any] = {"shape": None, "meta": {name: value for name, value in meta.items() if value}}
    if image.shape is None:
        return known
    voxels, affine = np.ascontiguousarray(image.to_numpy()), np.asarray(image.affine)
    indices = [
        tuple(0 for _ in voxels.shape),
        tuple(n - 1 for n in voxels.shape),
        tuple(n // 2 for n in voxels.shape),
    ]
    return {
        **known,
        "shape": list(voxels.shape),
        "dtype": voxels.dtype.str,
        "crc32": f"{zlib.crc32(voxels.tobytes()):08x}",
        "affine": affine.tolist(),
        "points": [_point(image, voxels, affine, index) for index in indices],
    }


def _point(
    image: MLArray, voxels: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], index: tuple[int, ...]
) -> dict[str, Any]:
    labels = image.meta.spatial.axis_labels or ["spatial"] * voxels.ndim
    along = [i for i, label in zip(index, labels, strict=True) if label.startswith("spatial")]
    kind, width = voxels.dtype.kind, voxels.dtype.itemsize
    plain = kind in "biu" or (kind == "f" and width > 2)
    return {
        "index": list(index),
        "value": voxels[index].item() if plain else None,
        "world": (affine @ [*along, 1])[:-1].tolist(),
    }


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _flipped(content: bytes) -> bytes:
    at = int.from_bytes(content[11:15], "big") + 200
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def _naming(content: bytes) -> bytes:
    """Return the file with metadata that name a class: a harmless one, and nothing that they may hold."""
    from mlarray_core.container import frame as frames
    from mlarray_core.container.trailer import trailer_of
    from mlarray_core.metadata.msgpack import pack_bytes

    frame = frames.parse(lambda at, count: content[at : at + count], len(content))
    metadata = gzip.compress(pickle.dumps({"source": {"data": {"a": Fraction(1, 2)}}}, 5), mtime=0)
    body = content[frame.header_size : frame.trailer_at]
    trailer = trailer_of({"mlarray": pack_bytes(metadata)})
    length = frame.trailer_at + len(trailer)
    return (
        frames.patch_header(frame.header, length=length, cbytes=frame.cbytes, has_vlmeta=True)
        + body
        + trailer
    )


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "refuse-cut-short": (_cut, "basic", "the last third is missing"),
    "refuse-no-frame": (lambda content: b"\0" * 8 + content[8:], "basic", "the signature is missing"),
    "refuse-named-class": (_naming, "basic", "the metadata name a class, fractions.Fraction"),
    "refuse-flipped-bit": (
        _flipped,
        "sealed",
        "one bit of a stored chunk is another one; only the seal tells",
    ),
}
"""How files that must be refused are made of `place-parts`, who must refuse them, what is wrong with them."""


def main(folder: Path) -> None:
    """Write the kit.

    Parameters
    ----------
    folder
        Where to; files that are there are left alone.
    """
    for name, make in images().items():
        path = folder / f"{name}.mla"
        if not path.exists():
            with make() as image:
                holds = expected(image)
                image.save(path, levels="auto" if name == "levels" else "keep")
            _note(path, {"class": "basic", **holds})
    sound = (folder / "place-parts.mla").read_bytes()
    for name, (change, kind, why) in REFUSED.items():
        path = folder / f"{name}.mla"
        if not path.exists():
            path.write_bytes(change(sound))
            _note(path, {"class": kind, "refuse": why})


def _note(path: Path, holds: dict[str, Any]) -> None:
    path.with_suffix(".json").write_text(json.dumps(holds, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
