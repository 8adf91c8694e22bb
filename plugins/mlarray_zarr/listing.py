"""What images a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_io import Context, ImageRef
from mlarray_zarr.coordinates import is_coordinate
from mlarray_zarr.files import Files, checked, joined, open_files
from mlarray_zarr.label_images import label_names
from mlarray_zarr.ngff import Multiscale, multiscales_of, ome_of
from mlarray_zarr.nodes import Node, array_info, read_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io import Source

MOST_NODES = 5000
"""How many groups and arrays are looked at; a plate has about 400 images."""


def list_images(source: Source, context: Context) -> Sequence[ImageRef]:
    """List OME-Zarr's images and labels, and arrays that belong to none. What can't be read is skipped."""
    files = open_files(source)
    try:
        return _primary(list(_found(files, context)))
    finally:
        files.close()


def _found(files: Files, context: Context) -> list[ImageRef]:
    found: list[ImageRef] = []
    for node in _walk(files, MOST_NODES):
        try:
            if node.array is not None:
                found += _array(files, node, context)
                continue
            _tell_wells(files, node, context)
            images = multiscales_of(node)
            found += [_image(files, node, image, number) for number, image in enumerate(images)]
            if images:
                found += _labels(files, node, context)
        except MLArrayError as error:
            context.skip(node.path or "the root", error.message, lost=True)
    return found


def _walk(files: Files, most: int) -> Iterator[Node]:
    """Yield the nodes of a store, outer ones first, until there are `most`; an image's own aren't entered."""
    waiting, seen = [""], 0
    while waiting and seen < most:
        path = waiting.pop()
        node = read_node(files, path)
        seen += 1
        if node is not None:
            yield node
        group = node is None or (node.array is None and "multiscales" not in ome_of(node))
        if group and path.count("/") < 8:
            names = [name for name in reversed(files.folders(path)) if not name.startswith(".")]
            waiting += [joined(path, name) for name in names]


def _labels(files: Files, node: Node, context: Context) -> list[ImageRef]:
    """List the label images of an image (OME-Zarr, "labels" metadata)."""
    found = []
    for path in label_names(files, node.path):
        try:
            labels = read_node(files, checked(path))
            if labels is not None:
                found += [_image(files, labels, image, n) for n, image in enumerate(multiscales_of(labels))]
        except MLArrayError as error:
            context.skip(path, error.message, lost=True)
    return found


def _image(files: Files, node: Node, image: Multiscale, number: int) -> ImageRef:
    key = (node.path or "/") + (f"#{number}" if number else "")
    info = array_info(files, _needed(files, joined(node.path, image.levels[0].path)))
    facts = {"shape": list(info.shape), "dtype": info.dtype.name, "levels": len(image.levels)}
    return ImageRef(key=key, title=image.name, facts=facts, name=node.path.replace("/", "_"))


def _array(files: Files, node: Node, context: Context) -> list[ImageRef]:
    info = array_info(files, node)
    if is_coordinate(node, info):
        context.skip(node.path, "it holds positions along an axis of others")
        return []
    facts = {"shape": list(info.shape), "dtype": info.dtype.name}
    return [ImageRef(key=node.path or "/", facts=facts, name=node.path.replace("/", "_"))]


def _tell_wells(files: Files, node: Node, context: Context) -> None:
    """Name the wells that a plate lists and that are missing (OME-Zarr, "plate" metadata)."""
    plate = ome_of(node).get("plate")
    wells = plate.get("wells") if isinstance(plate, dict) else None
    for well in wells[:MOST_NODES] if isinstance(wells, list) else ():
        path = well.get("path") if isinstance(well, dict) else None
        if isinstance(path, str) and read_node(files, joined(node.path, path)) is None:
            context.skip(joined(node.path, path), "the plate lists this well, and it is missing")


def _needed(files: Files, path: str) -> Node:
    node = read_node(files, checked(path))
    if node is None:
        raise CorruptError(f"the array {path} is missing", path=files.path)
    return node


def _primary(images: list[ImageRef]) -> list[ImageRef]:
    """Mark the one image that is none of labels, if it is one."""
    from dataclasses import replace

    own = [image for image in images if "labels" not in image.key.split("/")]
    if len(own) != 1:
        return images
    return [replace(image, primary=image is own[0]) for image in images]
