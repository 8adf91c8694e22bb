"""The installed formats: loading them one by one, identifying a source, picking a target's format."""

from __future__ import annotations

import os
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

import pluggy

from mlarray_core.errors import OptionError, UnknownFormatError, UnsupportedError
from mlarray_io.engine import foreign
from mlarray_io.engine.suffixes import BUILT_IN, FOLDERS, Suffixes
from mlarray_io.places.place import Place, place_of
from mlarray_io.sdk import hookspecs
from mlarray_io.sdk.format import Confidence, Format
from mlarray_io.sdk.options import suggestion
from mlarray_io.sdk.requirements import missing, require
from mlarray_io.sdk.source import suffix_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlarray_io.sdk.source import Source

GROUP = "mlarray"
"""The entry point group in which plugins name their module."""

USUAL = (".mla", ".nii.gz", ".nrrd", ".mha", ".ome.tif", ".ome.zarr", ".npy", ".png")
"""Suffixes that are offered for a name that no format writes, as far as they are installed."""

LIMIT = "MLARRAY_PLUGINS"
"""Environment variable: the entry points to load, by name, with commas; empty for none but ``mla``."""


class Registry:
    """The installed formats, each plugin loaded when something asks for what it brings.

    Parameters
    ----------
    formats
        Formats that are there from the beginning.
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
        self._loaded = {format.name: format for format in formats}
        self._broken = {} if broken is None else broken
        self._plugins = {} if plugins is None else plugins
        self._packages: dict[str, str] = {}
        self._waiting: list[_Plugin] = []
        self._manager: pluggy.PluginManager | None = None
        self._lock = RLock()

    @classmethod
    def load(cls) -> Registry:
        """Find every installed plugin that ``MLARRAY_PLUGINS`` admits; a broken one stops no other."""
        registry = cls(())
        registry._waiting = _admitted()
        return registry

    @property
    def formats(self) -> tuple[Format, ...]:
        """All of them, in the order of their names."""
        self._load_if(lambda plugin: True)
        return self._in_order()

    @property
    def broken(self) -> dict[str, str]:
        """Why a plugin could not be loaded or a format failed to sniff, by name."""
        self._load_if(lambda plugin: True)
        return self._broken

    @property
    def plugins(self) -> dict[str, str]:
        """Name of the plugin that brought each format, by format name."""
        self._load_if(lambda plugin: True)
        return self._plugins

    @property
    def packages(self) -> dict[str, str]:
        """Package and version that brought each format, by format name."""
        self._load_if(lambda plugin: True)
        return self._packages

    def _in_order(self) -> tuple[Format, ...]:
        """Return those that are loaded, in the order of their names."""
        return tuple(self._loaded[name] for name in sorted(self._loaded))

    def _fitting(self, name: str) -> tuple[Format, ...]:
        """Return all formats, at least, that have a suffix which fits the name of a file."""
        self._load_if(lambda plugin: plugin.may_fit(name))
        return self._in_order()

    def _load_if(self, wanted: Callable[[_Plugin], bool]) -> None:
        """Load the plugins that are `wanted` and wait."""
        with self._lock:
            for plugin in [one for one in self._waiting if wanted(one)]:
                if plugin in self._waiting:  # and not loaded meanwhile, to settle who has a name
                    self._waiting.remove(plugin)
                    self._load(plugin)

    def _load(self, plugin: _Plugin) -> None:
        try:
            for format in self._formats_of(plugin.point):
                if plugin.brings is None and isinstance(format, Format):
                    self.find(format.name)  # no guest takes the name of a built-in format, loaded or not
                _accept(format, self._loaded)
                self._plugins[format.name] = plugin.point.name
                self._packages[format.name] = plugin.package
        except (Exception, SystemExit) as error:
            self._broken[plugin.point.name] = f"{type(error).__name__}: {error}"

    def _formats_of(self, point: EntryPoint) -> list[Format]:
        """Import one plugin and ask its hook alone: what one raises must not hide the others' formats."""
        if self._manager is None:
            self._manager = pluggy.PluginManager(GROUP)
            self._manager.add_hookspecs(hookspecs)
        module, others = point.load(), self._manager.get_plugins()
        self._manager.register(module, name=point.name)
        answers = self._manager.subset_hook_caller("mlarray_formats", others)()
        if not answers:
            raise TypeError(f"{point.value} has no function mlarray_formats marked with @hookimpl")
        return [format for answer in answers for format in answer]

    def get(self, name: str) -> Format:
        """Return the format called `name`, or say which may have been meant.

        Raises
        ------
        OptionError
            There is none, or its plugin could not be loaded.
        """
        format = self.find(name)
        if format is not None:
            return format
        if name in self.broken:
            raise OptionError(f"the plugin {name} could not be loaded ({self.broken[name]})")
        names = [format.name for format in self.formats]
        raise OptionError(f"there is no format {name!r}", hint=suggestion(name, names, "formats"))

    def find(self, name: str) -> Format | None:
        """Return the format called `name`; None when there is none that works."""
        self._load_if(lambda plugin: plugin.may_bring(name.lower()))
        return self._loaded.get(name.lower())

    def kind(self, name: str) -> tuple[Format, str]:
        """Return the format that `name` or the suffix `name`, such as ``nii.gz``, means, and the suffix."""
        suffix = "." + name.lower().removeprefix(".")
        by_suffix = Suffixes(self._fitting("image" + suffix)).written.get(suffix)
        if by_suffix is not None and self.find(name) is None:
            return by_suffix, suffix
        format = self.get(name)
        return format, next(iter(format.written_suffixes or format.suffixes), "")

    def claims(self, source: Source) -> list[tuple[Format, Confidence]]:
        """Say which formats claim `source`, the one that would be taken first.

        The highest confidence comes first; equals are ordered by the longest suffix that fits the name, then
        by whether their library is there, then by name. A sniff that raises claims nothing and is noted in
        `broken`.
        """
        return self._claims(source, self.formats)

    def surest(self, source: Source) -> tuple[Format, Confidence] | None:
        """Return the claim that would be taken: the first of `claims`, None when there are none.

        A format that has read the header, and whose suffix the name has, comes before every one whose suffix
        it hasn't, so that these aren't asked, nor loaded. A folder is shown first to formats that know one by
        what is in it, and to the others only when none of these takes it.
        """
        first = self._claims(source, self._fitting(source.name))[:1]
        if first and first[0][1] is Confidence.PARSED and suffix_length(source.name, first[0][0].suffixes):
            return first[0]
        if source.is_dir:
            self._load_if(lambda plugin: plugin.may_hold_folder)
            known = self._claims(source, self._in_order())
            if known:
                return known[0]
        return next(iter(self.claims(source)), None)

    def _claims(self, source: Source, formats: Sequence[Format]) -> list[tuple[Format, Confidence]]:
        # a folder at a URL is nowhere that other formats could look into
        asked = [one for one in formats if one.reads and (one.reads_urls or not _is_remote(source))]
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
            claim = self.surest(source)
            if claim is None:
                raise self.unknown(source, self.recognised(source))
            known = foreign.by_content(source, certain=True) if claim[1] is Confidence.SUFFIX else None
            if known is not None:
                raise refused(source, known)
            format = claim[0]
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

    def names_target(self, name: str) -> bool:
        """Whether a name is that of a file (or of a folder that is one image) that can be written."""
        return self._target(name) is not None

    def _target(self, name: str) -> Format | None:
        return Suffixes(self._fitting(name)).target(name)

    def _by_suffix(self, target: Place) -> Format:
        format = self._target(target.name)
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
                self._broken[format.name] = f"sniffing {source.where} raised {type(error).__name__}: {error}"
            return Confidence.NO

    def recognised(self, source: Source) -> foreign.Foreign | None:
        """Return what a source is that no installed format takes, as it is or packed; None if unknown."""
        return foreign.recognised(source) or foreign.inside(source, self)

    def unknown(self, source: Source, known: foreign.Foreign | None) -> UnknownFormatError:
        """Return the error for a source that no format takes: what it is by `recognised`, and what to do."""
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


def _is_remote(folder: Source) -> bool:
    return folder.url is not None and folder.is_dir


class _Plugin(NamedTuple):
    """A plugin that is installed, and what is known of it without loading it.

    Attributes
    ----------
    point, package
        Its entry point, and the package and version that it came with.
    """

    point: EntryPoint
    package: str

    @property
    def brings(self) -> dict[str, tuple[str, ...]] | None:
        """The suffixes of each of its formats; None when only loading it tells."""
        return BUILT_IN.get(self.point.name) if _is_ours(self.package) else None

    def may_bring(self, name: str) -> bool:
        """Whether the format called `name` may be its."""
        return self.brings is None or name in self.brings

    def may_fit(self, name: str) -> bool:
        """Whether the name of a file may have a suffix of its."""
        brings = self.brings
        return brings is None or any(suffix_length(name, suffixes) for suffixes in brings.values())

    @property
    def may_hold_folder(self) -> bool:
        """Whether one of its formats may take a folder, whatever that is called."""
        return self.brings is None or self.point.name in FOLDERS


def _admitted() -> list[_Plugin]:
    """Return the plugins that may be loaded, ours first: no guest takes a built-in name."""
    points: Sequence[EntryPoint] = tuple(entry_points(group=GROUP))
    limit = os.environ.get(LIMIT)
    if limit is not None:
        wanted = {"mla", *(name.strip() for name in limit.split(","))}
        points = [point for point in points if point.name in wanted]
    packages: dict[Distribution | None, str] = {None: ""}
    for point in points:  # a package's metadata are read once: that takes a millisecond
        if point.dist is not None and point.dist not in packages:
            packages[point.dist] = f"{point.dist.name} {point.dist.version}"
    admitted = [_Plugin(point, packages[point.dist]) for point in points]
    return sorted(admitted, key=lambda one: (not _is_ours(one.package), one.point.name))


def _is_ours(package: str) -> bool:
    return package.split(" ")[0] == "mlarray"


def _accept(format: object, formats: dict[str, Format]) -> None:
    """Add one format, when it is one and its name is free."""
    if not isinstance(format, Format):
        raise TypeError(f"mlarray_formats returned {format!r}, expected objects of a Format class")
    if format.name in formats:
        raise ValueError(f"the format name {format.name!r} is taken by another plugin")
    formats[format.name] = format
