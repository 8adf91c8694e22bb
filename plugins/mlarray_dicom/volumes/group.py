"""Frames that are to become one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray_core.errors import MLArrayError
    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.layout import PixelLayout


@dataclass
class Group:
    """Frames that are to become one image.

    Parameters
    ----------
    instances
        The files of the series that the frames point into.
    frames
        The frames.
    layouts
        How each file stores its pixels, by its index in `instances`. The files of one image differ in the
        bits of a sample at most.
    why
        What it was split from its series by, by name.
    problem
        Why it can't be opened.
    """

    instances: list[Instance]
    frames: list[Frame]
    layouts: dict[int, PixelLayout]
    why: dict[str, str] = field(default_factory=dict)
    problem: MLArrayError | None = None

    @property
    def first(self) -> Instance:
        """The file of the first frame."""
        return self.instances[self.frames[0].file]

    @property
    def layout(self) -> PixelLayout:
        """How the file of the first frame stores its pixels."""
        return self.layouts[self.frames[0].file]

    def part(self, frames: list[Frame], name: str, value: str) -> Group:
        """Return the group of some of the frames.

        Parameters
        ----------
        frames
            Those that belong to it.
        name, value
            What they were split by, and what they have in common in it.
        """
        return Group(self.instances, frames, self.layouts, {**self.why, name: value}, self.problem)
