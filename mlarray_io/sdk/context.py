"""What the host lends a format during one conversion: limits to keep, and a report to add to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlarray_core.errors import LimitError
from mlarray_io.sdk.losses import Loss, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlarray_io.sdk.format import Reader


@dataclass
class Report:
    """What there is to say about one conversion, in the order in which it came up.

    Parameters
    ----------
    losses
        What reading left out of the metadata and what the target can't hold.
    warnings
        What the user should know and is neither an error nor a loss.
    skipped
        Files of the source that were left out, and why.
    on_progress
        Called with the number of bytes of voxels done since the last call.
    """

    losses: list[Loss] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    on_progress: Callable[[int], None] | None = None


@dataclass(frozen=True)
class Context:
    """What the host lends a format during one conversion.

    Parameters
    ----------
    threads
        How many threads the format may use.
    max_bytes
        The most that one image may need, in bytes; None for no limit.
    raw
        Keep stored values, don't apply slope and intercept.
    table_beside
        A label table is written beside the target, which needn't hold it.
    report
        Collects what `loss`, `warn`, `skip` and `progress` say.
    opener
        Opens the one image of another file or folder, of any format: one that an option names. None where
        there is no host.
    anonymous
        Whether identities are to be left out: what an option would bring in is refused.
    present
        Names of files beside the target that it may be made of; see `free_name`.
    needed
        Those of them that what is to be replaced needs until the new target is in place.
    """

    threads: int = 1
    max_bytes: int | None = None
    raw: bool = False
    table_beside: bool = False
    report: Report = field(default_factory=Report)
    opener: Callable[[str], AbstractContextManager[Reader]] | None = None
    anonymous: bool = False
    present: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()

    def free_name(self, *names: str) -> str:
        """Return which of these names a data file may have that the new header names.

        The old header's file isn't replaced, so that the old image is whole until the new header is there.
        """
        free = [name for name in names if name not in self.needed]
        return next((name for name in free if name not in self.present), (*free, *names)[0])

    def loss(self, what: str, why: str) -> None:
        """Report that the target can't hold `what`."""
        loss = Loss(what, why)
        if loss not in self.report.losses:
            self.report.losses.append(loss)

    def warn(self, text: str) -> None:
        """Report something that is no error and no loss."""
        if text not in self.report.warnings:
            self.report.warnings.append(text)

    def skip(self, what: str, why: str, *, lost: bool = False) -> None:
        """Report a file of the source that is left out.

        Parameters
        ----------
        what
            The file, relative to the source.
        why
            What it is, or what is wrong with it.
        lost
            Whether it is damaged, so that an image or a part of one is lost. A command that leaves such a
            file out exits with 1.
        """
        self.report.skipped.append(Skipped(what, why, lost))

    def progress(self, count: int) -> None:
        """Report that `count` more bytes of voxels are done."""
        if self.report.on_progress is not None:
            self.report.on_progress(count)

    def silent(self) -> Context:
        """Return the same context without progress, for voxels beside those of the image, such as levels."""
        return replace(self, report=replace(self.report, on_progress=None))

    def allow(self, nbytes: int, path: Path | str) -> None:
        """Check the size of an image before memory is taken for it.

        Raises
        ------
        LimitError
            `nbytes` is more than `max_bytes`; the error names `path`.
        """
        if self.max_bytes is not None and nbytes > self.max_bytes:
            raise LimitError(
                f"the header describes {nbytes:,} bytes of voxels, the limit is {self.max_bytes:,}",
                path=path,
                hint="Raise it with --max-bytes (max_bytes=) if the file is to be trusted",
            )
