"""What one image is made of: its metadata, where its voxels are, and what is open."""

from __future__ import annotations

import io
import weakref
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.array.lazy_meta import LazyMeta, meta_of
from mlarray_core.chunks.params import plain_dparams
from mlarray_core.container.contents import Contents, warn_edited
from mlarray_core.container.edits import EditedStorage, edited_copy
from mlarray_core.container.image_writer import NO_VOXELS, ImagePlan, ImageWriter, plan_image
from mlarray_core.container.seal import State
from mlarray_core.container.storage import FrameStorage, PlainStorage, Storage
from mlarray_core.container.stored_meta import describe
from mlarray_core.errors import ArgumentTypeError, ModeError
from mlarray_core.layout.plan import is_array, normal_shape
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.metadata import generations

if TYPE_CHECKING:
    from typing import BinaryIO

    from mlarray_core.array.writing.sessions import FileSession
    from mlarray_core.layout.request import DParams
    from mlarray_core.meta import Meta
    from mlarray_core.statistics.census import Census

    Array = np.ndarray[Any, Any]


_COPYING = Lock()


class ImageState:
    """Metadata, voxels and open file of one image.

    Parameters
    ----------
    meta
        The metadata; None for an image that is closed.
    storage
        The voxels; None without any.

    Attributes
    ----------
    session
        The file that is written to, if any. It holds the voxels then.
    path, mode, mmap_mode
        Of the file that the image was opened from, as they were given.
    closed
        The path of the file that was closed, to be named in errors.
    """

    def __init__(self, meta: LazyMeta | Meta | None, storage: Storage | None = None) -> None:
        self.lazy = meta if meta is None or isinstance(meta, LazyMeta) else LazyMeta.of(meta)
        self.storage = storage
        self.session: FileSession | None = None
        self.path: str | None = None
        self.closed: str | None = None
        self.mode: str | None = None
        self.mmap_mode: str | None = None
        self._finalizer: weakref.finalize[[], ImageState] | None = None

    @classmethod
    def of_frame(
        cls, contents: Contents, dparams: DParams = None, kind: type[FrameStorage] = FrameStorage
    ) -> ImageState:
        """Return the image in an open frame.

        Parameters
        ----------
        contents
            The frame.
        dparams
            Blosc2's decompression parameters; one thread unless they say otherwise.
        kind
            What reads the voxels.
        """
        plain = {"nthreads": 1, **plain_dparams(dparams)}
        state = cls(meta_of(contents, plain), kind(contents, plain))
        if state.lazy is not None and state.lazy.is_made:
            state.describe()
        if contents.state is State.EDITED:
            warn_edited(contents.path)
        return state

    @property
    def is_open(self) -> bool:
        """Whether the image was not closed."""
        return self.lazy is not None

    @property
    def meta(self) -> Meta:
        """The metadata.

        Raises
        ------
        ArgumentTypeError
            The image is closed (a TypeError).
        """
        lazy = self.lazy
        if lazy is None:
            raise ArgumentTypeError("the image is closed", path=self.closed)
        return lazy.get()

    def set_meta(self, meta: Meta) -> None:
        """Replace the metadata."""
        self.lazy = LazyMeta.of(meta)

    @property
    def has_array(self) -> bool:
        """Whether there are voxels."""
        return self.lazy is not None and self.lazy.has_array

    @property
    def voxels(self) -> Storage | None:
        """Where the voxels are now; None without any."""
        return self.any_storage if self.has_array else None

    @property
    def known_voxels(self) -> Storage | None:
        """Where the voxels are now; None without any.

        Raises
        ------
        ArgumentTypeError
            The image is closed (a TypeError).
        """
        self.check_open()
        return self.voxels

    def check_open(self) -> None:
        """Refuse to go on with an image that is closed.

        Raises
        ------
        ArgumentTypeError
            It is (a TypeError).
        """
        if self.lazy is None:
            raise ArgumentTypeError("the image is closed", path=self.closed)

    @property
    def any_storage(self) -> Storage | None:
        """The storage, of a file that holds metadata only too."""
        return self.storage if self.session is None else self.session.readable

    def need(self) -> Storage:
        """Return where the voxels are.

        Raises
        ------
        ArgumentTypeError
            There are none, or the image is closed (a TypeError).
        """
        self.check_open()
        storage = self.voxels
        if storage is None:
            raise ArgumentTypeError("the image holds no array")
        return storage

    def writable(self) -> Storage:
        """Return where voxels are written to; those of a file in memory are copied once.

        Raises
        ------
        ArgumentTypeError
            There are no voxels (a TypeError).
        ModeError
            The file is open for reading only (a RuntimeError).
        """
        storage = self.need()
        if self.session is not None:
            return self.session.writable
        if not storage.editable:
            if self.path is not None and self.mmap_mode != "c" and self.mode is not None:
                raise ModeError(
                    "the image is open for reading only",
                    path=self.path,
                    hint="Open it with mmap_mode='r+', or 'c' to edit in memory only",
                )
            storage = self._edited_copy(storage)
        return storage

    def _edited_copy(self, storage: Storage) -> Storage:
        """Return a copy that may be written to; of several threads the first one makes it."""
        with _COPYING:
            if self.storage is storage:
                self.storage = edited_copy(storage, self.meta.blosc2.cparams or {})
            return self.need()

    def is_file(self) -> bool:
        """Whether opening the file again gives these voxels."""
        opened = self.path is not None and self.mode is not None and "w" not in self.mode
        return opened and not isinstance(self.storage, EditedStorage)

    def write_to(self, session: FileSession, *, has_array: bool | None = None) -> None:
        """Have a session hold the voxels; it is finished when the image is forgotten.

        Raises
        ------
        MetadataError
            The metadata aren't valid (a ValueError); the session is ended.
        """
        self.session, self.storage = session, None
        try:
            self.describe(has_array)
            self.validate()
        except BaseException:
            session.abort()
            raise
        self._finalizer = weakref.finalize(self, session.finish)

    def release(self) -> None:
        """Close the file and forget everything; what was not committed is lost."""
        if self._finalizer is not None:
            self._finalizer.detach()
        if self.session is not None:
            self.session.abort()
        if self.storage is not None:
            self.storage.close()
        self.lazy = self.storage = self.session = self._finalizer = None
        self.closed, self.path = self.path or self.closed, None
        self.mode = self.mmap_mode = None

    def adopt(self, array: Array, request: LayoutRequest, *, compressed: bool) -> None:
        """Take the voxels of an array.

        Parameters
        ----------
        array
            In native byte order.
        request
            The layout that is asked for; noted in the metadata.
        compressed
            Keep them compressed.
        """
        self.meta._set_by_library(has_array=True)
        plan = plan_image(self.meta, array.shape, array.dtype, request, array)
        if compressed:
            self.storage = self._compressed(array, plan)
        else:
            self.storage = PlainStorage(np.ascontiguousarray(array).reshape(array.shape))

    def _compressed(self, array: Array, plan: ImagePlan) -> FrameStorage:
        buffer = io.BytesIO()
        writer = ImageWriter(buffer, plan)
        writer.put_array(array)
        writer.finish()
        return FrameStorage(Contents(buffer.getvalue(), None, "none"), self.dparams())

    def dparams(self) -> dict[str, Any]:
        """Return the decompression parameters."""
        return dict(self.meta.blosc2.dparams or {})

    def describe(self, has_array: bool | None = None) -> None:
        """Write what only the library knows into the metadata."""
        if has_array is not None:
            self.meta._set_by_library(has_array=has_array)
        storage = self.voxels
        describe(self.meta, None if storage is None else storage.shape)

    def validate(self) -> None:
        """Check the metadata against the voxels."""
        storage = self.voxels
        self.meta.validate(shape=None if storage is None else storage.shape)

    def encoded_meta(self) -> bytes:
        """Return the checked metadata as a frame stores them."""
        self.validate()
        return generations.encode(self.meta)

    def stored(self) -> Storage | None:
        """Return the voxels in compressed form, the layout of plain ones planned now; None without any."""
        storage = self.voxels
        if not isinstance(storage, PlainStorage):
            return storage
        known = self.meta.blosc2
        asked: dict[str, Any] = {"cparams": known.cparams, "dparams": known.dparams}
        if known.chunk_size is not None and known.patch_size is None:
            asked |= {"patch": None, "chunk": known.chunk_size, "block": known.block_size}
        plan = plan_image(self.meta, storage.shape, storage.dtype, LayoutRequest(**asked))
        return self._compressed(storage.array, plan)

    def frame_bytes(self) -> bytes:
        """Return the image as the bytes of a file."""
        buffer = io.BytesIO()
        self.write_frame(buffer, self.stored(), self.encoded_meta())
        return buffer.getvalue()

    def write_frame(
        self, file: BinaryIO, storage: Storage | None, metadata: bytes, census: Census | None = None
    ) -> None:
        """Write the image into an open file.

        Parameters
        ----------
        file
            Where to.
        storage
            What `stored` returned: planning a layout changes the metadata, which are encoded after it.
        metadata
            What `encoded_meta` returned.
        census
            Has counted the voxels: what it found is noted in the metadata first.
        """
        grid = NO_VOXELS.grid if storage is None or storage.grid is None else storage.grid
        writer = ImageWriter(file, ImagePlan(grid, self.meta.blosc2.cparams or NO_VOXELS.cparams))
        if storage is not None:
            writer.take(storage)
        if census is not None:
            census.note(self.meta, writer.voxels_sum)
            metadata = self.encoded_meta()
        writer.finish(metadata)


def checked_dtype(dtype: object) -> np.dtype[Any]:
    """Return a dtype in native byte order.

    Raises
    ------
    ArgumentTypeError
        Voxels would be Python objects (a TypeError).
    """
    kind: np.dtype[Any] = np.dtype(dtype)  # type: ignore[call-overload]
    if kind.hasobject:
        raise ArgumentTypeError("voxels can't be Python objects")
    return kind.newbyteorder("=") if kind.names is None else kind


def plain_array(array: object) -> Array:
    """Return an array of the caller's in native byte order.

    Raises
    ------
    ArgumentTypeError
        It is no array (a TypeError).
    """
    if not is_array(array):
        raise ArgumentTypeError(f"array must be a NumPy array or a path, not {type(array).__name__}")
    voxels = np.asarray(array)
    normal_shape(voxels.shape)
    return voxels.astype(checked_dtype(voxels.dtype), copy=False)
