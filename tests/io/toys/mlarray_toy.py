"""A small format for the host's tests: a line of JSON and voxels; it fails on request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlarray_core import Meta, geometry
from mlarray_io import Confidence, Format, ImageRef, Options, Reader, boxes_along, hookimpl, option

MAGIC = b"TOY1 "
FAILURES = {
    "eof": EOFError("Compressed file ended"),
    "memory": MemoryError(),
    "recursion": RecursionError("maximum recursion depth exceeded"),
    "value": ValueError("what is this"),
    "index": IndexError("tuple index out of range"),
    "full": OSError(28, "No space left on device"),
    "io": OSError(5, "Input/output error"),
    "vague": OSError("corrupt"),
    "interrupt": KeyboardInterrupt(),
    "exit": SystemExit(3),
    "missing": ModuleNotFoundError("No module named 'libtoy'"),
    "later": NotImplementedError("four dimensions"),
}


@dataclass(frozen=True, kw_only=True)
class ToyOptions(Options):
    read_fails: str = option("", "Fail like this when voxels are read")
    open_fails: str = option("", "Fail like this when opened")
    write_fails: str = option("", "Fail like this after half of the file is written")
    lose: str = option("", "Report this as lost")
    wrong: Literal["", "shape", "dtype"] = option("", "Return something else than promised")


class ToyFormat(Format[ToyOptions]):
    name = "toy"
    title = "Toy"
    suffixes = (".toy", ".toy.txt")

    def sniff(self, source):
        return Confidence.SIGNATURE if source.head.startswith(MAGIC) else super().sniff(source)

    def images(self, source, options, context):
        header, _ = read_header(source.path)
        for name in header.get("skipped", []):
            context.skip(name, "is no image")
        return [
            ImageRef(
                key=str(i),
                title=one.get("title", ""),
                name=one.get("name", ""),
                primary=bool(one.get("primary")),
            )
            for i, one in enumerate(header["images"])
        ]

    def open(self, source, image, options, context):
        if options.open_fails:
            raise FAILURES[options.open_fails]
        return ToyReader(source.path, int(image.key), options)

    def write(self, reader, target, options, context):
        spatial = reader.meta.spatial
        header = {
            "shape": reader.shape,
            "dtype": str(reader.dtype),
            "affine": geometry.affine_of(spatial, len(reader.shape)).tolist(),
            "world": spatial.coord_system,
            "labels": spatial.axis_labels,
        }
        with target.open("wb") as file:
            file.write(MAGIC + json.dumps({"images": [header]}).encode() + b"\n")
            if options.write_fails:
                raise FAILURES[options.write_fails]
            for box in boxes_along(reader.shape, 2):
                file.write(np.ascontiguousarray(reader[box]).tobytes())
        if options.lose:
            context.loss(options.lose, "a toy has no room")


class ToyReader(Reader):
    def __init__(self, path, index, options):
        header, offset = read_header(path)
        for one in header["images"][:index]:
            offset += int(np.prod(one["shape"])) * np.dtype(one["dtype"]).itemsize
        one = header["images"][index]
        self.shape, self.dtype, self.options = tuple(one["shape"]), np.dtype(one["dtype"]), options
        labels = one.get("labels") or ["spatial_z", "spatial_y", "spatial_x"][-len(self.shape) :]
        self.meta = Meta(
            source=one,
            spatial=geometry.spatial_meta(
                one.get("affine"), axis_labels=labels, coord_system=one.get("world")
            ),
        )
        self.voxels = np.memmap(path, self.dtype, "r", offset, self.shape)
        self.chunks = (1, *self.shape[1:])

    def __getitem__(self, box):
        if self.options.read_fails:
            raise FAILURES[self.options.read_fails]
        voxels = np.array(self.voxels[box])
        if self.options.wrong == "shape":
            return voxels[..., None]
        return voxels.astype("f8") if self.options.wrong == "dtype" else voxels


def read_header(path):
    content = path.read_bytes()
    end = content.index(b"\n") + 1
    return json.loads(content[len(MAGIC) : end]), end


def encode(*images, **extra):
    """Return a file of these images, each a dict with its array."""
    headers, voxels = [], b""
    for image in images:
        array = image.pop("array")
        headers.append({"shape": array.shape, "dtype": str(array.dtype), **image})
        voxels += array.tobytes()
    return MAGIC + json.dumps({"images": headers, **extra}).encode() + b"\n" + voxels


@hookimpl
def mlarray_formats():
    return [ToyFormat()]
