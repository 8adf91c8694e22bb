"""From one file to another: the path of a conversion, on one screen."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import ArgumentError, MLArrayError
from mlarray_io.engine.believing import check_size
from mlarray_io.engine.file_names import file_names
from mlarray_io.engine.registry import installed
from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.engine.select import choose, images_of, open_image
from mlarray_io.engine.settings import Choice
from mlarray_io.engine.sources import opened
from mlarray_io.engine.views import DeidentifiedView, found_in, tell_voxels
from mlarray_io.engine.writing import Meter, write_image
from mlarray_io.sdk.context import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlarray_io.engine.file_names import NameTemplate
    from mlarray_io.engine.settings import Settings
    from mlarray_io.engine.writing import Progress, Writer
    from mlarray_io.places.place import Place
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, ImageRef, Reader
    from mlarray_io.sdk.options import Options
    from mlarray_io.sdk.source import Source


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
        options = settings.both_options(reading, writing)
        context = settings.context()
        chosen = choose(images_of(origin, reading, options[0], context), image, origin)
        plan = _Plan(origin, reading, writing, *options, settings.of(origin))
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

    Parameters
    ----------
    source
        Where the images are.
    folder
        Where their files go.
    settings
        What is asked for of every image.
    image
        Key or title of one of them; None for all.
    progress
        Called with the bytes of voxels that are done and the bytes of all, for each image.
    """
    report, choice = Report(), Choice(image)

    def place(name: str, _: int) -> Place:
        target = folder.joined(name)
        if target.local is not None and "/" in name:
            target.local.parent.mkdir(parents=True, exist_ok=True)
        return target

    with folder.as_folder():
        each = convert_each(source, place, settings, choice, report, progress)
        for result in each:
            if isinstance(result, Conversion) and report.skipped:  # said once, not with each image
                yield replace(result, skipped=tuple(report.skipped))
                report.skipped = []
            else:
                yield result


def convert_each(
    source: Place,
    place: Callable[[str, int], Place],
    settings: Settings,
    choice: Choice,
    report: Report,
    progress: Progress | None = None,
) -> Iterator[Conversion | Failure]:
    """Convert the chosen images of `source`, each to where `place` says; failures stop none.

    Parameters
    ----------
    source
        Where the images lie.
    place
        Called with the name that an image's file should have and with how many images the source holds;
        returns the target.
    settings
        What is asked for of every image.
    choice
        Which images.
    report
        Gets the files of the source that are left out, before the first image is converted.
    progress
        Called with the bytes of voxels that are done and the bytes of all.
    """
    context = settings.context(report)
    with _planned(source, settings, context, choice) as (plan, images, count):
        for chosen, name in images:
            target = place(name, count)
            fresh = settings.context(Report(warnings=list(report.warnings)))
            try:
                yield _copy(plan, chosen, target, fresh, progress)
            except MLArrayError as error:
                yield Failure(source.shown, target.shown, chosen.key, error)


def foresee(
    source: Place,
    place: Callable[[str, int], Place],
    settings: Settings,
    choice: Choice,
    report: Report,
) -> Iterator[tuple[str, Place] | Failure]:
    """Yield key and target of each image that `convert_each` would convert, and what it would refuse.

    Parameters
    ----------
    source, place, settings, choice, report
        As for `convert_each`.
    """
    with _planned(source, settings, settings.context(report), choice) as (_, images, count):
        for chosen, name in images:
            target = place(name, count)
            try:
                target.check_planned(overwrite=settings.overwrite)
            except MLArrayError as error:
                yield Failure(source.shown, target.shown, chosen.key, error)
            else:
                yield chosen.key, target


@contextmanager
def _planned(
    source: Place, settings: Settings, context: Context, choice: Choice
) -> Iterator[tuple[_Plan, list[tuple[ImageRef, str]], int]]:
    """Yield how to convert a source, its chosen images and the names of their files, and how many it has."""
    writing, suffix = installed().kind(settings.target_format or "mla")
    writing = installed().for_target("image" + suffix, writing.name)
    with opened(source, settings.source_format) as (origin, reading):
        options = settings.both_options(reading, writing)
        images = images_of(origin, reading, options[0], context)
        one = choice.one or choice.image is not None
        chosen = [choose(images, choice.image, origin)] if one else images
        plan = _Plan(origin, reading, writing, *options, settings.of(origin))
        names = dict(zip((found.key for found in images), file_names(images, origin, reading), strict=True))
        privacy = settings.privacy
        if privacy is not None and not privacy.keeps_names:
            names = {key: privacy.pseudonym(f"{source.shown}\0{key}") for key in names}
        if choice.template is not None:
            names.update(_templated(plan, choice.template, names, chosen, context))
        folders = {one.folder: one.folder if privacy is None else privacy.place(one.folder) for one in chosen}
        yield (
            plan,
            [(one, _join(folders[one.folder], names[one.key] + suffix)) for one in chosen],
            len(images),
        )


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _templated(
    plan: _Plan,
    template: NameTemplate,
    names: Mapping[str, str],
    images: Sequence[ImageRef],
    context: Context,
) -> dict[str, str]:
    """Return the names that a template makes, by the images' keys; headers are read where that needs it."""
    made: dict[str, str] = {}
    for image in images:
        values: dict[str, object] = {"name": names[image.key]}
        privacy = plan.settings.privacy
        if privacy is None:
            values.update(image=image.key, title=image.title, **image.facts)
        if not template.is_complete(values):
            apart = plan.settings.context()
            try:
                with open_image(plan.origin, plan.reading, image, plan.read_options, apart) as reader:
                    meta = reader.meta if privacy is None else DeidentifiedView(reader, privacy).meta
                    values = {**plan.reading.header_values(meta), **values}
            except MLArrayError:
                made[image.key] = names[image.key]  # what is wrong with it is said when it is converted
                continue
        made[image.key] = template.name(values, context, taken=made.values())
    return made


def is_folder(target: Path) -> bool:
    """Whether `target` is a folder to put files into, not one that a format (such as Zarr) writes."""
    return target.is_dir() and not installed().names_target(target.name)


def write_to(reader: Reader, target: Place, settings: Settings) -> Conversion:
    """Write an image that is open already to the file `target`.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    settings
        What is asked for.
    """
    target.check_target(overwrite=settings.overwrite)
    writing = installed().for_target(target, settings.target_format)
    options = settings.write_options(writing)
    return write_image(reader, writing, options, target, settings, settings.context())


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
    meter = Meter(progress)
    write = plan.write or plan.writing.write
    private = plan.settings.privacy is not None
    with open_image(plan.origin, plan.reading, image, plan.read_options, context, meter.read) as reader:
        check_size(reader, plan.origin, plan.reading, context)
        if private:
            tell_voxels(reader.meta, context)
        found = () if private else found_in(reader.meta).identifying
        done = write_image(
            reader, plan.writing, plan.write_options, target, plan.settings, context, meter, write
        )
    origin = plan.origin
    return replace(
        done,
        source=origin.where,
        source_format=plan.reading.name,
        image=image.key,
        source_bytes=origin.size,
        title="" if private else image.title,
        series=str(image.facts.get("series") or ""),
        identifying=() if done.leaves_header_out else found,
    )


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
