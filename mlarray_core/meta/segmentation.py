"""Whether the voxels are labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlarray_core.meta.checks import flag
from mlarray_core.meta.single import SingleKeyBaseMeta


@dataclass(eq=False, repr=False)
class MetaIsSeg(SingleKeyBaseMeta):
    """Whether the image is a segmentation.

    Attributes
    ----------
    is_seg
        True or False, None when unknown.
    """

    _PATH: ClassVar[str] = "is_seg"

    is_seg: bool | None = None

    def _validate_and_cast(self) -> None:
        if self.is_seg is not None:
            self._put("is_seg", flag(self.is_seg, self._PATH))
