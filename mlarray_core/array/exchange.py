"""The part of `MLArray` that other libraries and notebooks see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core import geometry
from mlarray_core.array.creation import Creation
from mlarray_core.array.levels import within_bytes
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.url_text import is_url, shown

if TYPE_CHECKING:
    import dask.array
    import nibabel
    import SimpleITK
    import torch
    from ipyniivue import NiiVue
    from nibabel.spatialimages import SpatialImage

    from mlarray_core.exchange.dask_arrays import Chunks
    from mlarray_core.statistics.class_locations import ClassLocations

MOST_BYTES = 64 << 20
"""Voxels that a notebook's picture may read: a second or two; of larger images it shows one slice."""


class Exchange(Creation):
    """Images of other libraries in memory, and what a notebook shows."""

    __slots__ = ()

    def to_nibabel(self, *, coord_system: str | None = None) -> nibabel.Nifti1Image:
        """Return the image as nibabel has it: axes x, y, z first, an affine to RAS in millimetres.

        Nothing is flipped or resampled, shear is kept. Time is the fourth axis, components the fifth.

        Parameters
        ----------
        coord_system
            The world, ``RAS`` or ``LPS``, of an image that doesn't name one.

        Raises
        ------
        ArgumentError
            The world isn't known (a ValueError).
        UnsupportedError
            NIfTI has no such axes or type of voxels.
        MissingDependencyError
            nibabel isn't installed.
        """
        from mlarray_core.exchange.nibabel_images import to_nibabel

        return to_nibabel(self.to_numpy(), self.meta, coord_system)

    @classmethod
    def from_nibabel(cls, image: SpatialImage, *, compressed: bool = True) -> Self:
        """Return an image with the voxels and the place of one of nibabel's, in LPS.

        Its header is not kept; `mlarray.read` keeps that of a file.

        Parameters
        ----------
        image
            Any spatial image of nibabel's.
        compressed
            As `MLArray` takes it.

        Raises
        ------
        ArgumentTypeError
            It is none (a TypeError).
        MissingDependencyError
            nibabel isn't installed.
        """
        from mlarray_core.exchange.nibabel_images import from_nibabel

        voxels, meta = from_nibabel(image)
        return cls._made(voxels, meta, LayoutRequest(), compressed)

    def to_sitk(self, *, coord_system: str | None = None) -> SimpleITK.Image:
        """Return the image as SimpleITK has it, in LPS and millimetres. The voxels are copied.

        Parameters
        ----------
        coord_system
            The world, ``RAS`` or ``LPS``, of an image that doesn't name one.

        Raises
        ------
        ArgumentError
            The world isn't known (a ValueError).
        UnsupportedError
            The image is sheared, or SimpleITK has no such axes or type of voxels.
        MissingDependencyError
            SimpleITK isn't installed.
        """
        from mlarray_core.exchange.sitk_images import to_sitk

        return to_sitk(self.to_numpy(), self.meta, coord_system)

    @classmethod
    def from_sitk(cls, image: SimpleITK.Image, *, compressed: bool = True) -> Self:
        """Return an image with the voxels and the place of one of SimpleITK's. Its dictionary is not kept.

        Parameters
        ----------
        image
            Of two axes or more.
        compressed
            As `MLArray` takes it.

        Raises
        ------
        ArgumentTypeError
            It is no image of SimpleITK's (a TypeError).
        MissingDependencyError
            SimpleITK isn't installed.
        """
        from mlarray_core.exchange.sitk_images import from_sitk

        voxels, meta = from_sitk(image)
        return cls._made(voxels, meta, LayoutRequest(), compressed)

    def to_dask(self, chunks: Chunks = None) -> dask.array.Array:
        """Return a Dask array that reads the voxels of each chunk when they are computed.

        Parameters
        ----------
        chunks
            As Dask takes them; None for multiples of the chunks that are stored, about as large as Dask's
            ``array.chunk-size`` says.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        MissingDependencyError
            Dask isn't installed.
        """
        from mlarray_core.exchange.dask_arrays import to_dask

        return to_dask(self, chunks)

    def to_torch(self) -> torch.Tensor:
        """Return all voxels as a PyTorch tensor of the stored type, axes in the array's order.

        `torch.as_tensor(image)` does the same; `torch.tensor(image)` goes voxel by voxel.

        Raises
        ------
        UnsupportedError
            PyTorch has no such type of voxels.
        MissingDependencyError
            PyTorch isn't installed.
        """
        from mlarray_core.exchange.torch_tensors import to_tensor

        return to_tensor(self.to_numpy())

    def __dlpack__(self, *, stream: None = None, **options: object) -> object:
        """Return all voxels by the array API's protocol: `torch.as_tensor` would else go item by item."""
        voxels = self.to_numpy()
        if not voxels.flags.writeable:
            voxels = voxels.copy()
        known = options if np.lib.NumpyVersion(np.__version__) >= "2.1.0" else {}
        return voxels.__dlpack__(stream=stream, **known)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # DLPack's number for the processor

    @property
    def class_locations(self) -> ClassLocations | None:
        """Where each class of a label map is; None when nobody counted them, or voxels were changed since.

        ``mlarray convert --labels --stats`` and ``save(..., stats=True)`` count them.

        Raises
        ------
        MetadataError
            What is stored are no class locations.
        """
        from mlarray_core.statistics.class_locations import ClassLocations

        storage = self._state.need()
        voxels = storage.contents.voxels_sum if isinstance(storage, FrameStorage) else None
        return ClassLocations.stored_in(self.meta, storage.shape, voxels)

    def find_classes(self) -> ClassLocations:
        """Return where each class of a label map is: as it is stored, or counted now, reading all voxels.

        Raises
        ------
        UnsupportedError
            There are too many classes, or voxels are no whole numbers.
        """
        from mlarray_core.array.files import boxes_of
        from mlarray_core.statistics.class_counter import ClassCounter

        stored = self.class_locations
        if stored is not None:
            return stored
        storage = self._state.need()
        counter = ClassCounter(storage.shape)
        for box in boxes_of(storage):
            counter.add(box, storage.read(box))
        found = counter.locations()
        if found is None:
            raise UnsupportedError(f"classes can't be found: {counter.refused}", path=self.filepath)
        return found

    def show(self, labels: Self | None = None, *, height: int = 400) -> NiiVue:
        """Return a viewer for a notebook: three planes and a volume, by NiiVue.

        What is sent to the browser is small: the finest level under 20 MB, else every n-th voxel of the
        coarsest.

        Parameters
        ----------
        labels
            A label map to lay over the image, by its place in the world.
        height
            In pixels.

        Raises
        ------
        UnsupportedError
            NIfTI, which NiiVue is given, has no such axes or type of voxels.
        MissingDependencyError
            ipyniivue or nibabel isn't installed.
        """
        from mlarray_core.exchange.niivue_widget import MOST_BYTES, Layer, widget

        shown = [self] if labels is None else [self, labels]
        return widget([Layer(*within_bytes(one, MOST_BYTES), over=one is labels) for one in shown], height)

    def _repr_html_(self) -> str:
        """Return middle slices and key facts for a notebook, under 100 kB.

        A level is read where there is one that is small enough; nothing is read from a URL.
        """
        from mlarray_core.exchange import notebook

        if not self._state.is_open:
            return notebook.page([("image", "closed")], [])
        try:
            return notebook.page(self._key_facts(), self._pictures())
        except MLArrayError as error:
            return notebook.page([("image", repr(self._state.path)), ("can't be shown", error)], [])

    def _key_facts(self) -> list[tuple[str, object]]:
        facts: list[tuple[str, object]] = [("shape", self.shape or "metadata only")]
        spatial, count = self.meta.spatial, self.spatial_ndim
        if self.shape is not None and count is not None:
            facts += [("type", self.dtype), ("size", f"{(self.nbytes or 0) / 1e6:,.1f} MB")]
            if self.spacing is not None:
                facts.append(("spacing", [float(f"{size:.6g}") for size in self.spacing]))
            if count == 3 and geometry.normal_world(spatial.coord_system) is not None:
                facts.append(
                    ("orientation", geometry.orientation(self._placement(count), spatial.coord_system))
                )
        facts.append(("world", spatial.coord_system or "not known"))
        if spatial.axis_labels is not None:
            facts.append(("axes", ", ".join(spatial.axis_labels)))
        if self.meta.labels:
            facts.append(
                ("labels", ", ".join(f"{label.value} {label.name}".strip() for label in self.meta.labels))
            )
        if self.levels:
            facts.append(("levels", ", ".join(str(level.shape) for level in self.levels)))
        if self.filepath is not None:
            facts.append(("file", shown(self.filepath) if is_url(self.filepath) else self.filepath))
        return facts

    def _placement(self, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return geometry.affine_of(self.meta.spatial, count)

    def _pictures(self) -> list[tuple[str, bytes]]:
        from mlarray_core.exchange import notebook

        state = self._state
        if not self.size or (state.path is not None and is_url(state.path)):
            return []
        image = self.at(max_shape=256)
        shape, kind = image._state.need().shape, image._state.need().dtype.kind
        axes = geometry.spatial_axes(image.meta.spatial.axis_labels, len(shape))
        if not 1 <= len(axes) <= 3 or kind not in "biufc":
            return []
        key = [slice(0, size) if axis in axes else slice(0, 1) for axis, size in enumerate(shape)]
        while math.prod(part.stop - part.start for part in key) * (image.itemsize or 1) > MOST_BYTES:
            thick = next((axis for axis in axes if key[axis].stop - key[axis].start > 1), None)
            if thick is None or len(axes) < 3 or thick != axes[0]:
                return []
            key[thick] = slice(shape[thick] // 2, shape[thick] // 2 + 1)
        voxels, spacing = image.read(tuple(key)), image.spacing or [1.0] * len(axes)
        whole = all(key[axis].stop - key[axis].start == shape[axis] for axis in axes)
        planes = notebook.slices_of(voxels, axes, spacing)[: None if whole else 1]
        names = notebook.titles(self._placement(len(axes)), self.meta.spatial.coord_system, len(axes))
        if self.meta.is_seg.is_seg is True and kind in "biu":
            colors = notebook.colors_of(self.meta.labels)
            pngs = [notebook.label_png(plane, colors) for plane in planes]
        else:
            window = notebook.window_of(planes)
            pngs = [notebook.grey_png(plane, window) for plane in planes]
        return list(zip(names, pngs, strict=False))
