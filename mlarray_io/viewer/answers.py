"""What is behind each address: parsed, checked, and answered with a type and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from mlarray_core.errors import ArgumentError, MLArrayError
from mlarray_io.viewer.described import describe, header, scale_of, scaled, value_at
from mlarray_io.viewer.display import packed
from mlarray_io.viewer.space import box_around, box_over
from mlarray_io.viewer.tiles import tile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_io.viewer.shown import ShownImage
    from mlarray_io.viewer.zarr_folder import ZarrFolder

MOST = 128 << 20
"""Bytes of voxels of one answer: what a browser shows at once without trouble."""
PIECE = 32 << 20
"""Bytes of the piece around a point of what is larger."""
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
"""Of the page's files, by suffix."""
BYTES, JSON = "application/octet-stream", "application/json"


@dataclass(frozen=True)
class Answer:
    """What is sent: its status, its type, its bytes, and whether they stay the same while the server runs."""

    status: int
    kind: str
    content: bytes
    lasting: bool = False


MISSING = Answer(404, "text/plain; charset=utf-8", b"there is nothing here\n")


class Answers:
    """The addresses below the token.

    Parameters
    ----------
    images
        That are shown.
    zarr
        The same as OME-Zarr, if they may be read as that.

    Attributes
    ----------
    unit, scale
        The unit of length of the page, and how many of it a millimetre is.
    """

    def __init__(self, images: Sequence[ShownImage], zarr: ZarrFolder | None = None) -> None:
        self.images, self._zarr = images, zarr
        self.unit, self.scale = scale_of(images)
        self._files = _page_files()

    @property
    def folders(self) -> list[str]:
        """The addresses of folders that other programs may read."""
        return [] if self._zarr is None else [f"zarr/{name}" for name in self._zarr.names]

    def answer(self, address: str) -> Answer:
        """Return what is at an address, below the token and without its leading slash."""
        parts = urlsplit(address)
        path = unquote(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            return self._found(path, query)
        except (
            KeyError,
            ValueError,
            IndexError,
            OverflowError,
        ) as error:  # of an address that none of ours made
            if isinstance(error, MLArrayError):
                return Answer(400, "text/plain; charset=utf-8", f"{error.message}\n".encode())
            return Answer(400, "text/plain; charset=utf-8", b"the address makes no sense\n")
        except MLArrayError as error:
            return Answer(500, "text/plain; charset=utf-8", f"{error.message}\n".encode())

    def _found(self, path: str, query: Mapping[str, str]) -> Answer:
        if path in self._files:
            return Answer(200, *self._files[path], lasting=True)
        if path == "images.json":
            told = {"unit": self.unit, "images": [describe(image, self.scale) for image in self.images]}
            return _json({**told, "most": MOST, "piece": PIECE})
        first, _, rest = path.partition("/")
        if first == "zarr" and self._zarr is not None:
            content = self._zarr.content(rest)
            return MISSING if content is None else Answer(200, BYTES, content)
        what = rest.split("/")
        if first != "image" or len(what) < 2 or not what[0].isdecimal() or int(what[0]) >= len(self.images):
            return MISSING
        image = self.images[int(what[0])]
        entry = tuple(int(part) for part in query.get("entry", "").split(",") if part)
        if what[1:] == ["header.json"]:
            return _json(header(image))
        if what[1:] == ["value.json"]:
            point = [part / self.scale for part in _floats(query["at"], 3)]
            found = value_at(image, point, entry)
            return _json(self._in_units(found))
        if what[1:] == ["window.json"]:
            return _json(image.window(entry))
        if what[1:] == ["voxels"]:
            return self._piece(image, query, entry)
        if what[1] == "tile" and len(what) == 5:
            window = _floats(query["window"], 2) if "window" in query else None
            numbers = (int(what[2]), int(what[3]), int(what[4]))
            limits = None if window is None else (window[0], window[1])
            return Answer(200, *tile(image, *numbers, entry, limits, exact="exact" in query), lasting=True)
        return MISSING

    def _in_units(self, found: dict[str, object]) -> dict[str, object]:
        centre = found.get("centre")
        if isinstance(centre, list):
            found["centre"] = [part * self.scale for part in centre]
        return found

    def _piece(self, image: ShownImage, query: Mapping[str, str], entry: tuple[int, ...]) -> Answer:
        level = int(query["level"])
        if not 0 <= level < len(image.versions):
            raise ArgumentError(f"there is no level {level}")
        shape = image.shape(level)
        affine = image.space.at(image.versions[level], image.spatial)
        voxel = image.nbytes(level) // max(1, _product(shape))
        box: tuple[tuple[int, int], ...] | None = tuple((0, size) for size in shape)
        if "around" in query:
            point = [part / self.scale for part in _floats(query["around"], 3)]
            box = box_around(affine, shape, point, min(int(query.get("most", PIECE)), MOST) // voxel)
        elif "over" in query:
            numbers = [part / self.scale for part in _floats(query["over"], 24)]
            box = box_over(affine, shape, [numbers[at : at + 3] for at in range(0, 24, 3)])
        if box is None:
            return Answer(204, BYTES, b"")
        if _product([stop - start for start, stop in box]) * voxel > MOST:
            raise ArgumentError(f"more than {MOST >> 20} MB; ask for a part of it")
        voxels = image.voxels(level, entry, box)
        affine = affine.copy()
        affine[:3, 3] += affine[:3, : len(box)] @ [start for start, _ in box]
        facts: dict[str, object] = {"box": box, "level": level}
        if image.colour is None and not image.is_labels:
            facts["window"] = image.window(entry)
        table = image.reader.meta.labels if image.is_labels else None
        content = packed(voxels, scaled(affine, self.scale), facts, table, colour=image.colour is not None)
        return Answer(200, BYTES, content, lasting=True)


def _page_files() -> dict[str, tuple[str, bytes]]:
    """Return type and content of the page's files, by address; no other file of this machine is read."""
    page, found = files("mlarray_io.viewer") / "page", {}
    for folder, prefix in ((page, ""), (page / "assets", "assets/")):
        for file in folder.iterdir():
            kind = TYPES.get(file.name.rpartition(".")[2])
            if file.is_file() and kind is not None:
                found[prefix + file.name] = (kind, file.read_bytes())
    found[""] = found["index.html"]
    return found


def _json(value: object) -> Answer:
    from mlarray_io.printing.text import strict_json

    return Answer(200, JSON, strict_json(value, 0).encode())


def _floats(text: str, count: int) -> list[float]:
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) != count or not all(abs(number) < float("inf") for number in numbers):
        raise ArgumentError(f"expected {count} numbers")
    return numbers


def _product(sizes: Sequence[int]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product
