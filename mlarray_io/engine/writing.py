"""Writing one image that is open: views of it, the file as a whole or not at all, and what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import LossError, UnsupportedError
from mlarray_io.engine import guard
from mlarray_io.engine.result import Conversion
from mlarray_io.engine.select import viewed
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.format import Format, Reader

if TYPE_CHECKING:
    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import Place, Shown
    from mlarray_io.sdk.options import Options

Writer = Callable[[Reader, Path, Any, Context], None]
"""`Format.write` of a format: called with the image, a fresh path, the format's options and the context."""

Progress = Callable[[int, int], None]
"""Called with the bytes of voxels that are done and the bytes of all."""


class Meter:
    """Reports how much is done: what was read or what the writer says, whichever is more.

    Parameters
    ----------
    tell
        Called with the bytes that are done and the bytes of all; None for nobody.
    """

    def __init__(self, tell: Progress | None) -> None:
        self.total = 0
        self._tell, self._read, self._written = tell, 0, 0

    def read(self, count: int) -> None:
        """Count bytes that were read."""
        self._read += count
        self._show()

    def written(self, count: int) -> None:
        """Count bytes that were written."""
        self._written += count
        self._show()

    def _show(self) -> None:
        if self._tell is not None:
            self._tell(min(max(self._read, self._written), self.total), self.total)


def write_image(
    reader: Reader,
    format: Format,
    options: Options,
    target: Place,
    settings: Settings,
    context: Context,
    meter: Meter | None = None,
    write: Writer | None = None,
) -> Conversion:
    """Write to a temporary path, and publish it when nothing speaks against it.

    Parameters
    ----------
    reader
        The image, as it was opened.
    format, options
        Of the target.
    target
        Where to.
    settings
        What is asked for: world, voxel order, whether losses are errors.
    context
        Of the conversion; its report becomes the result's.
    meter
        Gets what is written, for progress.
    write
        Called instead of the format's `write`.

    Raises
    ------
    UnsupportedError
        The image has no axes, and the format no place for such.
    """
    started = perf_counter()
    seen = viewed(reader, settings)
    if not seen.shape and not format.single_numbers:
        what = f"{format.title or format.name} can't hold an image without axes, a single number"
        raise UnsupportedError(what, path=target.shown, hint="Write it to .mla")
    context = _beside(context, format, target)
    if meter is not None:
        meter.total = seen.nbytes
        context.report.on_progress = meter.written
    needed, spare = sorted(context.needed), sorted(context.present - context.needed)
    with target.publishing(overwrite=settings.overwrite, needed=needed, spare=spare) as temporary:
        with guard.writing(target.shown, format.name):
            (write or format.write)(seen, temporary, options, context)
        beside = (*format.companions(temporary), *format.sidecars(temporary))
        if settings.written_table is not None:
            beside = (*beside, *_label_table(seen, temporary, format, settings.written_table, context))
        _refuse_losses(context, settings.strict, target)
        nbytes = sum(map(_size, (temporary, *beside)))
    return _result(seen, format, target.shown, nbytes, context, perf_counter() - started)


def _label_table(
    reader: Reader, target: Path, format: Format, kind: str, context: Context
) -> tuple[Path, ...]:
    """Write the label table of an image beside it, if it has one; return its path."""
    from mlarray_io.sdk.labels.written import table_path, write_label_table

    if not reader.meta.labels:
        if reader.meta.is_seg.value is True:
            context.warn("there is no label table to write: nothing says what the labels mean")
        return ()
    path = table_path(target, format.written_suffixes, kind)
    write_label_table(reader.meta.labels, path, kind, context)
    return (path,)


def _beside(context: Context, format: Format, target: Place) -> Context:
    """Return a context that knows what lies beside the target, and what of that the old target needs."""
    real = target.real
    path = real.local or Path(real.name)
    others = {other.name for other in format.companions(path)}
    present = frozenset(name for name in others if real.beside(name).exists())
    if not present:
        return context
    needed = format.needed(path, real.head()) if real.exists() else ()
    return replace(context, present=present, needed=present.intersection(other.name for other in needed))


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


def _refuse_losses(context: Context, strict: bool, target: Place) -> None:
    if strict and context.report.losses:
        lost = "; ".join(map(str, context.report.losses))
        raise LossError(
            f"can't hold everything: {lost}", path=target.shown, hint="Leave out --strict to accept that"
        )


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(map(_size, path.iterdir()))
    return path.stat().st_size if path.exists() else 0
