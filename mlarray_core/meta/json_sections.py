"""The two sections that hold any JSON: the header of the source, and anything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from mlarray_core.meta.single import DictMeta

if TYPE_CHECKING:
    from mlarray_core.meta.checks import JsonDict


@dataclass(eq=False, repr=False)
class MetaSource(DictMeta):
    """Metadata of the original image, as JSON can hold it.

    Attributes
    ----------
    data
        Any JSON; NaN and infinities are kept. Converters put the source's header here.
    """

    _PATH: ClassVar[str] = "source"

    data: JsonDict = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class MetaExtra(DictMeta):
    """Free metadata, as JSON can hold it. The key ``mlarray`` is the library's: see `Additions`.

    Attributes
    ----------
    data
        Any JSON; NaN and infinities are kept.
    """

    _PATH: ClassVar[str] = "extra"

    data: JsonDict = field(default_factory=dict)
