"""The metadata of an image, made when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.container.seal import State
from mlarray_core.container.stored_meta import describe, says_array
from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlarray_core.container.contents import Contents
    from mlarray_core.meta import Meta
    from mlarray_core.meta.checks import JsonDict


class LazyMeta:
    """A `Meta`, or what makes it.

    Parameters
    ----------
    make
        Returns the metadata of an image with voxels; called once, unless two threads ask at the same time.
    """

    def __init__(self, make: Callable[[], Meta]) -> None:
        self._make: Callable[[], Meta] | None = make

    @classmethod
    def of(cls, meta: Meta) -> LazyMeta:
        """Return metadata that are made already."""
        lazy = cls(lambda: meta)
        lazy.get()
        return lazy

    @property
    def is_made(self) -> bool:
        """Whether somebody asked for the metadata."""
        return self._make is None

    @property
    def has_array(self) -> bool:
        """Whether there are voxels; known before the metadata are made."""
        return not self.is_made or bool(self.get()._has_array.has_array)

    def get(self) -> Meta:
        """Return the metadata, always the same object.

        Raises
        ------
        CorruptError
            They are damaged; metadata that are valid when a file is opened are made then.
        """
        make = self._make
        if make is not None:
            # of several threads the first one decides which object it is
            self.__dict__.setdefault("_meta", make())
            self._make = None
        meta: Meta = self.__dict__["_meta"]
        return meta


def meta_of(contents: Contents, dparams: Mapping[str, object]) -> LazyMeta:
    """Return the metadata of a frame, with what the frame itself says of its layout.

    Those of a sealed image with voxels were valid when they were written: they wait, and aren't even decoded
    where they were when the file was open before. Others are checked now, unless verification is not wanted.

    Parameters
    ----------
    contents
        The frame.
    dparams
        Plain decompression parameters, noted in the metadata.

    Raises
    ------
    CorruptError, MetadataError
        They are damaged, or not valid.
    """
    known = contents.verification == "touch" and bool(contents.frame.nbytes) and contents.checked.metadata
    mapping = None if known or contents.verification == "none" else contents.mapping()
    if _can_wait(contents, mapping):
        contents.checked.metadata = mapping is not None or known
        return LazyMeta(lambda: _meta_of_voxels(contents, dparams, mapping))
    return LazyMeta.of(_meta_of(contents, dparams, mapping))


def _can_wait(contents: Contents, mapping: Mapping[str, object] | None) -> bool:
    if mapping is None or not contents.frame.nbytes:
        return bool(contents.frame.nbytes)
    sealed = contents.state is State.SEALED and contents.verification == "touch"
    return sealed and says_array(mapping, contents.frame.shape)


def _meta_of(contents: Contents, dparams: Mapping[str, object], mapping: JsonDict | None) -> Meta:
    meta = contents.meta(mapping)
    known: JsonDict = {"dparams": dparams}
    if meta._has_array.has_array:
        known["chunk_size"], known["block_size"] = contents.frame.chunks, contents.frame.blocks
        known["cparams"] = meta.blosc2.cparams or contents.frame.compression()
    meta.blosc2._assign(known)
    return meta


def _meta_of_voxels(contents: Contents, dparams: Mapping[str, object], mapping: JsonDict | None) -> Meta:
    """Return the metadata of a frame that was taken to have voxels so far."""
    meta = _meta_of(contents, dparams, mapping)
    if not meta._has_array.has_array:
        raise CorruptError("the metadata say that there are no voxels, and there are", path=contents.path)
    describe(meta, contents.frame.shape)
    return meta
