"""The part of `MLArray` that makes new images in memory, with NumPy's names and meanings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array.base import ImageBase
from mlarray_core.array.voxels import Scalar, filled, shaped
from mlarray_core.errors import ArgumentError, ArgumentTypeError
from mlarray_core.layout.plan import is_array, normal_shape
from mlarray_core.layout.request import LayoutRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mlarray_core.array.given_meta import GivenMeta
    from mlarray_core.layout.request import CParams, DParams

Array = np.ndarray[Any, Any]


class Creation(ImageBase):
    """Constructors of images in memory. All take ``meta`` and the layout arguments of `MLArray`."""

    __slots__ = ()

    @classmethod
    def asarray(
        cls,
        array: Array,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image with the voxels of an array.

        Parameters
        ----------
        array
            With the array protocol, or a NumPy array.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.

        Raises
        ------
        ArgumentTypeError
            `array` lacks the array protocol (a TypeError).
        """
        if not is_array(array):
            raise ArgumentTypeError(f"array must be a NumPy array, not {type(array).__name__}")
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(np.asarray(array), meta, layout, compressed)

    @classmethod
    def _made(cls, array: Array, meta: GivenMeta, layout: LayoutRequest, compressed: bool) -> Self:
        make: Callable[..., Self] = cls  # the constructor is MLArray's
        return make(
            array,
            meta=meta,
            patch_size=layout.patch,
            chunk_size=layout.chunk,
            block_size=layout.block,
            cparams=layout.cparams,
            dparams=layout.dparams,
            compressed=compressed,
        )

    @classmethod
    def empty(
        cls,
        shape: int | Sequence[int] | Array,
        dtype: npt.DTypeLike,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image whose voxels are not set; in fact they are zeros.

        Parameters
        ----------
        shape, dtype
            Of the array.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(filled(shape, 0, dtype, compressed), meta, layout, compressed)

    @classmethod
    def zeros(
        cls,
        shape: int | Sequence[int] | Array,
        dtype: npt.DTypeLike,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of zeros.

        Parameters
        ----------
        shape, dtype
            Of the array.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(filled(shape, 0, dtype, compressed), meta, layout, compressed)

    @classmethod
    def ones(
        cls,
        shape: int | Sequence[int] | Array,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of ones, float64 unless `dtype` says otherwise.

        Parameters
        ----------
        shape, dtype
            Of the array.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(
            filled(shape, 1, np.float64 if dtype is None else dtype, compressed), meta, layout, compressed
        )

    @classmethod
    def full(
        cls,
        shape: int | Sequence[int] | Array,
        fill_value: bytes | int | float | bool,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of one value.

        Parameters
        ----------
        shape
            Of the array.
        fill_value
            Of every voxel.
        dtype
            Of the array; None for the one that NumPy gives `fill_value`.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        kind = np.asarray(fill_value).dtype if dtype is None else dtype
        return cls._made(filled(shape, fill_value, kind, compressed), meta, layout, compressed)

    @classmethod
    def arange(
        cls,
        start: int | float,
        stop: int | float | None = None,
        step: int | float | None = 1,
        dtype: npt.DTypeLike | None = None,
        shape: int | Sequence[int] | Array | None = None,
        c_order: bool = True,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = None,
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of evenly spaced values, `step` apart.

        Parameters
        ----------
        start, stop, step
            As `numpy.arange` takes them.
        dtype, shape
            Of the array; it has one axis without `shape`.
        c_order
            Whether the last axis is filled first.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.

        Raises
        ------
        ArgumentError
            `shape` doesn't hold as many values (a ValueError).
        """
        if stop is None:
            start, stop = 0, start
        values = np.arange(start, stop, 1 if step is None else step, dtype=dtype)
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(shaped(values, shape, c_order), meta, layout, compressed)

    @classmethod
    def linspace(
        cls,
        start: int | float | complex,
        stop: int | float | complex,
        num: int | None = None,
        dtype: npt.DTypeLike | None = None,
        endpoint: bool = True,
        shape: int | Sequence[int] | Array | None = None,
        c_order: bool = True,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = None,
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of `num` values from `start` to `stop`.

        Parameters
        ----------
        start, stop, num, endpoint
            As `numpy.linspace` takes them; without `num` as many as `shape` holds.
        dtype, shape
            Of the array; it has one axis without `shape`.
        c_order
            Whether the last axis is filled first.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.

        Raises
        ------
        ArgumentError
            Neither `num` nor `shape` is given, or they disagree (a ValueError).
        """
        if num is None:
            if shape is None:
                raise ArgumentError("give num or shape")
            num = math.prod(normal_shape(shape))
        values = np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._made(shaped(values, shape, c_order), meta, layout, compressed)

    @classmethod
    def empty_like(
        cls,
        x: object,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of the shape of `x`, with its metadata unless `meta` is given; voxels are zeros.

        Parameters
        ----------
        x
            An image, or an array.
        dtype
            That of `x` without it.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._alike(x, 0, dtype, meta, layout, compressed)

    @classmethod
    def zeros_like(
        cls,
        x: object,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of zeros of the shape of `x`, with its metadata unless `meta` is given.

        Parameters
        ----------
        x
            An image, or an array.
        dtype
            That of `x` without it.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._alike(x, 0, dtype, meta, layout, compressed)

    @classmethod
    def ones_like(
        cls,
        x: object,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of ones of the shape of `x`, with its metadata unless `meta` is given.

        Parameters
        ----------
        x
            An image, or an array.
        dtype
            That of `x` without it.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._alike(x, 1, dtype, meta, layout, compressed)

    @classmethod
    def full_like(
        cls,
        x: object,
        fill_value: bool | int | float | complex,
        dtype: npt.DTypeLike | None = None,
        meta: GivenMeta = None,
        patch_size: int | Sequence[int] | str | None = "default",
        chunk_size: int | Sequence[int] | None = None,
        block_size: int | Sequence[int] | None = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
    ) -> Self:
        """Return an image of one value of the shape of `x`, with its metadata unless `meta` is given.

        Parameters
        ----------
        x
            An image, or an array.
        fill_value
            Of every voxel.
        dtype
            That of `x` without it.
        meta, patch_size, chunk_size, block_size, cparams, dparams, compressed
            As `MLArray` takes them.
        """
        layout = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams)
        return cls._alike(x, fill_value, dtype, meta, layout, compressed)

    @classmethod
    def _alike(
        cls,
        x: object,
        value: Scalar,
        dtype: npt.DTypeLike | None,
        meta: GivenMeta,
        layout: LayoutRequest,
        compressed: bool,
    ) -> Self:
        shape, kind = getattr(x, "shape", None), getattr(x, "dtype", None)
        if shape is None or kind is None:
            raise ArgumentTypeError(f"x must be an image or an array with voxels, not {type(x).__name__}")
        if meta is None and isinstance(x, ImageBase):
            meta = x.meta
        array = filled(shape, value, kind if dtype is None else dtype, compressed)
        return cls._made(array, meta, layout, compressed)
