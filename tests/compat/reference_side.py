"""What the reference is asked to do, in its own environment: one JSON list of jobs in, one of answers out."""

import hashlib
import json
import sys

import numpy as np

from mlarray import Meta, MLArray


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray) else value


def describe(path, how="load"):
    image = MLArray.open(path) if how == "open" else MLArray.load(path)
    voxels = image.to_numpy() if image.shape else None
    if how == "open" and voxels is not None:
        voxels = image[...]
    answer = {
        "shape": image.shape,
        "dtype": None if voxels is None else voxels.dtype.str,
        "sha256": None
        if voxels is None
        else hashlib.sha256(np.ascontiguousarray(voxels).tobytes()).hexdigest(),
        "spacing": plain(image.spacing),
        "origin": plain(image.origin),
        "direction": plain(image.direction),
        "affine": plain(image.affine),
        "labels": None if image.meta.spatial.axis_labels is None else list(image.meta.spatial.axis_labels),
        "source": image.meta.source.to_plain(),
        "extra": image.meta.extra.to_plain(),
        "is_seg": image.meta.is_seg.to_plain(),
        "bbox": image.meta.bbox.to_mapping(include_none=False),
        "coord_system": image.meta.spatial.coord_system,
    }
    image.close()
    return answer


def resave(path, target):
    MLArray(path).save(target)


def edit(path, value=7, key="edited", voxels=True):
    image = MLArray.open(path, mmap_mode="r+")
    if voxels:
        image[:1] = value
    image.meta.source[key] = "by the reference"
    image.close()


def touch(path):
    MLArray.open(path, mmap_mode="r+").close()


def write(folder):
    voxels = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    turned = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    MLArray(voxels, (1.0, 2.0, 0.5), (4.0, 5.0, 6.5), turned, meta={"a": {"b": [1, None]}}).save(
        f"{folder}/parts.mla"
    )
    affine = [[1.2, 0.1, 0, 5], [0, 2.0, 0.3, -6], [0.2, 0, 3.1, 7], [0, 0, 0, 1]]
    MLArray(voxels.astype("f4"), affine=affine).save(f"{folder}/affine.mla")
    labels = ["channel", "spatial_y", "spatial_x"]
    MLArray(voxels, axis_labels=labels, spacing=(1.5, 2.5), patch_size=4).save(f"{folder}/labels.mla")
    MLArray(voxels > 9, meta=Meta(source={"x": 1}, is_seg=True, extra={"e": "\u00fc"})).save(
        f"{folder}/seg.mla"
    )
    MLArray(meta=Meta(bbox={"bboxes": [[[0, 1], [2, 3]]]})).save(f"{folder}/boxes.mla")
    MLArray(np.arange(9)).save(f"{folder}/line.mla")
    MLArray(voxels, patch_size=None).save(f"{folder}/auto.mla")
    image = MLArray.create(f"{folder}/created.mla", voxels.shape, voxels.dtype, meta={"c": 1})
    image[...] = voxels
    image.close()


JOBS = {"describe": describe, "resave": resave, "edit": edit, "touch": touch, "write": write}

if __name__ == "__main__":
    answers = []
    for name, *arguments in json.load(sys.stdin):
        try:
            answers.append(JOBS[name](*arguments))
        except Exception as error:
            answers.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps(answers, default=str))
