"""The command ``convert``: one image, all images of one source, or a batch."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_core.processors import available_threads
from mlarray_io.engine.conversion import convert, convert_all, is_folder
from mlarray_io.engine.registry import installed
from mlarray_io.engine.settings import Settings
from mlarray_io.places.place import Place, place_of
from mlarray_io.printing.conversions import all_done, done
from mlarray_io.printing.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.batch.jobs import Order
    from mlarray_io.batch.run import Pool

LAYOUT = (
    "patch_size",
    "chunk_size",
    "block_size",
    "codec",
    "clevel",
    "levels",
    "lossy",
    "stats",
    "foreground",
)
"""Flags that are options of a `.mla` target."""
BATCH = ("include", "exclude", "jobs", "shard", "verify", "dry_run", "scheduler", "journal")
"""Flags that only a batch has."""


def run(sources: Sequence[str], target: str, asked: dict[str, Any]) -> bool:
    """Convert as asked for on the command line; return whether anything failed.

    Parameters
    ----------
    sources, target
        The arguments.
    asked
        The flags by name.
    """
    settings = settings_of(asked)
    place = place_of(target)
    if _is_one_for_many(sources, target, asked):
        _convert_together(Path(sources[0]), Path(target), settings, asked)
        return False
    if _is_batch(sources, target, asked):
        return _batch(sources, place, settings, asked)
    if (
        asked["every"]
        or target.endswith(("/", os.sep))
        or (place.local is not None and is_folder(place.local))
    ):
        return _convert_all(place_of(sources[0]), place, settings, asked)
    _convert_one(place_of(sources[0]), place, settings, asked)
    return False


def settings_of(asked: dict[str, Any]) -> Settings:
    """Return what the flags ask of every conversion."""
    return Settings(
        source_format=asked["source_format"],
        target_format=asked["target_format"],
        overwrite=asked["force"],
        strict=asked["strict"],
        coord_system=asked["coord_system"],
        orient=asked["orient"],
        raw=asked["raw"],
        options=dict(map(_pair, asked["pairs"])),
        layout={name: asked[name] for name in LAYOUT if asked[name] is not None},
        threads=asked["threads"],
        max_bytes=_bytes(asked["max_bytes"]),
    )


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise OptionError(f"expected NAME=VALUE, not {text!r}", field="-o")
    return name, value


def _bytes(text: str | None) -> int | None:
    """Read a size with a binary suffix, such as 8G."""
    if text is None:
        return None
    low = text.strip().lower().removesuffix("b").removesuffix("i")
    scale = {"k": 10, "m": 20, "g": 30, "t": 40}.get(low[-1:], 0)
    try:
        size = float(low[:-1] if scale else low) * 2**scale
        if size < 0:
            raise ValueError(text)
        return int(size)
    except (ValueError, OverflowError):
        raise OptionError(f"expected a size such as 500M or 8G, not {text!r}", field="--max-bytes") from None


def _convert_one(source: Place, target: Place, settings: Settings, asked: dict[str, Any]) -> None:
    with progress(source.name, _silent(asked)) as bar:
        result = convert(source, target, settings, asked["image"], bar)
    done(result, as_json=asked["as_json"], quiet=asked["quiet"])


def _convert_all(source: Place, folder: Place, settings: Settings, asked: dict[str, Any]) -> bool:
    """Convert each image into a folder, made for it if need be."""
    results = []
    with progress(source.name, _silent(asked)) as bar:
        for result in convert_all(source, folder, settings, asked["image"], bar):
            results.append(result)
    failed = all_done(results, as_json=asked["as_json"], quiet=asked["quiet"])
    return bool(failed)


def _silent(asked: dict[str, Any]) -> bool:
    return asked["quiet"] or asked["as_json"] or not sys.stderr.isatty()


def _is_batch(sources: Sequence[str], target: str, asked: dict[str, Any]) -> bool:
    from mlarray_io.search.folders import is_several

    if len(sources) > 1 or is_several(sources[0]) or any(asked[name] for name in BATCH):
        return True
    return not asked["every"] and not _names_file(target) and _is_dir(sources[0])


def _is_dir(source: str) -> bool:
    """Whether a source is a folder to look into. At a URL, one with a suffix that is known is an image."""
    place = place_of(source)
    if place.local is not None:
        return place.local.is_dir()
    from mlarray_io.places.sources import UrlSource
    from mlarray_io.search.names import Names

    return Names().format(place.name) is None and (source.endswith("/") or UrlSource(source).is_dir)


def _names_file(target: str) -> bool:
    """Whether a target is one file (or one folder, for a format that is one) by its name."""
    return installed().suffixes.names_target(os.path.basename(target))


def _batch(sources: Sequence[str], target: Place, settings: Settings, asked: dict[str, Any]) -> bool:
    from mlarray_io.batch import run as batches
    from mlarray_io.batch import summary
    from mlarray_io.batch.plan import read_shard
    from mlarray_io.search.folders import Discovery

    jobs = asked["jobs"] or available_threads()
    threads = settings.threads or max(1, available_threads() // jobs)
    order = _order(sources, target, replace(settings, threads=threads), asked)
    discovery = Discovery(asked["include"], asked["exclude"], source_format=settings.source_format)
    shard = None if asked["shard"] is None else read_shard(asked["shard"])
    dry = asked["dry_run"]
    beside = None if asked["journal"] is None else Path(asked["journal"])
    if beside is None and target.local is None and not order.single:
        hint = "Name a folder here for it: --journal FOLDER"
        raise OptionError("the journal of a target at a URL lies elsewhere", path=target.shown, hint=hint)
    pool = _pool(jobs, order, asked["scheduler"], dry=dry)
    modes = {"as_json": asked["as_json"], "quiet": asked["quiet"], "dry": dry}
    with summary.audience(**modes, terminal=sys.stderr.isatty(), root=order.root) as audience:
        tally = batches.run(sources, order, discovery, pool, audience, shard, dry=dry, beside=beside)
    if not (asked["as_json"] or asked["quiet"] or dry):
        summary.table(tally)
    return bool(tally.failed.images)


def _pool(jobs: int, order: Order, scheduler: str | None, *, dry: bool) -> Pool:
    """Return who performs the jobs: processes here, which also forecast what would be done, or a cluster."""
    from mlarray_io.batch.jobs import death, forecast, perform
    from mlarray_io.batch.workers import Workers

    if scheduler is None or dry:
        return Workers(jobs, partial(forecast if dry else perform, order=order), death)
    from mlarray_io.cluster.client import Cluster, connect

    connect(scheduler).close()  # before anything is planned
    return Cluster(scheduler, order)


def _is_one_for_many(sources: Sequence[str], target: str, asked: dict[str, Any]) -> bool:
    """Whether one image is to be converted to one `.mla` by a whole cluster."""
    others = any(asked[name] for name in BATCH if name != "scheduler")
    one = len(sources) == 1 and os.path.exists(sources[0]) and target.lower().endswith(".mla")
    return asked["scheduler"] is not None and one and not others


def _convert_together(source: Path, target: Path, settings: Settings, asked: dict[str, Any]) -> None:
    from mlarray_io.cluster.client import connect
    from mlarray_io.cluster.regions import convert_together

    with connect(asked["scheduler"]) as client:
        one = replace(settings, threads=settings.threads or 1)
        result = convert_together(source, target, one, asked["image"], client)
    done(result, as_json=asked["as_json"], quiet=asked["quiet"])


def _order(sources: Sequence[str], target: Place, settings: Settings, asked: dict[str, Any]) -> Order:
    """Return what a batch shall do with every source; a target that is a file is for one source only."""
    from mlarray_io.batch.jobs import Order
    from mlarray_io.search.folders import is_several

    single = _names_file(target.text) and not target.text.endswith(("/", os.sep))
    if single and (len(sources) > 1 or is_several(sources[0])):
        raise OptionError("several sources need a folder to go to", path=target.shown, hint="Name a folder")
    if single:
        name = installed().for_target(target, settings.target_format).name
        settings = replace(settings, target_format=name)
    elif target.local is not None and target.local.exists() and not target.local.is_dir():
        what = "is a file, and a batch needs a folder to go to"
        raise OptionError(what, path=target.shown, hint="Name a folder")
    else:
        format = installed().kind(settings.target_format or "mla")[0]
        if not format.writes:
            raise UnsupportedError(f"the format {format.name} can't be written")
    if target.local is None:
        target.check_target(overwrite=True)
    return Order(target, settings, single, asked["image"], asked["verify"])
