"""Runs in the other process: lists and opens scenes, which pylibCZIrw (libCZI) puts together from tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import SelectionError, UnsupportedError
from mlarray_czi.description import Description
from mlarray_czi.scenes import Scene, scenes_of, tiles_of
from mlarray_czi.timestamps import read_timestamps
from mlarray_io import Box, Context, ImageRef
from mlarray_io.sdk import NamedAxis, PlanesReader, explained, named_spatial, named_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pylibCZIrw.czi import CziReader

    from mlarray_czi.options import CziOptions

_TYPES: dict[str, np.dtype[Any]] = {
    "Gray8": np.dtype("u1"), "Gray16": np.dtype("u2"), "Gray32Float": np.dtype("f4"),
    "Bgr24": np.dtype("u1"), "Bgr48": np.dtype("u2"), "Bgr96Float": np.dtype("f4"),
}  # fmt: skip
_COLOURS = 3
_NAMES = {"H": "phase", "I": "illumination", "V": "view", "R": "rotation", "B": "block"}
_CACHE = 128 << 20
"""Bytes of unpacked tiles that libCZI keeps: a box may touch four of them, its neighbours the same ones."""
_LOSSY = {"Jpg": True, "JpgXr": False}
"""Compressions that lose something, surely or perhaps."""


class CziSceneReader(PlanesReader):
    """One scene at one resolution.

    Parameters
    ----------
    document
        The file, open.
    scene
        What to read.
    channels
        Indices of the channels that are read.
    factor
        How many pixels of full resolution are one; 1 for full resolution.
    """

    def __init__(self, document: CziReader, scene: Scene, channels: Sequence[int], factor: int = 1) -> None:
        self._document, self._scene, self._factor = document, scene, factor
        kinds = [scene.kinds.get(channel, "") for channel in channels]
        types = [_TYPES[kind] for kind in kinds if kind]
        self._kinds = dict(zip(channels, kinds, strict=True))
        self.dtype = np.result_type(*types)
        ranges = {**scene.ranges, "C": channels} if "C" in scene.ranges else scene.ranges
        self._ranges = {letter: list(indices) for letter, indices in ranges.items() if len(indices) > 1}
        self._fixed = {letter: indices[0] for letter, indices in ranges.items() if len(indices) == 1}
        self._channel = channels[0]
        plane = scene.box[3], scene.box[2]
        if factor > 1:
            plane = scene.levels[factor]
        colours = (_COLOURS,) if kinds[0].startswith("Bgr") else ()
        self.inner = 2 + len(colours)
        self.shape = (*map(len, self._ranges.values()), *plane, *colours)
        tile = (min(size, most) for size, most in zip(scene.tile_size, plane, strict=True))
        self.chunks = (*(1 for _ in self._ranges), *tile, *colours)
        self.levels: Sequence[CziSceneReader] = ()

    @property
    def letters(self) -> str:
        """Letters of the axes, slowest first."""
        return "".join(self._ranges) + "YXS"[: self.inner]

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane: what no tile covers is 0, and colours are red, green, blue."""
        found = dict(zip(self._ranges, place, strict=True))
        plane = {letter: self._ranges[letter][index] for letter, index in found.items()} | self._fixed
        kind = self._kinds[plane.get("C", self._channel)]
        rows, columns = box[0], box[1]
        if not kind:  # a channel of which no tile is stored
            return np.zeros([part.stop - part.start for part in box], self.dtype)
        left, top, _, _ = self._scene.box
        voxels: np.ndarray[Any, Any] = self._document.read(
            roi=(
                left + columns.start * self._factor, top + rows.start * self._factor,
                (columns.stop - columns.start) * self._factor, (rows.stop - rows.start) * self._factor,
            ),
            plane=plane, scene=self._scene.index, zoom=1 / self._factor, pixel_type=kind,
        )  # fmt: skip
        return voxels[..., ::-1][..., box[2]] if self.inner > 2 else voxels[..., 0]

    def close(self) -> None:
        """Close the file."""
        self._document.close()


@explained()
def list_scenes(path: Path, context: Context) -> list[ImageRef]:
    """List the scenes of a file, from its directory. The first one is primary."""
    document = _opened(path)
    try:
        description = Description(document.raw_metadata)
        return [
            ImageRef(
                key=str(number if scene.index is None else scene.index),
                title=description.scene_name(scene.index),
                primary=number == 0,
                facts=_facts(scene),
                name="" if len(scenes) > 1 else path.stem,
            )
            for scenes in [scenes_of(tiles_of(document), path)]
            for number, scene in enumerate(scenes)
        ]
    finally:
        document.close()


def _facts(scene: Scene) -> dict[str, Any]:
    sizes = {letter: len(indices) for letter, indices in scene.ranges.items() if len(indices) > 1}
    return {
        "shape": (*sizes.values(), scene.box[3], scene.box[2]),
        "axes": "".join(sizes) + "YX",
        "pixels": sorted(set(scene.kinds.values())),
    }


def _opened(path: Path) -> CziReader:
    from pylibCZIrw.czi import CacheOptions, CziReader

    return CziReader(str(path), cache_options=CacheOptions(max_memory_usage=_CACHE))


@explained()
def open_scene(path: Path, context: Context, key: str, options: CziOptions) -> CziSceneReader:
    """Open one scene.

    Parameters
    ----------
    path
        The file.
    context
        Limits, and where gaps and losses are reported.
    key
        Number of the scene.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        The file is damaged.
    LimitError
        The scene is larger than the host allows.
    SelectionError
        It has no such channel.
    UnsupportedError
        Its channels make no one array, or its pixels are of a type that the library doesn't read.
    """
    document = _opened(path)
    try:
        scenes = scenes_of(tiles_of(document), path)
        scene = next(one for n, one in enumerate(scenes) if str(n if one.index is None else one.index) == key)
        channels = _channels(scene, options, path)
        reader = CziSceneReader(document, scene, channels)
        context.allow(reader.nbytes, path)
        reader.stored = path.stat().st_size
        _tell(scene, scenes, context)
        description = Description(document.raw_metadata)
        reader.meta = _meta(reader, scene, channels, description, path, context)
        reader.levels = _levels(document, scene, channels, description, path)
    except BaseException:
        document.close()
        raise
    return reader


def _channels(scene: Scene, options: CziOptions, path: Path) -> list[int]:
    channels = list(scene.ranges.get("C", range(1)))
    if options.channel is not None:
        if options.channel not in scene.kinds:
            have = ", ".join(map(str, sorted(scene.kinds)))
            raise SelectionError(
                f"has no channel {options.channel}", path=path, field="channel", hint=f"It has {have}"
            )
        channels = [options.channel]
    kinds = {scene.kinds[channel] for channel in channels if channel in scene.kinds}
    strange = sorted(kinds - _TYPES.keys())
    if strange:
        raise UnsupportedError(f"has pixels of type {strange[0]}, which pylibCZIrw can't read", path=path)
    if len({kind.startswith("Bgr") for kind in kinds}) > 1:
        raise UnsupportedError(
            "has channels of colours beside channels of greys, which make no one array",
            path=path,
            hint=f"Read one at a time with -o channel=N, N being one of {channels}",
        )
    return channels


def _tell(scene: Scene, scenes: list[Scene], context: Context) -> None:
    """Say what isn't stored, and which scenes there are besides."""
    missing = scene.planes - len(scene.stored)
    if missing:
        context.warn(f"{missing} of its {scene.planes} planes aren't stored, and are 0")
    if not scene.covers():
        context.warn("its tiles leave gaps, which are 0")
    if len(scenes) > 1:
        others = ", ".join(str(one.index) for one in scenes if one is not scene)
        context.warn(f"scene {scene.index} is read; --image chooses another: {others}")


def _meta(
    reader: CziSceneReader, scene: Scene, indices: Sequence[int], description: Description,
    path: Path, context: Context,
) -> Meta:  # fmt: skip
    axes = _axes(reader, scene, description, path)
    source: dict[str, Any] = {"xml": description.text, "scene": scene.index, "box": list(scene.box)}
    centre = description.centre(scene.index)
    if centre is not None:
        source["center_position_um"] = centre
    meta = Meta(source=source, spatial=named_spatial(axes, context, placed=True))
    channels = description.channels(indices)
    compressions = {tile.compression for tile in scene.tiles} & _LOSSY.keys()
    Additions(
        axes=named_values(axes),
        channels=channels,
        lossy={"compression": min(compressions), "certain": _LOSSY[min(compressions)]}
        if compressions
        else {},
    ).store(meta)
    return meta


def _axes(
    reader: CziSceneReader, scene: Scene, description: Description, path: Path, factor: int = 1
) -> list[NamedAxis]:
    starts = {"X": scene.box[0], "Y": scene.box[1], "Z": scene.ranges.get("Z", range(1))[0]}
    axes = []
    for letter, size in zip(reader.letters, reader.shape, strict=True):
        if letter in starts:
            step = description.step(letter)
            scale = 1 if letter == "Z" else factor
            # a coarser pixel's centre lies in the middle of those that it stands for
            start = 0.0 if step is None else (starts[letter] + (scale - 1) / 2) * step
            step = None if step is None else step * scale
            axes.append(NamedAxis(letter=letter, size=size, step=step, unit="um", start=start))
        elif letter == "T":
            values = read_timestamps(path, size)
            axes.append(
                NamedAxis(letter="T", size=size, step=description.interval(), unit="s", values=values)
            )
        else:
            axes.append(NamedAxis(letter=letter, size=size, name=_NAMES.get(letter, "")))
    return axes


def _levels(
    document: CziReader, scene: Scene, channels: Sequence[int], description: Description, path: Path
) -> list[CziSceneReader]:
    found = []
    for factor in scene.levels:
        level = CziSceneReader(document, scene, channels, factor)
        axes = _axes(level, scene, description, path, factor)
        level.meta = Meta(spatial=named_spatial(axes, Context(), placed=True))
        found.append(level)
    return found
