"""What somebody asks of the layout of an image, before it is known what suits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import blosc2

Sizes: TypeAlias = int | Sequence[int] | np.ndarray[Any, Any] | None
"""One number for each axis, or one for all."""
CParams: TypeAlias = "Mapping[str, object] | blosc2.CParams | None"
DParams: TypeAlias = "Mapping[str, object] | blosc2.DParams | None"


@dataclass(frozen=True)
class LayoutRequest:
    """How an image is to be cut and compressed, as far as somebody says.

    Parameters
    ----------
    patch
        Patch size along each spatial axis; ``"default"`` takes that of the metadata, else their chunk and
        block size, else 192; None lets Blosc2 choose.
    chunk, block
        Sizes along each axis, instead of `patch`.
    cparams
        Compression parameters that replace those of the profile, one by one.
    dparams
        Decompression parameters, noted for who reads.
    profile
        See `mlarray_core.layout.shapes.PROFILES`.
    """

    patch: Sizes | str = "default"
    chunk: Sizes = None
    block: Sizes = None
    cparams: CParams = None
    dparams: DParams = None
    profile: str = "default"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        given = (self.chunk, self.block, self.cparams, self.dparams)
        return self.keeps_patch and self.profile == "default" and all(one is None for one in given)

    @property
    def keeps_patch(self) -> bool:
        """Whether the patch size is left to the metadata."""
        return is_default(self.patch)


def is_default(patch: Sizes | str) -> bool:
    """Whether a patch size is the word ``default``."""
    return isinstance(patch, str) and patch == "default"
