"""`.mla` itself as a format, so that every conversion, to it and from it, is the same code."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mlarray_io.sdk.dtypes import voxel_dtype
from mlarray_io.sdk.format import Box, Confidence, Format, ImageRef, Reader
from mlarray_io.sdk.headerless import BareOptions, bare_meta
from mlarray_io.sdk.hookspecs import hookimpl
from mlarray_io.sdk.options import option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from mlarray_core.array.image import MLArray
    from mlarray_core.chunks.grid import Grid
    from mlarray_core.layout.request import LayoutRequest
    from mlarray_core.meta import Meta
    from mlarray_core.statistics.census import Census
    from mlarray_io.engine.lossy import Tolerance
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.source import Source

SOURCE = "source"
"""Asks for the coarser versions that the source has."""
RELEASE = 64 << 20
"""Bytes of voxels after which the pages of the file that they came from are forgotten."""


@dataclass(frozen=True, kw_only=True)
class MlaOptions(BareOptions):
    """How a `.mla` file is laid out and compressed; of one that is read, what it doesn't say."""

    patch_size: tuple[int, ...] | None = option(
        None, "patch that is to be read fast: one number, or one for each spatial axis (192)"
    )
    chunk_size: tuple[int, ...] | None = option(None, "chunk shape, instead of patch_size; with block_size")
    block_size: tuple[int, ...] | None = option(None, "block shape, instead of patch_size; with chunk_size")
    codec: Literal["lz4", "lz4hc", "zstd", "zlib", "blosclz"] | None = option(None, "codec to compress with")
    clevel: int | None = option(None, "compression level, 0 (none) to 9 (most)", low=0, high=9)
    profile: str = option(
        "default", "what the layout favours: default, fast, small, slices, slices:AXIS or auto"
    )
    levels: int | Literal["auto", "none", "source"] = option(
        "none", "coarser versions to store: auto, none, how many, or source: those of the source that fit"
    )
    lossy: str | None = option(None, "round values within a bound: tolerance=0.5 or relative=0.001")
    stats: bool = option(
        False, "note minimum, maximum, mean, deviation and percentiles of the voxels, and where classes are"
    )
    foreground: float | None = option(None, "with stats: only of voxels above this value")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lossy is not None:
            from mlarray_io.engine.lossy import Tolerance

            Tolerance.parse(self.lossy)


class MlaReader(Reader):
    """An open `.mla` file.

    Parameters
    ----------
    image
        The file, or a level in it.
    """

    def __init__(self, image: MLArray) -> None:
        self._image = image
        self.levels = [MlaReader(level) for level in image.levels]
        self.meta = self._image.meta
        self.shape = (0,) if self._image.shape is None else self._image.shape
        self.dtype = _float64() if self._image.dtype is None else self._image.dtype
        chunks = self.meta.blosc2.chunk_size
        self.chunks = None if chunks is None or not self.shape else tuple(chunks)
        self._read = 0

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        """Return the voxels of `box`."""
        voxels: np.ndarray[Any, Any] = self._image.read(box)
        self._read += voxels.dtype.itemsize * self._touched(box)
        if self._read > RELEASE:
            self._image._state.need().release()
            self._read = 0
        return voxels

    def _touched(self, box: Box) -> int:
        """Return how many voxels the chunks hold that a box touches."""
        count = 1
        for part, chunk in zip(box, self.chunks or (1,) * len(box), strict=True):
            count *= max(0, -(-part.stop // chunk) - part.start // chunk) * chunk
        return count

    def close(self) -> None:
        """Let go of the file."""
        self._image.close()


class MlaFormat(Format[MlaOptions]):
    """The `.mla` container, every generation of it, and bare Blosc2 arrays."""

    name = "mla"
    title = "MLArray"
    suffixes = (".mla", ".b2nd")
    single_numbers: ClassVar[bool] = True
    reads_urls: ClassVar[bool] = True
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the signature of a Blosc2 frame with an array in it."""
        from mlarray_core.container.frame import is_frame

        if not is_frame(source.head):
            return Confidence.SUFFIX if source.has_suffix(*self.suffixes) else Confidence.NO
        return Confidence.PARSED if b"b2nd" in source.head[:256] else Confidence.SIGNATURE

    def images(self, source: Source, options: MlaOptions, context: Context) -> Sequence[ImageRef]:
        """Return the one image of the file.

        Parameters
        ----------
        source, options, context
            As `Format.images` has them.
        """
        return [ImageRef(key="0", primary=True)]

    def open(self, source: Source, image: ImageRef, options: MlaOptions, context: Context) -> Reader:
        """Open the file, its voxels in place.

        Parameters
        ----------
        source, image, options, context
            As `Format.open` has them.

        Raises
        ------
        MLArrayError
            It is damaged, or what the user says doesn't fit it.
        """
        from mlarray_core.array.image import open_any

        reader = MlaReader(open_any(source.url or source.path))
        told = options.axes is not None or options.seg is not None or options.places
        try:
            voxel_dtype(reader.dtype, source.where)
            reader.meta = _as_told(reader.meta, len(reader.shape), options) if told else reader.meta
        except BaseException:
            reader.close()
            raise
        if told and reader.levels:
            context.warn("its levels are left out: what the options say is said of the image alone")
            reader.levels = []
        return reader

    def write(
        self,
        reader: Reader,
        target: Path,
        options: MlaOptions,
        context: Context,
        *,
        spread: Callable[..., None] | None = None,
    ) -> None:
        """Write the image in one pass, chunk by chunk.

        `spread` has the chunks encoded by other machines, see `mlarray_io.cluster.regions`.

        Parameters
        ----------
        reader, target, options, context
            As `Format.write` has them.
        spread
            Has the chunks encoded by other machines, see `mlarray_io.cluster.regions`.
        """
        import numpy as np

        from mlarray_core.container.image_writer import ImageWriter, plan_image
        from mlarray_core.levels import store as levels
        from mlarray_core.statistics.class_locations import forget_others
        from mlarray_io.engine.chunking import Chunking
        from mlarray_io.sdk.labels.maps import holds_labels

        dtype, meta = np.dtype(reader.dtype).newbyteorder("="), deepcopy(reader.meta)
        changes = options.lossy is not None or options.levels != "none"
        labels = changes and holds_labels(reader, context)
        tolerance = _tolerance(meta, dtype, options, context, labels=labels)
        if options.levels != SOURCE:
            levels.count_of(options.levels)
        plan = plan_image(meta, reader.shape, dtype, _request(options), reader)
        _describe(meta, reader.shape)
        census = _census(meta, reader.shape, dtype, options)
        chunking = Chunking(reader, plan.grid)
        with open(target, "w+b") as file:
            writer = ImageWriter(file, plan, meta)
            if spread is not None:
                spread(writer, chunking.step, tolerance, census, context)
            else:
                chunks = _counted(chunking.chunks(context), tolerance, census, plan.grid)
                writer.put_all(chunks, context.threads, chunking.ahead)
            forget_others(meta, writer.voxels_sum)
            if census is not None:
                reason = census.note(meta, writer.voxels_sum)
                if reason:
                    context.warn(f"it has no class locations: {reason}")
            writer.finish()
        if options.levels == SOURCE:
            _take_levels(reader, target, meta, context, labels=labels)
        else:
            levels.build(
                target, options.levels, "mode" if labels else "mean", threads=context.threads, meta=meta
            )


def _take_levels(reader: Reader, target: Path, meta: Meta, context: Context, *, labels: bool) -> None:
    """Take over the levels of the source; make them where it has none that fit."""
    from mlarray_core.levels import store as levels
    from mlarray_core.levels.adopt import take
    from mlarray_io.engine.chunking import Chunking
    from mlarray_io.sdk.source_levels import fitting_levels

    found, reasons = fitting_levels(reader)
    for reason in reasons:
        context.warn(reason)
    if not found:
        levels.build(target, "auto", "mode" if labels else "mean", threads=context.threads, meta=meta)
        return
    silent = context.silent()  # progress counts the bytes of the image alone

    def cut(level: Reader, grid: Grid) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        return Chunking(level, grid).chunks(silent)

    take(target, meta, found, cut, context.threads)


def _as_told(meta: Meta, ndim: int, options: MlaOptions) -> Meta:
    """Return metadata with what the user says of axes and place before what the file says.

    Raises
    ------
    OptionError
        It doesn't fit the image.
    """
    from mlarray_core import geometry
    from mlarray_core.errors import OptionError

    told, own = meta.copy(), meta.spatial
    placed = any(part is not None for part in (own.affine, own.spacing, own.origin, own.direction))
    after = bare_meta(
        options, ndim, labels=own.axis_labels, spatial=own if placed else None, is_seg=meta.is_seg.is_seg
    )
    before, now = (len(geometry.spatial_axes(one.axis_labels, ndim)) for one in (own, after.spatial))
    if placed and before != now and options.spacing is None:
        raise OptionError(
            f"says {now} axes of space, the file has spacing for {before}",
            field="axes",
            hint="Give spacing too",
        )
    told._set_by_library(spatial=after.spatial)
    told.is_seg = after.is_seg
    return told


def _counted(
    chunks: Iterator[tuple[int, np.ndarray[Any, Any]]],
    tolerance: Tolerance | None,
    census: Census | None,
    grid: Grid,
) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Pass chunks on, their voxels rounded and counted as far as that was asked for."""
    from mlarray_io.engine.lossy import rounded

    for number, voxels in chunks:
        exact = voxels if tolerance is None else rounded(voxels, tolerance)
        if census is not None:
            census.add(grid.box(number), exact)
        yield number, exact


def _census(meta: Meta, shape: tuple[int, ...], dtype: np.dtype[Any], options: MlaOptions) -> Census | None:
    """Return what counts the voxels; None when nobody asked for it."""
    from mlarray_core.statistics.census import Census

    if not options.stats:
        return None
    return Census(shape, dtype, options.foreground, is_seg=meta.is_seg.value)


def _tolerance(
    meta: Meta, dtype: np.dtype[Any], options: MlaOptions, context: Context, *, labels: bool
) -> Tolerance | None:
    """Return how far values may be rounded, checked and noted in the metadata; None for not at all."""
    from mlarray_core.meta import Additions
    from mlarray_io.engine.lossy import Tolerance, check_lossy

    if options.lossy is None:
        return None
    tolerance = Tolerance.parse(options.lossy)
    check_lossy(dtype, tolerance, is_seg=labels)
    if dtype.kind in "iu" and tolerance.error < 1:
        context.warn(f"a tolerance of {tolerance.error:g} changes no integer: nothing is rounded")
    additions = Additions.of(meta)
    additions.lossy = tolerance.plain()
    additions.store(meta)
    return tolerance


def _request(options: MlaOptions) -> LayoutRequest:
    """Return the layout that the options ask for; that of a source which is `.mla` itself otherwise."""
    from mlarray_core.chunks.params import codec_number
    from mlarray_core.layout.request import LayoutRequest

    cparams = {} if options.codec is None else {"codec": codec_number(options.codec)}
    if options.clevel is not None:
        cparams["clevel"] = options.clevel
    sizes = options.patch_size
    patch = "default" if sizes is None else sizes[0] if len(sizes) == 1 else sizes
    return LayoutRequest(
        patch, options.chunk_size, options.block_size, cparams=cparams, profile=options.profile
    )


def _describe(meta: Meta, shape: tuple[int, ...]) -> None:
    from mlarray_core.container.stored_meta import describe

    # a file of metadata only has no voxels, and says so
    meta._set_by_library(has_array=meta._has_array.has_array is True or shape != (0,))
    describe(meta, shape)
    meta.validate(shape=shape)


def _float64() -> np.dtype[Any]:
    import numpy as np

    return np.dtype(np.float64)


@hookimpl
def mlarray_formats() -> list[Format]:
    """Offer the format."""
    return [MlaFormat()]
