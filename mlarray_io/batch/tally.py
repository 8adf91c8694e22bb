"""The sum of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.batch.plan import Skip
    from mlarray_io.search.criteria import LeftOut


@dataclass
class Count:
    """How much of a batch: images, bytes of the sources, of the targets, of the voxels."""

    images: int = 0
    source_bytes: int = 0
    target_bytes: int = 0
    voxel_bytes: int = 0


@dataclass
class Tally:
    """The sum of a run.

    Attributes
    ----------
    converted, skipped, failed
        Images; a source that failed before its images were known counts as one, and so does a file that was
        left out though it may be an image.
    left_out
        Files that hold no image, as far as one can see.
    """

    converted: Count = field(default_factory=Count)
    skipped: Count = field(default_factory=Count)
    failed: Count = field(default_factory=Count)
    left_out: int = 0

    def leave_out(self, one: LeftOut) -> None:
        """Add a file that is left out."""
        if one.lost:
            self.failed.images += 1
        else:
            self.left_out += 1

    def skip(self, skip: Skip) -> None:
        """Add a source that was done already."""
        entry, sizes = skip.entry, skip.entry.targets[1::2]
        self.skipped.images += len(sizes)
        self.skipped.source_bytes += entry.size
        self.skipped.target_bytes += sum(max(int(size), 0) for size in sizes)
        self.skipped.voxel_bytes += entry.voxel_bytes

    def add(self, job: Job, report: Report) -> None:
        """Add what came of a source, but for what was left out of it."""
        self.converted.images += len(report.images)
        self.failed.images += len(report.failures)
        side = self.converted if report.images else self.failed
        if report.state != "empty":
            side.source_bytes += max(job.size, 0)
        self.converted.target_bytes += sum(image.conversion.target_bytes for image in report.images)
        self.converted.voxel_bytes += report.voxel_bytes
