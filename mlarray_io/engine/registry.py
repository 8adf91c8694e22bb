"""The installed formats: loading them one by one, identifying a source, picking a target's format."""

from __future__ import annotations

import os
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pluggy

from mlarray_core.errors import MissingDependencyError, OptionError, UnknownFormatError, UnsupportedError
from mlarray_io.engine import foreign
from mlarray_io.engine.suffixes import Suffixes
from mlarray_io.places.place import Place, place_of
from mlarray_io.sdk import hookspecs
from mlarray_io.sdk.format import Confidence, Format
from mlarray_io.sdk.options import suggestion
from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io.sdk.source import Source

GROUP = "mlarray"
"""The entry point group in which plugins name their module."""

USUAL = (".mla", ".nii.gz", ".nrrd", ".mha", ".ome.tif", ".ome.zarr", ".npy", ".png")
"""Suffixes that are offered for a name that no format writes, as far as they are installed."""

LIMIT = "MLARRAY_PLUGINS"
"""Environment variable: the entry points to load, by name, with commas; empty for none but ``mla``."""


class Registry:
    """The installed formats.

    Parameters
    ----------
    formats
        In the order of their names.
    broken
        Why a plugin could not be loaded or a format failed to sniff, by name.
    plugins
        Name of the plugin (its entry point) that brought each format, by format name.

    Attributes
    ----------
    packages
        Package and version that brought each format, by format name.
    """

    def __init__(
        self,
        formats: Iterable[Format],
        broken: dict[str, str] | None = None,
        plugins: dict[str, str] | None = None,
    ) -> None:
        self.formats = tuple(sorted(formats, key=lambda format: format.name))
        self.broken = {} if broken is None else broken
        self.plugins = {} if plugins is None else plugins
        self.packages: dict[str, str] = {}

    @classmethod
    def load(cls) -> Registry:
        """Load every installed plugin that ``MLARRAY_PLUGINS`` admits; a broken one stops no other."""
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hookspecs)
        formats: dict[str, Format] = {}
        registry = cls((), plugins={})
        for point, package in _admitted():
            try:
                for format in _formats_of(manager, point):
                    _accept(format, formats)
                    registry.plugins[format.name] = point.name
                    registry.packages[format.name] = package
            except (Exception, SystemExit) as error:
                registry.broken[point.name] = f"{type(error).__name__}: {error}"
        loaded = cls(formats.values(), registry.broken, registry.plugins)
        loaded.packages = registry.packages
        return loaded

    def get(self, name: str) -> Format:
        """Return the format called `name`, or say which may have been meant.

        Raises
        ------
        OptionError
            There is none, or its plugin could not be loaded.
        """
        for format in self.formats:
            if format.name == name.lower():
                return format
        if name in self.broken:
            raise OptionError(f"the plugin {name} could not be loaded ({self.broken[name]})")
        names = [format.name for format in self.formats]
        raise OptionError(f"there is no format {name!r}", hint=suggestion(name, names, "formats"))

    def kind(self, name: str) -> tuple[Format, str]:
        """Return the format that `name` or the suffix `name`, such as ``nii.gz``, means, and the suffix."""
        suffix = "." + name.lower().removeprefix(".")
        by_suffix = self.suffixes.written.get(suffix)
        if by_suffix is not None and name.lower() not in {one.name for one in self.formats}:
            return by_suffix, suffix
        format = self.get(name)
        return format, next(iter(format.written_suffixes or format.suffixes), "")

    def claims(self, source: Source) -> list[tuple[Format, Confidence]]:
        """Say which formats claim `source`, the one that would be taken first.

        The highest confidence comes first; equals are ordered by the longest suffix that fits the name, then
        by whether their library is there, then by name. A sniff that raises claims nothing and is noted in
        `broken`.
        """
        # a folder at a URL is nowhere that other formats could look into
        asked = [one for one in self.formats if one.reads and (one.reads_urls or not _is_remote(source))]
        claims = [(format, self.confidence(format, source)) for format in asked]
        return sorted(
            (claim for claim in claims if claim[1] > Confidence.NO),
            key=lambda claim: (
                -claim[1],
                -suffix_length(source.name, claim[0].suffixes),
                bool(missing(claim[0])),
            ),
        )

    def identify(self, source: Source, name: str | None = None) -> Format:
        """Return the format to read `source` with, by its content before its name.

        Raises
        ------
        UnknownFormatError
            Nothing claims it, or nothing but its name where its content says otherwise; it names what it is.
        MissingDependencyError
            The format that claims it needs a library that isn't installed.
        UnsupportedError
            The format called `name` can't read.
        """
        preview = foreign.stand_in(source)
        if preview is not None:
            raise refused(source, preview)
        if name is not None:
            format = self.get(name)
            if not format.reads:
                raise UnsupportedError(f"the format {format.name} can't be read", path=source.where)
        else:
            source.head  # noqa: B018  read here: a format that can't read it just says that it isn't its own
            claims = self.claims(source)
            if not claims:
                raise self.unknown(source)
            known = foreign.by_content(source, certain=True) if claims[0][1] is Confidence.SUFFIX else None
            if known is not None:
                raise refused(source, known)
            format = claims[0][0]
        require(format, source.where)
        return format

    def for_target(self, target: str | os.PathLike[str] | Place, name: str | None = None) -> Format:
        """Return the format to write `target` with: the one called `name`, or the longest suffix's.

        Raises
        ------
        UnsupportedError
            The format can't write, or none that is installed writes files with this suffix.
        OptionError
            The format called `name` doesn't write files with this suffix.
        MissingDependencyError
            It needs a library that isn't installed.
        """
        place = target if isinstance(target, Place) else place_of(target)
        format = self._by_suffix(place) if name is None else self.kind(name)[0]
        if not format.writes:
            raise UnsupportedError(f"the format {format.name} can't be written", path=place.shown)
        if format.suffixes and not suffix_length(place.name, format.written_suffixes):
            raise OptionError(
                f"a file that the format {format.name} writes can't have this name",
                path=place.shown,
                hint=f"End it in {' or '.join(format.written_suffixes)}",
            )
        require(format, place.shown)
        return format

    @cached_property
    def suffixes(self) -> Suffixes:
        """What the ends of names say."""
        return Suffixes(self.formats)

    def _by_suffix(self, target: Place) -> Format:
        format = self.suffixes.target(target.name)
        if format is not None:
            return format
        known = [one for one in USUAL if one in self.suffixes.written] or sorted(self.suffixes.written)[:8]
        reader = self.suffixes.source(target.name)
        if reader is None:
            what = "no installed format writes files with this name"
        elif reader.writes:
            what = f"the format {reader.name} reads files with this name, and writes others"
            known = list(reader.written_suffixes)
        else:
            what = f"the format {reader.name} can't be written"
        hint = f"End it in {', '.join(known)}; 'mlarray formats' lists all" if known else None
        raise UnsupportedError(what, path=target.shown, hint=hint)

    def confidence(self, format: Format, source: Source) -> Confidence:
        """Ask a format about a source; one that raises is noted in `broken` and claims nothing."""
        try:
            return Confidence(format.sniff(source))
        except Exception as error:
            if source.url is None:  # what looks at the path finds nothing there
                self.broken[format.name] = f"sniffing {source.where} raised {type(error).__name__}: {error}"
            return Confidence.NO

    def unknown(self, source: Source) -> UnknownFormatError:
        """Return the error that says what a source is that no installed format takes, and what to do."""
        known = foreign.recognised(source)
        hint = "'mlarray formats' lists what is installed, --from NAME forces one"
        if not source.is_dir and source.size == 0:
            what = "the file is empty"
        elif known is not None:
            return refused(source, known)
        elif source.is_dir:
            what = "is a folder that is no image itself"
            hint = "'mlarray scan' lists the images below it, and a folder as target takes each of them"
        else:
            what = "no installed format recognises it"
        if self.broken:
            hint += f"; not working: {', '.join(sorted(self.broken))}"
        return UnknownFormatError(what, path=source.where, hint=hint)


def refused(source: Source, known: foreign.Foreign) -> UnknownFormatError:
    """Return the error that says what a source is and what to do."""
    if known.hint == foreign.NOTHING:
        return UnknownFormatError(f"is {known.name}, which holds no image", path=source.where)
    what = f"is {known.name}, which no installed format reads"
    return UnknownFormatError(what, path=source.where, hint=known.hint)


@cache
def installed() -> Registry:
    """Return the registry of this process, loaded at the first call."""
    return Registry.load()


def missing(format: Format) -> list[str]:
    """Return the libraries that `format` needs and that aren't installed."""
    return [name for name in format.requires if not _found(name)]


def install_line(format: Format) -> str:
    """Return the command that installs what `format` needs."""
    return f"pip install '{format.install or ' '.join(format.requires)}'"


def require(format: Format, path: Path | str | None = None) -> None:
    """Raise `MissingDependencyError`, with the command that helps, when a library of `format` is missing.

    Raises
    ------
    MissingDependencyError
        A library of the format is missing.
    """
    names = missing(format)
    if names:
        verb = "isn't" if len(names) == 1 else "aren't"
        raise MissingDependencyError(
            f"the format {format.name} needs {' and '.join(names)}, which {verb} installed",
            path=path,
            hint=f"Install it with: {install_line(format)}",
        )


def _is_remote(folder: Source) -> bool:
    return folder.url is not None and folder.is_dir


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _admitted() -> list[tuple[EntryPoint, str]]:
    """Return the entry points to load and their packages, ours first: no guest takes a built-in name."""
    points: Sequence[EntryPoint] = tuple(entry_points(group=GROUP))
    limit = os.environ.get(LIMIT)
    if limit is not None:
        wanted = {"mla", *(name.strip() for name in limit.split(","))}
        points = [point for point in points if point.name in wanted]
    packages: dict[Distribution | None, str] = {None: ""}
    for point in points:  # a package's metadata are read once: that takes a millisecond
        if point.dist is not None and point.dist not in packages:
            packages[point.dist] = f"{point.dist.name} {point.dist.version}"
    admitted = [(point, packages[point.dist]) for point in points]
    return sorted(admitted, key=lambda one: (not _is_ours(one[1]), one[0].name))


def _is_ours(package: str) -> bool:
    return package.split(" ")[0] == "mlarray"


def _formats_of(manager: pluggy.PluginManager, point: EntryPoint) -> list[Format]:
    """Import one plugin and ask its hook alone: what one raises must not hide the others' formats."""
    module, others = point.load(), manager.get_plugins()
    manager.register(module, name=point.name)
    answers = manager.subset_hook_caller("mlarray_formats", others)()
    if not answers:
        raise TypeError(f"{point.value} has no function mlarray_formats marked with @hookimpl")
    return [format for answer in answers for format in answer]


def _accept(format: object, formats: dict[str, Format]) -> None:
    """Add one format, when it is one and its name is free."""
    if not isinstance(format, Format):
        raise TypeError(f"mlarray_formats returned {format!r}, expected objects of a Format class")
    if format.name in formats:
        raise ValueError(f"the format name {format.name!r} is taken by another plugin")
    formats[format.name] = format
