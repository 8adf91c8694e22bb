"""The command ``convert``: one image, all images of one source, or a batch."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mlarray_core.processors import available_threads
from mlarray_io.commands.request import Kind, Request, flags_of, journal_of, parse
from mlarray_io.engine.conversion import convert, convert_all
from mlarray_io.engine.result import Conversion
from mlarray_io.printing import conversions as show
from mlarray_io.printing.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_io.batch.run import BatchRequest, Pool


def run(sources: Sequence[str], target: str, given: Mapping[str, object]) -> bool:
    """Convert as asked for on the command line; return whether anything failed or was lost.

    Parameters
    ----------
    sources, target
        The arguments.
    given
        The flags by name, as click parsed them.
    """
    request = parse(sources, target, flags_of(given))
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
    from mlarray_io.batch.run import Run
    from mlarray_io.commands import batch_output

    asked = _batch_request(request)
    pool = _pool(request, asked)
    terminal = sys.stderr.isatty()
    with batch_output.listener(request.flags, asked.settings.root, terminal=terminal) as listener:
        tally = Run(asked, pool, listener).run()
    if not (request.flags.as_json or request.flags.quiet or request.flags.dry_run):
        batch_output.table(tally)
    return bool(tally.failed.images)


def _batch_request(request: Request) -> BatchRequest:
    from mlarray_io.batch.plan import read_shard
    from mlarray_io.batch.run import BatchRequest
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.search.criteria import Criteria

    flags, settings = request.flags, request.settings
    threads = settings.threads or max(1, available_threads() // _jobs(request))
    settings = replace(settings, threads=threads)
    return BatchRequest(
        request.sources,
        BatchSettings(request.target, settings, request.single, request.choice, flags.verify),
        Criteria(flags.include, flags.exclude, settings.source_format, merge=flags.every),
        None if flags.shard is None else read_shard(flags.shard),
        flags.dry_run,
        journal_of(request),
    )


def _jobs(request: Request) -> int:
    return request.flags.jobs or available_threads()


def _pool(request: Request, asked: BatchRequest) -> Pool:
    """Return who performs the jobs: processes here, which also forecast what would be done, or a cluster."""
    from mlarray_io.batch.jobs import death
    from mlarray_io.batch.perform import forecast, perform
    from mlarray_io.batch.workers import Workers

    scheduler = request.flags.scheduler
    if scheduler is None or asked.dry:
        work = partial(forecast if asked.dry else perform, settings=asked.settings)
        return Workers(_jobs(request), work, death, untrusted=(*request.sources, request.target.text))
    from mlarray_io.cluster.client import Cluster, connect

    connect(scheduler).close()  # before anything is planned
    return Cluster(scheduler, asked.settings)


def _silent(request: Request) -> bool:
    return request.flags.quiet or request.flags.as_json or not sys.stderr.isatty()
