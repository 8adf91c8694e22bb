"""Opening one image of a source: listing, choosing, opening, each guarded and checked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_core.errors import PluginError, SelectionError, UnsupportedError
from mlarray_core.meta import Additions, Meta
from mlarray_io.engine import guard
from mlarray_io.engine.sources import opened
from mlarray_io.sdk.labels.nnunet import name_from_dataset
from mlarray_io.sdk.options import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import Place
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, ImageRef, Reader
    from mlarray_io.sdk.options import Options
    from mlarray_io.sdk.source import Source

SHOWN = 20
"""How many images an error lists."""


def images_of(source: Source, format: Format, options: Options, context: Context) -> Sequence[ImageRef]:
    """List the images of a source; none at all is an error.

    Parameters
    ----------
    source
        The file or folder.
    format, options
        Who reads it, and how.
    context
        Gets what is skipped.

    Raises
    ------
    UnsupportedError
        It holds no image, with the reasons of what was skipped.
    """
    with guard.reading(source, format.name):
        images = list(format.images(source, options, context))
    if not images:
        reasons = "; ".join(str(skipped) for skipped in context.report.skipped[:3])
        raise UnsupportedError(
            f"holds no image that {format.name} can read", path=source.where, hint=reasons or None
        )
    return images


def choose(images: Sequence[ImageRef], wanted: str | None, source: Source) -> ImageRef:
    """Return the image with the key or title `wanted`, or the only one, or the only primary one.

    Parameters
    ----------
    images
        What there is.
    wanted
        Key, title, name or alias; None for the only one.
    source
        Named in errors.

    Raises
    ------
    SelectionError
        There are several and none, or one that isn't there, was chosen; it lists what there is.
    """
    if wanted is None:
        fitting = [image for image in images if image.primary] if len(images) > 1 else list(images)
    else:
        fitting = [image for image in images if image.key == wanted] or [
            image for image in images if wanted in (image.title, image.name, *image.aliases)
        ]
    if len(fitting) == 1:
        return fitting[0]
    if wanted is None:
        what = f"holds {len(images)} images and none was chosen"
        hint = f"Choose one with --image (image=), or take --all: {_listed(images)}"
    else:
        what = f"holds {len(fitting) or 'no'} image{'' if len(fitting) == 1 else 's'} called {wanted!r}"
        hint = suggestion(wanted, [image.key for image in images[:SHOWN]], "images")
    raise SelectionError(what, path=source.where, hint=hint)


def open_image(
    source: Source,
    format: Format,
    image: ImageRef,
    options: Options,
    context: Context,
    on_read: Callable[[int], None] | None = None,
) -> Reader:
    """Open one image with everything that its plugin does guarded, and its metadata complete.

    Parameters
    ----------
    source
        The file or folder.
    format, options
        Who reads it, and how.
    image
        Which one of its images.
    context
        Limits, and where reports go.
    on_read
        Called with the number of bytes of each box that is read.

    Raises
    ------
    LimitError
        It needs more than `context.max_bytes`.
    PluginError
        The plugin failed, or gave something that is no image.
    """
    with guard.reading(source, format.name):
        reader = format.open(source, image, options, context)
    guarded = guard.GuardedReader(reader, source, format.name, on_read)
    try:
        context.allow(guarded.nbytes, source.where)
        _complete(guarded.meta, format, context)
        if source.where == source.path:
            name_from_dataset(guarded.meta, source.path, context)
    except BaseException:
        guarded.close()
        raise
    return guarded


@dataclass(frozen=True)
class OpenImage:
    """One image of a source, open.

    Attributes
    ----------
    source, format, image
        Where it is, who reads it, and which it is of the source's images.
    context
        With what reading reported.
    reader
        The image, in the world and the voxel order that were asked for.
    """

    source: Source
    format: Format
    image: ImageRef
    context: Context
    reader: Reader


@contextmanager
def open_one(
    place: Place, settings: Settings, image: str | None = None, *, target: Format | None = None
) -> Iterator[OpenImage]:
    """Open the one image of a source, or the chosen one.

    Parameters
    ----------
    place
        Of the source.
    settings
        How to read it.
    image
        Key or title of the image, for a source that holds several.
    target
        The format that it is converted to: options may be of either side then.

    Raises
    ------
    MLArrayError
        There is nothing, it can't be read, or there are several images and none was chosen.
    """
    with opened(place, settings.source_format) as (source, format):
        if target is None:
            options = settings.read_options(format)
        else:
            options = settings.both_options(format, target)[0]
        context = settings.context()
        chosen = choose(images_of(source, format, options, context), image, source)
        with open_image(source, format, chosen, options, context) as reader:
            yield OpenImage(source, format, chosen, context, viewed(reader, settings.of(source)))


def viewed(reader: Reader, settings: Settings) -> Reader:
    """Return the reader as its image was asked for: labels or not, its world, its order, without a person."""
    from mlarray_io.engine.views import DeidentifiedView, OrientedView, WorldView

    if settings.labels is not None:
        for one in (reader, *reader.levels):
            one.meta.is_seg = settings.labels
            if settings.label_table or not settings.labels:
                one.meta.labels = settings.label_table
    if settings.coord_system is not None:
        reader = WorldView(reader, settings.coord_system)
    if settings.orient is not None:
        reader = OrientedView(reader, settings.orient)
    if settings.privacy is not None:
        reader = DeidentifiedView(reader, settings.privacy)
    return reader


def _complete(meta: Meta, format: Format, context: Context) -> None:
    """Note where the metadata came from and what reading lost."""
    if not isinstance(meta, Meta):
        raise PluginError(f"the format {format.name} gave {type(meta).__name__} for metadata")
    if format.name != "mla":
        header = meta._image_meta_format.value or format.name
        meta._set_by_library(has_array=True, image_meta_format=header)  # only `.mla` holds metadata alone
    if context.report.losses:
        additions = Additions.of(meta)
        additions.losses += [{"what": loss.what, "why": loss.why} for loss in context.report.losses]
        additions.store(meta)


def _listed(images: Sequence[ImageRef]) -> str:
    shown = [f"{image.key} ({image.title})" if image.title else image.key for image in images[:SHOWN]]
    more = [f"and {len(images) - SHOWN} more"] if len(images) > SHOWN else []
    return ", ".join(shown + more)
