"""Reads raw images for nnU-Net and writes its predictions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from mlarray_core import Meta, MetaSpatial, geometry
from mlarray_core.array.image import MLArray
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_core.exchange.arranged import channel_axis, millimetres, ordered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.exchange.arranged import Order

    Array = np.ndarray[Any, Any]
    Properties = dict[str, Any]

KEY = "mlarray"
"""Where nnU-Net's properties of a case hold what `write_seg` needs: plain values, which are pickled."""
NO_SLICES = 999
"""What nnU-Net multiplies the spacing of a 2-D image by, for the axis that it hasn't got."""
TOLERANCE = 1e-4
"""Relative difference of spacings, and distance in voxels, that rounding in headers explains."""


class MLArrayIO(BaseReaderWriter):
    """Images as nnU-Net wants them: channels, z, y, x; spacing in this order, in millimetres.

    Predictions get the axes, the place and the world of the first image. nnU-Net knows no world: an image
    that doesn't name one is read as any other.
    """

    supported_file_endings = [".mla"]  # noqa: RUF012 - a list, as nnU-Net declares it

    def read_images(self, image_fnames: Sequence[str]) -> tuple[Array, Properties]:
        """Read the channels of a case.

        Parameters
        ----------
        image_fnames
            One file for each channel, or one that holds them all.

        Raises
        ------
        ArgumentError
            Shapes or spacings differ (a ValueError).
        UnsupportedError
            An image has other than two or three spatial axes, or several others.
        """
        images = [MLArray.open(name) for name in image_fnames]
        cases = [_Case(image) for image in images]
        first = cases[0]
        for name, case in zip(image_fnames, cases, strict=True):
            if case.voxels.shape[1:] != first.voxels.shape[1:]:
                raise ArgumentError(
                    f"its shape {case.voxels.shape[1:]} is not that of {image_fnames[0]}, "
                    f"{first.voxels.shape[1:]}",
                    path=name,
                )
            if not np.allclose(case.spacing, first.spacing, rtol=TOLERANCE, atol=0):
                raise ArgumentError(
                    f"its spacing {case.spacing} is not that of {image_fnames[0]}, {first.spacing}", path=name
                )
            if case.is_elsewhere(first):
                # as nnU-Net's own readers do: it says that this may be meant
                warnings.warn(
                    f"{name} doesn't lie where {image_fnames[0]} does: channels may not fit", stacklevel=2
                )
        voxels = np.vstack([case.voxels for case in cases], dtype=np.float32, casting="unsafe")
        return voxels, {"spacing": first.spacing, KEY: first.place()}

    def read_seg(self, seg_fname: str) -> tuple[Array, Properties]:
        """Read a label map, as an image of one channel."""
        return self.read_images((seg_fname,))

    def write_seg(self, seg: Array, output_fname: str, properties: Properties) -> None:
        """Write a label map.

        Parameters
        ----------
        seg
            z, y, x.
        output_fname
            Ends in ``.mla``.
        properties
            What `read_images` gave for the case.
        """
        place = properties[KEY]
        x_first = place["x_first"]
        labels = seg[0] if len(x_first) == 2 else seg
        labels = np.transpose(labels, np.argsort(x_first[::-1]))  # to the order of the image's own axes
        smallest = np.uint8 if labels.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16
        meta = Meta(is_seg=True, spatial=MetaSpatial.from_mapping(place["spatial"]))
        MLArray(np.ascontiguousarray(labels, dtype=smallest), meta=meta).save(output_fname)


class _Case:
    """One image of a case."""

    def __init__(self, image: MLArray) -> None:
        voxels = image.to_numpy()
        self.spatial = image.meta.spatial
        self.order: Order = ordered(image.meta, voxels.ndim)
        if self.order.spatial not in (2, 3):
            raise UnsupportedError(f"nnU-Net has images of 2 or 3 axes, this one has {self.order.spatial}")
        channels = channel_axis(self.order, "nnU-Net")
        z_first = self.order.x_first[::-1]
        self.voxels = np.transpose(voxels, (*self.order.axes[len(z_first) :], *z_first))
        if channels is None:
            self.voxels = self.voxels[np.newaxis]
        self.axes = geometry.spatial_axes(self.spatial.axis_labels, voxels.ndim)
        self.affine = geometry.affine_of(self.spatial, len(self.axes))
        steps = np.linalg.norm(self.affine[:-1, :-1], axis=0) * millimetres(image.meta, voxels.ndim)
        self.spacing = [float(steps[self.axes.index(axis)]) for axis in z_first]
        if len(z_first) == 2:
            self.voxels = self.voxels[:, np.newaxis]
            self.spacing = [max(self.spacing) * NO_SLICES, *self.spacing]

    def is_elsewhere(self, other: _Case) -> bool:
        """Say whether a corner is further from that of another image than rounding explains, or the world."""
        worlds = {geometry.normal_world(one.spatial.coord_system) for one in (self, other)}
        if len(worlds) > 1 or self.affine.shape != other.affine.shape:
            return True
        apart = np.linalg.solve(other.affine, self.affine) - np.eye(len(self.affine))
        return bool(np.abs(apart[:-1]).sum(axis=1).max() > TOLERANCE * max(self.voxels.shape[1:]))

    def place(self) -> Properties:
        """Return what puts a prediction where the image lies."""
        labels = self.spatial.axis_labels
        units = self.spatial.axis_units
        spatial = self.spatial.to_mapping(include_none=False)
        for name, values in (("axis_labels", labels), ("axis_units", units)):
            if values is not None:
                spatial[name] = [values[axis] for axis in self.axes]
        spatial.pop("shape", None)
        return {"spatial": spatial, "x_first": [self.axes.index(axis) for axis in self.order.x_first]}
