"""What is asked of a conversion, whoever asks: the command line, Python, a batch or a cluster."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from mlarray_core.processors import available_threads
from mlarray_io.sdk.context import Context, Report
from mlarray_io.sdk.options import Options, parse, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlarray_core.meta import Label
    from mlarray_io.engine.file_names import NameTemplate
    from mlarray_io.privacy.profile import Privacy
    from mlarray_io.sdk.format import Format, Reader
    from mlarray_io.sdk.source import Source


def is_of_labels(source: str, pattern: str) -> bool:
    """Whether a pattern says that a source holds labels: by the end of its path, or the name of a folder.

    Parameters
    ----------
    source
        Its path or URL.
    pattern
        One of `Settings.label_patterns`.
    """
    path = source.replace(os.sep, "/")
    return fnmatch(path, f"*/{pattern}") or any(fnmatch(part, pattern) for part in path.split("/"))


@dataclass(frozen=True)
class Choice:
    """Which images of a source are converted, and how their files are called.

    Attributes
    ----------
    image
        Key or title of one; None for all.
    one
        Demand one image, instead of converting several.
    template
        Makes the names of files; None for the names that the format gives.
    """

    image: str | None = None
    one: bool = False
    template: NameTemplate | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be asked of a conversion; `mlarray_io.api.convert` explains it.

    Attributes
    ----------
    options
        Of either format, by name.
    layout
        Options of a `.mla` target, by name.
    labels
        Whether the voxels are labels; None for what the source says.
    label_patterns
        Sources that hold labels, by the end of their path or the name of a folder that they are in.
    label_table
        What the labels mean, for sources that hold labels; all of them where `label_patterns` are empty.
    written_table
        The program, a key of `mlarray_io.sdk.labels.written.KINDS`, whose label table is written beside each
        target that has one; None for none.
    privacy
        How a person is kept out of targets; None for not at all.
    """

    source_format: str | None = None
    target_format: str | None = None
    overwrite: bool = False
    strict: bool = False
    coord_system: str | None = None
    orient: str | None = None
    raw: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    layout: Mapping[str, object] = field(default_factory=dict)
    labels: bool | None = None
    label_patterns: tuple[str, ...] = ()
    label_table: tuple[Label, ...] = ()
    written_table: str | None = None
    privacy: Privacy | None = None
    threads: int | None = None
    max_bytes: int | None = None

    def of(self, source: Source) -> Settings:
        """Return the same settings, with `labels` and their table as the patterns say it for a source."""
        if self.labels is None and self.label_table and not self.label_patterns:
            return replace(self, labels=True)
        if self.labels is not None or not self.label_patterns:
            return self
        if any(is_of_labels(str(source.where), one) for one in self.label_patterns):
            return replace(self, labels=True)
        return replace(self, label_table=())

    def context(self, report: Report | None = None) -> Context:
        """Return what the host lends a format for one image."""
        return Context(
            threads=self.threads or available_threads(),
            max_bytes=self.max_bytes,
            raw=self.raw,
            table_beside=self.written_table is not None,
            report=report or Report(),
            opener=self._open,
            anonymous=self.privacy is not None,
        )

    @contextmanager
    def _open(self, name: str) -> Iterator[Reader]:
        """Open the one image of another source, with the limits of this conversion."""
        from mlarray_io.engine.select import open_one
        from mlarray_io.places.place import place_of

        with open_one(place_of(name), Settings(threads=self.threads, max_bytes=self.max_bytes)) as one:
            yield one.reader

    def read_options(self, reading: Format) -> Options:
        """Return the options of a format that is only read with; another format's name is an error."""
        return parse(reading.options_type, self.options, reading.name)

    def write_options(self, writing: Format) -> Options:
        """Return the options of a format that is only written with; another format's name is an error."""
        return parse(writing.options_type, {**self.options, **self.layout}, writing.name, writing=True)

    def both_options(self, reading: Format, writing: Format) -> tuple[Options, Options]:
        """Return the options of both sides of a conversion; a name that neither knows is an error."""
        sides = (reading.name, reading.options_type), (writing.name, writing.options_type)
        return share(self.options, self.layout, *sides)
