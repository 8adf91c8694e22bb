"""The command ``convert``: one image, all images of one source, or a batch."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from mlarray_io.batch.imports import leave_out_commands, put_off_imports
from mlarray_io.batch.malloc import few_arenas
from mlarray_io.engine.conversion import convert, convert_all
from mlarray_io.engine.result import Conversion
from mlarray_io.printing import conversions as show
from mlarray_io.printing.progress import progress
from mlarray_io.requests.request import Kind, Request, flags_of, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def run(sources: Sequence[str], target: str, given: Mapping[str, object]) -> bool:
    """Convert as asked for on the command line; return whether anything failed or was lost.

    Parameters
    ----------
    sources, target
        The arguments.
    given
        The flags by name, as click parsed them.
    """
    few_arenas()
    leave_out_commands()
    put_off_imports()
    request = parse(sources, target, flags_of(given))
    if request.flags.quiet:
        warnings.simplefilter("ignore")
    return {Kind.ONE: _one, Kind.EACH: _each, Kind.BATCH: _batch, Kind.TOGETHER: _together}[request.kind](
        request
    )


def _one(request: Request) -> bool:
    with progress(request.source.name, _silent(request)) as bar:
        done = convert(request.source, request.target, request.settings, request.choice.image, bar)
    return _shown(done, request)


def _shown(done: Conversion, request: Request) -> bool:
    show.done(done, as_json=request.flags.as_json, quiet=request.flags.quiet)
    return any(skipped.lost for skipped in done.skipped)


def _each(request: Request) -> bool:
    """Convert each image of one source into a folder, made for it if need be."""
    source, image = request.source, request.choice.image
    with progress(source.name, _silent(request)) as bar:
        results = list(convert_all(source, request.target, request.settings, image, bar))
    failed = show.all_done(results, as_json=request.flags.as_json, quiet=request.flags.quiet)
    skipped = (one for done in results if isinstance(done, Conversion) for one in done.skipped)
    return bool(failed) or any(one.lost for one in skipped)


def _together(request: Request) -> bool:
    from pathlib import Path

    from mlarray_io.cluster.client import connect
    from mlarray_io.cluster.regions import convert_together

    with connect(request.flags.scheduler or "") as client:
        settings = replace(request.settings, threads=request.settings.threads or 1)
        source, target = Path(request.source.text), Path(request.target.text)
        done = convert_together(source, target, settings, request.choice.image, client)
    return _shown(done, request)


def _batch(request: Request) -> bool:
    from mlarray_io.commands import batch_output
    from mlarray_io.requests.launch import batch_request, run_batch

    root, terminal = batch_request(request).settings.root, sys.stderr.isatty()
    with batch_output.listener(request.flags, root, terminal=terminal) as listener:
        tally = run_batch(request, listener)
    if not (request.flags.as_json or request.flags.quiet or request.flags.dry_run):
        batch_output.table(tally)
    return bool(tally.failed.images)


def _silent(request: Request) -> bool:
    return request.flags.quiet or request.flags.as_json or not sys.stderr.isatty()
