"""From one file to another: the path of a conversion, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, LossError, MLArrayError
from mlarray_core.processors import available_threads
from mlarray_io.engine import guard
from mlarray_io.engine.registry import installed
from mlarray_io.engine.select import choose, images_of, open_image, viewed
from mlarray_io.engine.sources import opened
from mlarray_io.sdk.context import Context, Report
from mlarray_io.sdk.format import Format, ImageRef, Reader
from mlarray_io.sdk.options import Options, parse, share
from mlarray_io.sdk.source import Source, suffix_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.places.place import Place, Shown
    from mlarray_io.sdk.losses import Loss

Writer = Callable[[Reader, Path, Any, Context], None]
"""`Format.write` of a format: called with the image, a fresh path, the format's options and the context."""

Progress = Callable[[int, int], None]
"""Called with the bytes of voxels that are done and the bytes of all."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be asked of a conversion; `mlarray_io.api.convert` explains it."""

    source_format: str | None = None
    target_format: str | None = None
    overwrite: bool = False
    strict: bool = False
    coord_system: str | None = None
    orient: str | None = None
    raw: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = None
    max_bytes: int | None = None

    def context(self, report: Report | None = None) -> Context:
        """Return what the host lends a format for one image."""
        return Context(
            threads=self.threads or available_threads(),
            max_bytes=self.max_bytes,
            raw=self.raw,
            report=report or Report(),
        )


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    Attributes
    ----------
    target, target_format
        The path, or the URL without what may be secret in it, and the name of its format.
    shape, dtype, spacing
        Of the image as it was written.
    target_bytes, voxel_bytes
        Sizes of the files and of the voxels.
    seconds
        How long reading and writing took.
    source, source_format, image, source_bytes
        Where it came from, if from a file; the size is 0 for a folder.
    losses, warnings, skipped
        What the target can't hold, what the user should know, which files of the source were left out.
    """

    target: Shown
    target_format: str
    shape: tuple[int, ...]
    dtype: str
    spacing: list[float] | None
    target_bytes: int
    voxel_bytes: int
    seconds: float
    source: Shown | None = None
    source_format: str | None = None
    image: str | None = None
    source_bytes: int = 0
    losses: tuple[Loss, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Loss, ...] = ()

    @property
    def ratio(self) -> float:
        """How many bytes of voxels one byte of the target holds."""
        return self.voxel_bytes / self.target_bytes if self.target_bytes else 0.0


@dataclass(frozen=True)
class Failure:
    """One image of several that could not be converted."""

    source: Shown
    target: Shown
    image: str
    error: MLArrayError


def convert(
    source: Place,
    target: Place,
    settings: Settings,
    image: str | None = None,
    progress: Progress | None = None,
    *,
    writer: Callable[[Source, Format, ImageRef], Writer] | None = None,
) -> Conversion:
    """Convert one image of `source` to the file (or folder, for a format that is one) `target`.

    Parameters
    ----------
    source, target
        Where the image lies, and where to write it.
    settings
        What is asked for.
    image
        Key or title of the image, for a source that holds several.
    progress
        Called with the bytes of voxels that are done and the bytes of all.
    writer
        Makes what is called instead of the target format's `write`, of the source, its format and the image.
    """
    target.check_target(overwrite=settings.overwrite)
    writing = installed().for_target(target, settings.target_format)
    with opened(source, settings.source_format) as (origin, reading):
        options = _options(settings, reading, writing)
        context = settings.context()
        chosen = choose(images_of(origin, reading, options[0], context), image, origin)
        plan = _Plan(origin, reading, writing, *options, settings)
        if writer is not None:
            plan = replace(plan, write=writer(origin, reading, chosen))
        return _copy(plan, chosen, target, context, progress)


def convert_all(
    source: Place,
    folder: Place,
    settings: Settings,
    image: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Conversion | Failure]:
    """Convert the images of `source`, or the chosen one, each to a file in `folder`; failures stop none.

    The files are called after the images, a single nameless one after the source, and are `.mla` unless
    `settings.target_format` says otherwise.
    """
    with folder.as_folder():
        yield from convert_each(source, lambda name, _: folder.joined(name), settings, image, progress)


def convert_each(
    source: Place,
    place: Callable[[str, int], Place],
    settings: Settings,
    image: str | None = None,
    progress: Progress | None = None,
    *,
    one: bool = False,
) -> Iterator[Conversion | Failure]:
    """Convert the images of `source`, or the chosen one, each to where `place` says; failures stop none.

    Parameters
    ----------
    source, settings, image, progress
        As for `convert_all`.
    place
        Called with the name that an image's file should have and with how many images the source holds;
        returns the target.
    one
        Demand one image, instead of converting several.
    """
    context = settings.context()
    with _planned(source, settings, context, image, one=one) as (plan, images, count):
        for chosen, name in images:
            target = place(name, count)
            found = Report(warnings=list(context.report.warnings), skipped=list(context.report.skipped))
            fresh = settings.context(found)
            try:
                yield _copy(plan, chosen, target, fresh, progress)
            except MLArrayError as error:
                yield Failure(source.shown, target.shown, chosen.key, error)


def foresee(
    source: Place,
    place: Callable[[str, int], Place],
    settings: Settings,
    image: str | None = None,
    *,
    one: bool = False,
) -> Iterator[tuple[str, Place] | Failure]:
    """Yield key and target of each image that `convert_each` would convert, and what it would refuse."""
    with _planned(source, settings, settings.context(), image, one=one) as (_, images, count):
        for chosen, name in images:
            target = place(name, count)
            try:
                if isinstance(target, str) or target.exists():
                    target.check_target(overwrite=settings.overwrite)
            except MLArrayError as error:
                yield Failure(source.shown, target.shown, chosen.key, error)
            else:
                yield chosen.key, target


@contextmanager
def _planned(
    source: Place, settings: Settings, context: Context, image: str | None, *, one: bool
) -> Iterator[tuple[_Plan, list[tuple[ImageRef, str]], int]]:
    """Yield how to convert a source, its chosen images and the names of their files, and how many it has."""
    writing, suffix = installed().kind(settings.target_format or "mla")
    writing = installed().for_target("image" + suffix, writing.name)
    with opened(source, settings.source_format) as (origin, reading):
        options = _options(settings, reading, writing)
        images = images_of(origin, reading, options[0], context)
        names = dict(zip((found.key for found in images), _names(images, origin, reading), strict=True))
        chosen = [choose(images, image, origin)] if one or image is not None else images
        plan = _Plan(origin, reading, writing, *options, settings)
        yield plan, [(found, names[found.key] + suffix) for found in chosen], len(images)


def is_folder(target: Path) -> bool:
    """Whether `target` is a folder to put files into, not one that a format (such as Zarr) writes."""
    suffixes = [suffix for format in installed().formats if format.writes for suffix in format.suffixes]
    return target.is_dir() and not suffix_length(target.name, tuple(suffixes))


def write_to(reader: Reader, target: Place, settings: Settings) -> Conversion:
    """Write an image that is open already to the file `target`."""
    target.check_target(overwrite=settings.overwrite)
    writing = installed().for_target(target, settings.target_format)
    given = parse(writing.options_type, {**settings.options, **settings.layout}, writing.name)
    return _write(reader, writing, given, target, settings, settings.context())


@dataclass(frozen=True)
class _Plan:
    """What is the same for all images of one source."""

    origin: Source
    reading: Format
    writing: Format
    read_options: Options
    write_options: Options
    settings: Settings
    write: Writer | None = None


def _copy(
    plan: _Plan, image: ImageRef, target: Place, context: Context, progress: Progress | None
) -> Conversion:
    """Open one image and write it."""
    _refuse_same(plan, target)
    meter = _Meter(progress)
    write = plan.write or plan.writing.write
    with open_image(plan.origin, plan.reading, image, plan.read_options, context, meter.read) as reader:
        done = _write(reader, plan.writing, plan.write_options, target, plan.settings, context, meter, write)
    origin = plan.origin
    return replace(
        done, source=origin.where, source_format=plan.reading.name, image=image.key, source_bytes=origin.size
    )


def _write(
    reader: Reader,
    format: Format,
    options: Options,
    target: Place,
    settings: Settings,
    context: Context,
    meter: _Meter | None = None,
    write: Writer | None = None,
) -> Conversion:
    """Write to a temporary path, and publish it when nothing speaks against it."""
    started = perf_counter()
    seen = viewed(reader, settings.coord_system, settings.orient)
    if meter is not None:
        meter.total = seen.nbytes
        context.report.on_progress = meter.written
    with target.publishing(overwrite=settings.overwrite) as temporary:
        with guard.writing(target.shown, format.name):
            (write or format.write)(seen, temporary, options, context)
        _refuse_losses(context, settings.strict, target)
        nbytes = sum(map(_size, (temporary, *format.companions(temporary))))
    return _result(seen, format, target.shown, nbytes, context, perf_counter() - started)


def _result(
    reader: Reader, format: Format, target: Shown, nbytes: int, context: Context, seconds: float
) -> Conversion:
    from mlarray_core import geometry

    spatial = reader.meta.spatial
    spacing = spatial.spacing if spatial.affine is None else geometry.decompose(spatial.affine)[0]
    return Conversion(
        target=target,
        target_format=format.name,
        shape=reader.shape,
        dtype=str(reader.dtype),
        spacing=None if spacing is None else [float(step) for step in spacing],
        target_bytes=nbytes,
        voxel_bytes=reader.nbytes,
        seconds=seconds,
        losses=tuple(context.report.losses),
        warnings=tuple(context.report.warnings),
        skipped=tuple(context.report.skipped),
    )


def _options(settings: Settings, reading: Format, writing: Format) -> tuple[Options, Options]:
    sides = (reading.name, reading.options_type), (writing.name, writing.options_type)
    return share(settings.options, settings.layout, *sides)


def _refuse_same(plan: _Plan, target: Place) -> None:
    """Refuse to write over the source or a file that belongs to it."""
    path = target.local
    if path is None:
        if target.shown == plan.origin.where:
            what = "source and target are the same"
            raise ArgumentError(what, path=target.shown, hint="Choose another target")
        return
    sources = (plan.origin.path, *plan.reading.companions(plan.origin.path))
    targets = (path, *plan.writing.companions(path))
    for old in filter(Path.exists, sources):
        for new in filter(Path.exists, targets):
            if old.samefile(new):
                raise ArgumentError("source and target are the same", path=path, hint="Choose another target")


def _refuse_losses(context: Context, strict: bool, target: Place) -> None:
    if strict and context.report.losses:
        lost = "; ".join(map(str, context.report.losses))
        raise LossError(
            f"can't hold everything: {lost}", path=target.shown, hint="Leave out --strict to accept that"
        )


def _names(images: Sequence[ImageRef], origin: Source, reading: Format) -> list[str]:
    """Return a file name without suffix for each image, all different in any case."""
    stem = origin.name[: len(origin.name) - suffix_length(origin.name, reading.suffixes)]
    names: dict[str, str] = {}
    for image in images:
        name = base = _safe(image.name or (stem if len(images) == 1 else image.key))
        count = 1
        while name.lower() in names:
            count += 1
            name = f"{base}_{count}"
        names[name.lower()] = name
    return list(names.values())


def _safe(name: str) -> str:
    """Return `name` without what no file may be called on some system, and without leaving the folder."""
    return (
        "".join("_" if char in '/\\:*?"<>|' or ord(char) < 32 else char for char in name).strip(". ")
        or "image"
    )


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(map(_size, path.iterdir()))
    return path.stat().st_size if path.exists() else 0


class _Meter:
    """Tells the user how much is done: what was read or what the writer says, whichever is more."""

    def __init__(self, tell: Progress | None) -> None:
        self.total = 0
        self._tell, self._read, self._written = tell, 0, 0

    def read(self, count: int) -> None:
        self._read += count
        self._show()

    def written(self, count: int) -> None:
        self._written += count
        self._show()

    def _show(self) -> None:
        if self._tell is not None:
            self._tell(min(max(self._read, self._written), self.total), self.total)
