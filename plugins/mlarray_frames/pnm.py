"""Netpbm's pictures, read here: a line of text, then numbers (Netpbm's manual pages of each format)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_frames.reader import FrameReader, Frames, Pixels, picture

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_frames.options import FrameOptions
    from mlarray_io import Context

_HEAD = 1 << 16
_SPACE = rb"(?:[ \t\r\n\v\f]+|#[^\r\n]*[\r\n])"
_NUMBER = rb"(?:" + _SPACE + rb")+(\d{1,9})"
_PLAIN = re.compile(rb"P([14])" + _NUMBER * 2)
_GREY = re.compile(rb"P([2356])" + _NUMBER * 3)
_FLOAT = re.compile(rb"P([fF])\r?\n(\d{1,9})\s+(\d{1,9})\s+(-?[\d.eE+-]{1,20})\s")


@dataclass(frozen=True)
class _Header:
    """What a header says, and where it ends.

    Parameters
    ----------
    kind
        The character behind ``P``.
    height, width, samples
        Sizes.
    dtype
        Of the numbers as stored.
    end
        Where they begin.
    source
        What else is kept.
    """

    kind: str
    height: int
    width: int
    samples: int
    dtype: np.dtype[Any]
    end: int
    source: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, and samples where there are several."""
        plane = (self.height, self.width)
        return (*plane, self.samples) if self.samples > 1 else plane

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers in a file that isn't plain text."""
        if self.kind == "4":
            return self.height * -(-self.width // 8)
        return self.height * self.width * self.samples * self.dtype.itemsize


def open_picture(path: Path, context: Context, kind: str, key: str, options: FrameOptions) -> FrameReader:
    """Open the first picture of a file.

    Parameters
    ----------
    path
        The file.
    context
        Has the limit, and is told of further pictures.
    kind
        Name of the format.
    key
        Of the only picture.
    options
        What the user says of it.

    Raises
    ------
    CorruptError
        The header makes no sense, or the file is too short for it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = _parsed(file.read(_HEAD), path)
    text = header.kind in "123"
    count = header.height * header.width * header.samples
    least = count if header.kind == "1" else 2 * count - 1 if text else header.nbytes
    if not count or header.end + least > size:
        raise CorruptError(
            f"its header says {header.height} x {header.width} pixels, which {size:,} bytes can't hold",
            path=path,
            hint="Was it copied whole?",
        )
    notes = []
    if not text and size > header.end + header.nbytes + 2:
        notes.append("only the first picture is read: more follows it")
    dtype = np.dtype(bool) if header.kind in "14" else header.dtype.newbyteorder("=")
    frames = Frames(
        header.shape,
        dtype,
        lambda _: _numbers(path, header).reshape(header.shape),
        None,
        header.source,
        notes=notes,
    )
    return picture(path, frames, kind, options, context)


def _parsed(head: bytes, path: Path) -> _Header:
    for pattern in (_PLAIN, _GREY, _FLOAT):
        if found := pattern.match(head):
            return _header(found, path)
    if head.startswith(b"P7\n"):
        return _pam(head, path)
    raise CorruptError("has no Netpbm header", path=path)


def _header(found: re.Match[bytes], path: Path) -> _Header:
    kind = found[1].decode()
    width, height = int(found[2]), int(found[3])
    end = found.end() + (found.re is not _FLOAT)  # a single blank follows
    if kind in "14":
        return _Header(kind, height, width, 1, np.dtype(bool), end, {"maxval": 1, "meaning": "1 is black"})
    if kind in "fF":
        try:
            scale = float(found[4])
        except ValueError as error:
            raise CorruptError("has a scale that is no number", path=path) from error
        source = {"scale": scale, "order": "rows are stored from the bottom up"}
        return _Header(
            kind, height, width, 3 if kind == "F" else 1, np.dtype("<f4" if scale < 0 else ">f4"), end, source
        )
    return _Header(
        kind,
        height,
        width,
        3 if kind in "36" else 1,
        _type(int(found[4]), path),
        end,
        {"maxval": int(found[4])},
    )


def _type(maxval: int, path: Path) -> np.dtype[Any]:
    if not 0 < maxval < 65536:
        raise CorruptError(f"has a largest value of {maxval}", path=path)
    return np.dtype("u1" if maxval < 256 else ">u2")


def _pam(head: bytes, path: Path) -> _Header:
    text, mark, _ = head.partition(b"ENDHDR\n")
    lines = [line.split(None, 1) for line in text.split(b"\n")[1:] if line and not line.startswith(b"#")]
    fields = {
        line[0].decode("latin-1"): line[-1].decode("latin-1").strip() for line in lines if len(line) == 2
    }
    try:
        width, height, depth, maxval = (int(fields[name]) for name in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL"))
    except (KeyError, ValueError) as error:
        raise CorruptError("has a damaged header", path=path) from error
    if not mark or min(width, height, depth) < 1 or max(width, height, depth) > 10**9:
        raise CorruptError("has a damaged header", path=path)
    if depth > 10_000:
        raise UnsupportedError(f"has {depth:,} samples a pixel", path=path)
    source = {"maxval": maxval, "tupltype": fields.get("TUPLTYPE", "")}
    return _Header("7", height, width, depth, _type(maxval, path), len(text) + len(mark), source)


def _numbers(path: Path, header: _Header) -> Pixels:
    with path.open("rb") as file:
        file.seek(header.end)
        content = file.read() if header.kind in "123" else file.read(header.nbytes)
    if header.kind in "123":
        return _from_text(content, header, path)
    if len(content) < header.nbytes:
        raise CorruptError("ends before its pixels do", path=path)
    if header.kind == "4":
        rows = np.frombuffer(content, np.uint8).reshape(header.height, -1)
        return np.unpackbits(rows, axis=1)[:, : header.width].astype(bool)
    numbers = np.frombuffer(content, header.dtype)
    native: Pixels = numbers.astype(header.dtype.newbyteorder("="))
    return native.reshape(header.height, -1)[::-1] if header.kind in "fF" else native


def _from_text(content: bytes, header: _Header, path: Path) -> Pixels:
    content = re.sub(rb"#[^\r\n]*", b"", content)
    count = header.height * header.width * header.samples
    words = (
        list(b"".join(content.split())[:count]) if header.kind == "1" else content.split(None, count)[:count]
    )
    try:
        if header.kind == "1":
            found = np.array(words, np.uint8) - ord("0")
        else:
            found = np.array([int(word) for word in words], np.int64)
    except ValueError as error:
        raise CorruptError("has pixels that are no numbers", path=path) from error
    most = 1 if header.kind == "1" else header.source["maxval"]
    if len(found) < count or found.min(initial=0) < 0 or found.max(initial=0) > most:
        raise CorruptError(f"has too few pixels, or some over {most}", path=path)
    return found.astype(bool if header.kind == "1" else header.dtype.newbyteorder("="))
