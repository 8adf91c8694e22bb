"""How the voxels are cut and compressed in the file; read-only to users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.checks import JsonDict, each, json_dict, length, mistyped, whole
from mlarray_core.meta.frozen import FrozenDict, FrozenList, frozen

_SIZES = ("chunk_size", "block_size", "patch_size")


@dataclass(eq=False, repr=False)
class MetaBlosc2(BaseMeta):
    """Layout and compression.

    Attributes
    ----------
    chunk_size, block_size
        What is compressed at once, and what is decompressed at least, in voxels, one for each axis.
    patch_size
        The patch that the layout was made for, in voxels, one for each spatial axis.
    cparams, dparams
        Blosc2's compression and decompression parameters, as plain numbers.
    """

    _PATH: ClassVar[str] = "blosc2"
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset({*_SIZES, "cparams", "dparams"})

    chunk_size: list[int] | None = None
    block_size: list[int] | None = None
    patch_size: list[int] | None = None
    cparams: JsonDict | None = None
    dparams: JsonDict | None = None

    def _validate_and_cast(self) -> None:
        for name in _SIZES:
            value = getattr(self, name)
            if value is not None:
                self._put(name, FrozenList(each(value, self._path(name), whole)))
        for name in ("cparams", "dparams"):
            value = getattr(self, name)
            if value is not None:
                self._put(name, _parameters(value, self._path(name)))

    def _check_lengths(self, ndim: int | None, spatial_ndim: int | None) -> None:
        length(self.chunk_size, ndim, "blosc2.chunk_size", "axis")
        length(self.block_size, ndim, "blosc2.block_size", "axis")
        length(self.patch_size, spatial_ndim, "blosc2.patch_size", "spatial axis")


def _parameters(value: object, path: str) -> FrozenDict:
    if not isinstance(value, Mapping):
        if not hasattr(value, "__dict__"):
            raise mistyped(path, "a dict or Blosc2 parameters", value)
        value = vars(value)
    plain: FrozenDict = frozen(json_dict(value, path))
    return plain
