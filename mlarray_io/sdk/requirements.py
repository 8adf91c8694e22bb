"""The libraries that a format needs: what is missing, the command that installs it, and their licences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlarray_core.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_io.sdk.format import Format

_SHORT = 80
"""Characters: a longer field is the licence's whole text, or a list of all that a wheel brings along."""


@dataclass(frozen=True)
class Library:
    """A library that a format needs, as its package describes itself.

    Attributes
    ----------
    name, version, licence
        Of the package; version and licence are empty where it isn't installed or doesn't say.
    """

    name: str
    version: str = ""
    licence: str = ""


def libraries(format: Format) -> tuple[Library, ...]:
    """Return the libraries that `format` needs, with their licences as far as they are installed."""
    return tuple(_library(name) for name in format.requires)


@cache
def _library(name: str) -> Library:
    from importlib.metadata import PackageNotFoundError, metadata

    for package in [*_packages().get(name.split(".")[0], ()), name]:
        try:
            fields = metadata(package)
        except PackageNotFoundError:
            continue
        texts = {name: fields.get_all(name) or [] for name in ("License-Expression", "Classifier", "License")}
        said = [*texts["License-Expression"], *_classified(texts["Classifier"]), *texts["License"]]
        licence = next((one for one in said if 0 < len(one) <= _SHORT), "")
        return Library(fields["Name"], fields["Version"], licence)
    return Library(name)


@cache
def _packages() -> Mapping[str, list[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()


def _classified(classifiers: list[str]) -> list[str]:
    """Return the licences among PyPI's classifiers, such as ``BSD License``."""
    return [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: OSI Approved :: ")]


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


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
