"""What a conversion did: one image written, or one that could not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_io.sdk.losses import NO_HEADER

if TYPE_CHECKING:
    from mlarray_core.errors import MLArrayError
    from mlarray_io.places.place import Shown
    from mlarray_io.sdk.losses import Loss, Skipped


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    Attributes
    ----------
    target, target_format
        The path, or the URL without what may be secret in it, and the name of its format.
    shape, dtype, spacing
        Of the image as it was written.
    target_bytes, voxel_bytes
        Sizes of the files and of the voxels.
    seconds
        How long reading and writing took.
    source, source_format, image, source_bytes
        Where it came from, if from a file; the size is 0 for a folder.
    losses, warnings, skipped
        What the target can't hold, what the user should know, which files of the source were left out.
    title, series
        Description and number of the image's series, where its source has such.
    identifying
        Names of the fields that identify a person and that went into the target.
    """

    target: Shown
    target_format: str
    shape: tuple[int, ...]
    dtype: str
    spacing: list[float] | None
    target_bytes: int
    voxel_bytes: int
    seconds: float
    source: Shown | None = None
    source_format: str | None = None
    image: str | None = None
    source_bytes: int = 0
    losses: tuple[Loss, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    title: str = ""
    series: str = ""
    identifying: tuple[str, ...] = ()

    @property
    def leaves_header_out(self) -> bool:
        """Whether the target has no place for the header of the source."""
        return any(loss.what in NO_HEADER for loss in self.losses)

    @property
    def ratio(self) -> float:
        """How many bytes of voxels one byte of the target holds."""
        return self.voxel_bytes / self.target_bytes if self.target_bytes else 0.0


@dataclass(frozen=True)
class Failure:
    """One image of several that could not be converted."""

    source: Shown
    target: Shown
    image: str
    error: MLArrayError
