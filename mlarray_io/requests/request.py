"""What a conversion is asked for, understood once: which kind of conversion it is, and of what."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import ArgumentError, OptionError, UnsupportedError
from mlarray_io.engine.conversion import is_folder
from mlarray_io.engine.file_names import NameTemplate
from mlarray_io.engine.registry import installed
from mlarray_io.engine.settings import Choice, Settings
from mlarray_io.places.place import Place, place_of
from mlarray_io.privacy.request import asked_privacy
from mlarray_io.sdk.labels.tables import read_label_table
from mlarray_io.sdk.labels.written import KINDS
from mlarray_io.sdk.options import meant
from mlarray_io.search.names import Names
from mlarray_io.search.sources import is_several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_core.meta import Label

LAYOUT = (
    "patch_size",
    "chunk_size",
    "block_size",
    "codec",
    "clevel",
    "profile",
    "levels",
    "lossy",
    "stats",
    "foreground",
)
"""Flags that are options of a `.mla` target."""
BATCH = ("include", "exclude", "jobs", "shard", "verify", "dry_run", "scheduler", "journal", "name")
"""Flags that only a batch has."""


@dataclass(frozen=True, kw_only=True)
class ConvertFlags:
    """The flags of ``mlarray convert``, as its help explains them, and the arguments of `mlarray.convert`."""

    source_format: str | None = None
    target_format: str | None = None
    image: str | None = None
    every: bool = False
    force: bool = False
    strict: bool = False
    coord_system: str | None = None
    orient: str | None = None
    raw: bool = False
    pairs: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    labels: bool | None = None
    label_pattern: tuple[str, ...] = ()
    label_table: str | None = None
    write_label_table: str | None = None
    anonymize: bool = False
    retain: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    shift_dates: int | str | None = None
    key: str | None = None
    patch_size: object = None
    chunk_size: object = None
    block_size: object = None
    codec: object = None
    clevel: object = None
    profile: str | None = None
    levels: object = None
    lossy: object = None
    stats: object = None
    foreground: object = None
    threads: int | None = None
    max_bytes: str | int | None = None
    quiet: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    jobs: int | None = None
    shard: str | None = None
    verify: bool = False
    scheduler: str | None = None
    journal: str | None = None
    name: str | None = None
    dry_run: bool = False
    as_json: bool = False

    @property
    def of_batch(self) -> frozenset[str]:
        """The flags that were given and that only a batch has."""
        return frozenset(name for name in BATCH if getattr(self, name))

    def settings(self) -> Settings:
        """Return what is asked of every conversion.

        Raises
        ------
        OptionError
            A pair or a size is misspelt, or flags contradict one another.
        MLArrayError
            The label table can't be read.
        """
        return Settings(
            source_format=self.source_format,
            target_format=self.target_format,
            overwrite=self.force,
            strict=self.strict,
            coord_system=self.coord_system,
            orient=self.orient,
            raw=self.raw,
            options={**self.options, **dict(map(_pair, self.pairs))},
            labels=self.labels,
            label_patterns=self.label_pattern,
            label_table=self._table(),
            written_table=_kind_of_table(self.write_label_table),
            privacy=asked_privacy(
                anonymize=self.anonymize,
                retain=self.retain,
                clean=self.clean,
                shift_dates=self.shift_dates,
                key=self.key,
            ),
            layout={name: getattr(self, name) for name in LAYOUT if getattr(self, name) is not None},
            threads=self.threads,
            max_bytes=_bytes(self.max_bytes),
        )

    def _table(self) -> tuple[Label, ...]:
        if self.label_table is None:
            return ()
        if self.labels is False:
            hint = "Leave out one of them"
            raise OptionError("what are no labels has no label table", field="--no-labels", hint=hint)
        return tuple(read_label_table(self.label_table))


class Kind(Enum):
    """How sources become targets."""

    ONE = "one image to one file"
    EACH = "each image of one source to a file in a folder"
    BATCH = "everything below the sources to a folder, or one source to a file, with flags of a batch"
    TOGETHER = "one image to one file, by all workers of a cluster"


@dataclass(frozen=True)
class Request:
    """A conversion as it was asked for.

    Attributes
    ----------
    kind
        How sources become targets.
    sources
        As they were given.
    target
        The file, or the folder.
    single
        Whether the target is one file, or one folder of a format that writes such.
    settings
        Of every conversion.
    choice
        Which images, and how their files are called.
    flags
        All flags.
    """

    kind: Kind
    sources: tuple[str, ...]
    target: Place
    single: bool
    settings: Settings
    choice: Choice
    flags: ConvertFlags

    @property
    def source(self) -> Place:
        """The first source, which is the only one but for a batch."""
        return place_of(self.sources[0])


def flags_of(given: Mapping[str, object]) -> ConvertFlags:
    """Return the flags that click parsed."""
    known = {one.name for one in fields(ConvertFlags)}
    return ConvertFlags(**{name: value for name, value in given.items() if name in known})  # type: ignore[arg-type]


def parse(sources: Sequence[str], target: str, flags: ConvertFlags) -> Request:
    """Return what is asked for.

    Parameters
    ----------
    sources, target
        The arguments.
    flags
        The flags.

    Raises
    ------
    ArgumentError
        A source or the target is empty.
    OptionError, UnsupportedError
        Flags, sources and target don't fit one another.
    """
    if not all((*sources, target)):
        what = "an empty text is no source and no target"
        raise ArgumentError(what, hint="A variable of the shell may be unset; . is the current folder")
    if flags.anonymize and flags.shard is not None and flags.key is None:
        what = "the parts of a batch need one secret, or what belongs together is called differently"
        raise OptionError(what, field="--shard", hint="Give each part the same --key FILE")
    place, settings = place_of(target), flags.settings()
    named = names_file(target)
    folder = target.endswith(("/", os.sep)) or _is_there(place)
    kind = _kind(sources, target, flags, named=named, folder=folder)
    template = None if flags.name is None else NameTemplate(flags.name)
    single = named and not target.endswith(("/", os.sep))
    if kind is Kind.BATCH:
        settings = _batch_settings(sources, place, settings, single=single)
        if single and template is not None:
            raise OptionError("one file has its name already", field="--name", hint="Name a folder")
    return Request(
        kind, tuple(sources), place, single, settings, Choice(flags.image, template=template), flags
    )


def names_file(target: str) -> bool:
    """Whether a target is one file (or one folder, for a format that is one) by its name."""
    return installed().names_target(os.path.basename(target))


def _kind(sources: Sequence[str], target: str, flags: ConvertFlags, *, named: bool, folder: bool) -> Kind:
    one = len(sources) == 1 and not is_several(sources[0])
    alone = one and flags.of_batch == {"scheduler"} and os.path.exists(sources[0])
    if alone and target.lower().endswith(".mla"):
        return Kind.TOGETHER
    several = folder or not named
    if not one or flags.of_batch or (several and _is_folder(sources[0])):
        return Kind.BATCH
    return Kind.EACH if flags.every or folder else Kind.ONE


def _is_there(target: Place) -> bool:
    return target.local is not None and is_folder(target.local)


def _is_folder(source: str) -> bool:
    """Whether a source is a folder to look into. At a URL, one with a suffix that is known is an image."""
    place = place_of(source)
    if place.local is not None:
        return place.local.is_dir()
    from mlarray_io.places.sources import UrlSource

    return Names().format(place.name) is None and (source.endswith("/") or UrlSource(source).is_dir)


def _batch_settings(sources: Sequence[str], target: Place, settings: Settings, *, single: bool) -> Settings:
    """Check what a batch needs; return its settings with the format of the one target."""
    from dataclasses import replace

    if single and (len(sources) > 1 or is_several(sources[0])):
        hint = "Name a folder for a file of each; for one volume of the slices of a series, give their folder"
        raise OptionError("several sources need a folder to go to", path=target.shown, hint=hint)
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
    return settings


def _kind_of_table(kind: str | None) -> str | None:
    if kind is not None and kind not in KINDS:
        what = f"expected one of {', '.join(KINDS)}, not {kind!r}"
        raise OptionError(what, field="--write-label-table", hint=meant(kind, KINDS))
    return kind


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise OptionError(f"expected NAME=VALUE, not {text!r}", field="-o")
    return name, value


def _bytes(text: str | int | None) -> int | None:
    """Read a size with a binary suffix, such as 8G."""
    if text is None or isinstance(text, int):
        return text
    low = text.strip().lower().removesuffix("b").removesuffix("i")
    scale = {"k": 10, "m": 20, "g": 30, "t": 40}.get(low[-1:], 0)
    try:
        size = float(low[:-1] if scale else low) * 2**scale
        if size < 0:
            raise ValueError(text)
        return int(size)
    except (ValueError, OverflowError):
        raise OptionError(f"expected a size such as 500M or 8G, not {text!r}", field="--max-bytes") from None


def journal_of(request: Request) -> Path | None:
    """Return the folder of the journal, None for one in the target.

    Raises
    ------
    OptionError
        The target is at a URL, where no journal can be.
    """
    if request.flags.journal is not None:
        return Path(request.flags.journal)
    if request.target.local is None and not request.single:
        hint = "Name a folder here for it: --journal FOLDER"
        raise OptionError(
            "the journal of a target at a URL lies elsewhere", path=request.target.shown, hint=hint
        )
    return None
