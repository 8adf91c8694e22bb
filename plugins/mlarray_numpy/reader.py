"""Opens one array: mapped where it lies plain in a file, read forwards where it is compressed."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, MLArrayError, UnsupportedError
from mlarray_io import Box, Context, ImageRef, Reader
from mlarray_io.sdk import bare_meta, contiguous, voxel_dtype
from mlarray_numpy.header import Layout, read_layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_numpy.options import NumpyOptions

DEFLATE_BEST = 1032
"""The most bytes that one byte of deflate can stand for."""
BUDGET = 4 << 20
"""Bytes of a compressed array that are held at once, if its rows allow."""
_MOST_MEMBERS = 10_000


class ArrayReader(Reader):
    """An array that lies plain in a file.

    Parameters
    ----------
    path
        The file.
    layout
        Where in it.
    meta
        The metadata.
    """

    def __init__(self, path: Path, layout: Layout, meta: Meta) -> None:
        self._path, self._layout = path, layout
        self.shape, self.meta, self.dtype = layout.shape, meta, layout.dtype.newbyteorder("=")

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        layout = self._layout
        if not layout.nbytes:
            return np.empty([part.stop - part.start for part in box], self.dtype)
        # mapped anew each time: pages of a mapping that stays count as this process's memory
        order: Any = "F" if layout.fortran else "C"
        voxels = np.memmap(self._path, layout.dtype, "r", layout.offset, layout.shape, order)
        return np.array(voxels[box], self.dtype, order="C")


class MemberReader(Reader):
    """An array that is compressed in a `.npz`, read forwards; going back begins anew.

    Parameters
    ----------
    archive
        The open `.npz`, closed with the reader.
    member
        Its name in there.
    layout
        Where in the member.
    meta
        The metadata.
    """

    def __init__(self, archive: zipfile.ZipFile, member: str, layout: Layout, meta: Meta) -> None:
        self._archive, self._member, self._layout = archive, member, layout
        self._file: IO[bytes] | None = None
        self.shape, self.meta, self.dtype = layout.shape, meta, layout.dtype.newbyteorder("=")
        stored = layout.stored_shape
        plane = (*(1 for _ in stored[:-2]), *stored[-2:])
        self.chunks = plane[::-1] if layout.fortran else plane

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        if not self._layout.fortran:
            return self._read(box)
        return np.ascontiguousarray(self._read(box[::-1]).T)

    def close(self) -> None:
        """Close the archive."""
        if self._file is not None:
            self._file.close()
        self._archive.close()

    def _read(self, box: Box) -> np.ndarray[Any, Any]:
        """Read a box in the axis order of the file, run by run."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            for run in contiguous(self._layout.stored_shape, self.dtype.itemsize, budget=BUDGET):
                shared = _shared(run, box)
                if all(part.start < part.stop for part in shared):
                    out[_within(shared, box)] = self._run(run)[_within(shared, run)]
            if all(part.stop == size for part, size in zip(box, self._layout.stored_shape, strict=True)):
                self._finish()
        return out

    def _run(self, run: Box) -> np.ndarray[Any, Any]:
        shape = [part.stop - part.start for part in run]
        first = np.ravel_multi_index([part.start for part in run], self._layout.stored_shape)
        count = int(np.prod(shape)) * self._layout.dtype.itemsize
        file = self._forwards(self._layout.offset + int(first) * self._layout.dtype.itemsize)
        content = file.read(count)
        if len(content) != count:
            raise CorruptError(f"{self._member} ends early", hint="Fetch or export it again")
        return np.frombuffer(content, self._layout.dtype).reshape(shape)

    def _forwards(self, at: int) -> IO[bytes]:
        if self._file is None:
            self._file = self._archive.open(self._member)
        self._file.seek(at)
        return self._file

    def _finish(self) -> None:
        """Read to the member's end, where its checksum is compared."""
        if self._file is not None and self._file.read(1):
            raise CorruptError(f"{self._member} is longer than its header says")


def _shared(left: Box, right: Box) -> Box:
    return tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(left, right, strict=True))


def _within(part: Box, whole: Box) -> Box:
    """Return `part` counted from where `whole` begins."""
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, whole, strict=True))


def list_arrays(path: Path, context: Context) -> Sequence[ImageRef]:
    """List the arrays of a file; members of a `.npz` that are none are skipped and reported."""
    if not zipfile.is_zipfile(path):
        return [ImageRef(key="0", primary=True)]
    found = []
    with _archive(path) as archive:
        for info in archive.infolist()[:_MOST_MEMBERS]:
            if not info.filename.endswith(".npy") or info.is_dir():
                context.skip(info.filename, "it is no array")
                continue
            key = info.filename.removesuffix(".npy")
            try:
                layout = _member_layout(archive, info, path)
            except MLArrayError as error:
                context.skip(key, error.message, lost=True)
                continue
            facts = {"shape": list(layout.shape), "dtype": layout.dtype.newbyteorder("=").name}
            found.append(ImageRef(key=key, facts=facts))
    return list({image.key: image for image in found}.values())


def open_array(path: Path, key: str, options: NumpyOptions, context: Context) -> Reader:
    """Open the array `key` of a `.npz`, or the one of a `.npy`.

    Parameters
    ----------
    path
        The file.
    key
        Name of the image in the file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        Its header makes no sense or describes more than the file holds.
    UnsafeError
        It holds pickled objects.
    """
    if zipfile.is_zipfile(path):
        return _open_member(path, key, options, context)
    size = path.stat().st_size
    with path.open("rb") as file:
        layout = read_layout(file, size, path)
    context.allow(layout.nbytes, path)
    return ArrayReader(path, layout, _meta(layout, options, path))


def _open_member(path: Path, key: str, options: NumpyOptions, context: Context) -> Reader:
    archive = _archive(path)
    try:
        info = archive.getinfo(f"{key}.npy")
        layout = _member_layout(archive, info, path)
        context.allow(layout.nbytes, path)
        return MemberReader(archive, info.filename, layout, _meta(layout, options, path))
    except BaseException:
        archive.close()
        raise


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise CorruptError(f"is a damaged ZIP archive ({error})", path=path) from error


def _member_layout(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Layout:
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedError(f"{info.filename} is encrypted or compressed unusually", path=path)
    if info.file_size > info.compress_size * DEFLATE_BEST + 64:
        raise CorruptError(f"{info.filename} claims more bytes than its compression can hold", path=path)
    try:
        with archive.open(info) as file:
            return read_layout(file, info.file_size, path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise CorruptError(f"{info.filename} is damaged ({error})", path=path) from error


def _meta(layout: Layout, options: NumpyOptions, path: Path) -> Meta:
    source = {"dtype": voxel_dtype(layout.dtype, path).name, "byte_order": layout.dtype.byteorder}
    return bare_meta(options, len(layout.shape), source={**source, "fortran_order": layout.fortran})
