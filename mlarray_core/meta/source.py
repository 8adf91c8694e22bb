"""The header of the file that the image came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from mlarray_core.meta.single import DictMeta


@dataclass(eq=False, repr=False)
class MetaSource(DictMeta):
    """Metadata of the original image, as JSON can hold it.

    Attributes
    ----------
    data
        Any JSON; NaN and infinities are kept.
    """

    _PATH: ClassVar[str] = "source"

    data: dict[str, Any] = field(default_factory=dict)
