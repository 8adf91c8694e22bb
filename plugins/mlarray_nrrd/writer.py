"""Writes NRRD, attached or detached, as a stream."""

from __future__ import annotations

import bz2
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import data_names, file_order, open_gzip, stored_dtype, tell_labels, tell_unheld
from mlarray_nrrd.encodings import ENCODINGS, NAMES, SUFFIXES, encode_hex, encode_text
from mlarray_nrrd.lines import spelt_pair
from mlarray_nrrd.meaning import is_segmentation
from mlarray_nrrd.segments import is_segment, labels_of, pairs_of
from mlarray_nrrd.write_header import compose, source_header, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_io import Context, Reader
    from mlarray_nrrd.header import Header
    from mlarray_nrrd.lines import Fields
    from mlarray_nrrd.options import NrrdOptions


def write_nrrd(reader: Reader, target: Path, options: NrrdOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image.
    target
        Where to; the data of a ``.nhdr`` go beside it.
    options
        Encoding and gzip level.
    context
        Where to report what NRRD can't hold.

    Raises
    ------
    UnsupportedError
        NRRD has no such data type.
    """
    if 0 in reader.shape or not reader.shape:
        raise UnsupportedError(f"NRRD can't hold an image of shape {reader.shape}: an axis needs voxels")
    header = source_header(reader, target)
    segments = _segments(reader, header, target)
    dtype = stored_dtype(reader.dtype, NAMES, "NRRD", target, context)
    encoding = _encoding(options, header)
    big = header is not None and str(header.fields.get("endian", "")).lower() == "big"
    storage = _storage(dtype, encoding, header, big)
    detached = target.suffix.lower() == ".nhdr"
    names = data_names(target, SUFFIXES[encoding])
    data = target.with_name(context.free_name(*names)) if detached else target
    if detached:
        storage["data file"] = data.name
    lines, shape, reader = compose(reader, storage, header, target, context)
    if segments is not None:
        lines = [line for line in lines if not is_segment(line.partition(":=")[0])] + segments
    _tell_losses(reader, header, segments is not None, context)
    front = ("\n".join(lines) + "\n\n").encode("utf-8")
    order = range(len(reader.shape))
    pieces = (_bytes(part, dtype, big, encoding, shape[-1]) for part in file_order(reader, order, context))
    if detached:
        target.write_bytes(front)
    with data.open("wb") as raw:
        if not detached:
            raw.write(front)
        with _packed(raw, encoding, options.gzip_level) as file:
            for piece in pieces:
                file.write(piece)


def _encoding(options: NrrdOptions, header: Header | None) -> str:
    if options.encoding != "auto":
        return options.encoding
    before = None if header is None else ENCODINGS.get(str(header.fields.get("encoding", "")).lower())
    return before or "gzip"


def _storage(dtype: np.dtype[Any], encoding: str, header: Header | None, big: bool) -> Fields:
    """Return the fields about how voxels are stored, spelt as the source did where that is the same."""
    fields: Fields = {"type": type_name(dtype), "encoding": encoding}
    if header is not None:
        before = str(header.fields.get("encoding", ""))
        fields["encoding"] = before if ENCODINGS.get(before.lower()) == encoding else encoding
    stated = header is not None and "endian" in header.fields
    if stated or (dtype.itemsize > 1 and encoding != "ascii"):
        fields["endian"] = "big" if big else "little"
        if header is not None and str(header.fields.get("endian", "")).lower() == fields["endian"]:
            fields["endian"] = header.fields["endian"]
    return fields


def _bytes(part: np.ndarray[Any, Any], dtype: np.dtype[Any], big: bool, encoding: str, row: int) -> Buffer:
    if encoding == "ascii":
        return encode_text(
            part.astype(dtype, copy=False).reshape(-1, row if part.size % row == 0 else part.size)
        )
    stored = np.ascontiguousarray(part, dtype.newbyteorder(">" if big else "<"))
    if encoding == "hex":
        return encode_hex(stored)
    return cast("Buffer", stored.reshape(-1).view("u1"))


@contextmanager
def _packed(raw: IO[bytes], encoding: str, level: int) -> Iterator[IO[bytes]]:
    """Compress what is written, so that the same voxels give the same bytes."""
    if encoding == "bzip2":
        with bz2.open(raw, "wb") as packed:
            yield cast("IO[bytes]", packed)
    elif encoding == "gzip":
        with open_gzip(raw, level) as zipped:
            yield zipped
    else:
        yield raw


def _segments(reader: Reader, header: Header | None, target: Path) -> list[str] | None:
    """Return the lines of segments to write instead of the source's, None to leave those."""
    labels = list(reader.meta.labels)
    if not target.name.lower().endswith(".seg.nrrd") or len(reader.shape) != 3 or not labels:
        return None
    if header is not None and labels_of(header.pairs) == labels:
        return None
    return [spelt_pair(key, value) for key, value in pairs_of(labels, reader.shape)]


def _tell_losses(reader: Reader, header: Header | None, written: bool, context: Context) -> None:
    tell_unheld(reader.meta, context, "NRRD", own_source=header is not None, labelled=written)
    if written or (header is not None and is_segmentation(header)):
        return
    if header is not None:
        tell_labels(reader.meta.labels, context, "NRRD, but for .seg.nrrd,")
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "NRRD says so only by describing each segment")
