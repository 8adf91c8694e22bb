"""The installed formats, as Python and programs list them: what each can do, brings and needs."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_io.engine.registry import installed
from mlarray_io.sdk.options import OptionHelp, describe
from mlarray_io.sdk.requirements import Library, install_line, libraries, missing


@dataclass(frozen=True)
class FormatInfo:
    """One installed format.

    Attributes
    ----------
    name, title, suffixes, target_suffixes
        What it is called, by us and by people, how its files end, and those that it writes.
    reads, writes
        What it can do.
    plugin, package
        The entry point that brought it, and its package with the version.
    libraries
        What it needs, each with `name`, `version` and `licence` as its package says.
    missing
        Libraries that it needs and that aren't installed.
    install
        The command that installs them.
    options
        Its settings.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    target_suffixes: tuple[str, ...]
    reads: bool
    writes: bool
    plugin: str
    package: str
    libraries: tuple[Library, ...]
    missing: tuple[str, ...]
    install: str
    options: tuple[OptionHelp, ...]


def formats() -> list[FormatInfo]:
    """List the installed formats, by name."""
    registry = installed()
    return [
        FormatInfo(
            name=format.name,
            title=format.title,
            suffixes=format.suffixes,
            target_suffixes=format.written_suffixes,
            reads=format.reads,
            writes=format.writes,
            plugin=registry.plugins.get(format.name, ""),
            package=registry.packages.get(format.name, ""),
            libraries=libraries(format),
            missing=tuple(missing(format)),
            install=install_line(format) if format.requires else "",
            options=tuple(describe(format.options_type)),
        )
        for format in registry.formats
    ]
