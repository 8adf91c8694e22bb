"""Header and extensions: bytes <-> fields <-> `meta.source`, losing nothing on the way."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core import headers
from mlarray_core.errors import CorruptError, MetadataError
from mlarray_nifti.layout import layout
from mlarray_nifti.signature import HEADER_SIZE, ByteOrder, Signature, Variant, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Extension = tuple[int, bytes]

_IDENTITY = frozenset({"sizeof_hdr", "magic", "eol_check"})
"""Fields that name the variant; they aren't carried over to another one."""


@dataclass
class Header:
    """One header with its extensions.

    Parameters
    ----------
    variant
        Kind of header.
    fields
        The header in native byte order: a numpy record with the field names of nifti1.h, nifti2.h or dbh.h.
    extensions
        Code and content of each extension, padding included.
    byte_order
        Byte order of the file that it was read from.
    single
        Whether header and voxels share one file.
    """

    variant: Variant
    fields: Any
    extensions: list[Extension] = field(default_factory=list)
    byte_order: ByteOrder = "little"
    single: bool = True

    def get(self, name: str, default: Any = 0) -> Any:
        """Return a field as plain Python, `default` when this kind of header lacks it."""
        return self.fields[name].tolist() if name in self.fields.dtype.names else default

    @property
    def cifti(self) -> bool:
        """Whether the voxels are a CIFTI-2 matrix: NIfTI-2 with an intent of 3000 to 3099 (CIFTI-2, 3.1)."""
        return self.variant == "nifti2" and 3000 <= int(self.get("intent_code")) <= 3099

    @property
    def size(self) -> int:
        """Bytes of the header without extensions."""
        return HEADER_SIZE[self.variant]

    def tobytes(self) -> bytes:
        """Return the header as bytes, little-endian."""
        record = np.asarray(self.fields)
        return record.astype(record.dtype.newbyteorder("<")).tobytes()


def parse(block: bytes, path: Path) -> Header:
    """Parse the first bytes of a file.

    Raises
    ------
    CorruptError
        They are no header.
    """
    signature = recognise(block)
    if signature is None:
        what = "isn't a NIfTI or Analyze file: it begins with no header" if block else "the file is empty"
        raise CorruptError(what, path=path)
    return _parsed(block[: HEADER_SIZE[signature.variant]], signature)


def _parsed(block: bytes, signature: Signature) -> Header:
    order: Literal["<", ">"] = "<" if signature.byte_order == "little" else ">"
    record = np.ndarray((), layout(signature.variant).newbyteorder(order), block)
    native = record.astype(record.dtype.newbyteorder("="))
    return Header(signature.variant, native, [], signature.byte_order, signature.single)


def blank(variant: Variant) -> Header:
    """Return a header with nibabel's defaults, and no scaling."""
    order = "<" if sys.byteorder == "little" else ">"
    fields = nibabel_class(variant)(endianness=order).structarr
    if variant != "analyze":
        fields["scl_slope"], fields["scl_inter"] = 1, 0
    return Header(variant, fields)


def nibabel_class(variant: Variant) -> Any:
    """Return nibabel's class of headers."""
    if variant == "nifti2":
        from nibabel.nifti2 import Nifti2Header

        return Nifti2Header
    if variant == "nifti1":
        from nibabel.nifti1 import Nifti1Header

        return Nifti1Header
    from nibabel.analyze import AnalyzeHeader

    return AnalyzeHeader


def to_source(header: Header) -> dict[str, Any]:
    """Return every field and extension as JSON. `from_source` is the inverse.

    Text stays text where that can be undone, other bytes become base64.
    """
    values = {name: _readable(header.fields[name].tolist()) for name in header.fields.dtype.names}
    extensions = [{"code": code, "content": _extension_text(content)} for code, content in header.extensions]
    about = {"variant": header.variant, "byte_order": header.byte_order, "single_file": header.single}
    source: dict[str, Any] = headers.plain({**about, **values, "extensions": extensions})
    return source


def is_source(source: Mapping[str, Any]) -> bool:
    """Say whether `meta.source` holds a header of this family."""
    return "sizeof_hdr" in source and "pixdim" in source


def from_source(source: Mapping[str, Any], variant: Variant | None = None) -> Header:
    """Rebuild a header from `meta.source`, as another variant if one is given.

    Fields that the variant lacks, and keys that no header has, are left out.

    Raises
    ------
    MetadataError
        A value doesn't fit its field.
    """
    was = _variant_of(source)
    header = blank(variant or was)
    left_out = frozenset() if header.variant == was else _IDENTITY
    for name in header.fields.dtype.names:
        if name in source and name not in left_out:
            _put(header.fields, name, source[name])
    header.extensions = [_extension(item, at) for at, item in enumerate(source.get("extensions") or [])]
    header.byte_order = "big" if source.get("byte_order") == "big" else "little"
    header.single = bool(source.get("single_file", True))
    return header


def _variant_of(source: Mapping[str, Any]) -> Variant:
    known = source.get("variant")
    if known in HEADER_SIZE:
        return known  # type: ignore[no-any-return]
    return "nifti2" if source.get("sizeof_hdr") == 540 else "nifti1"


def _put(fields: Any, name: str, value: Any) -> None:
    kind = fields.dtype[name].base.kind
    try:
        if kind == "S":
            fields[name] = _raw(value)
        else:
            fields[name] = np.vectorize(float if kind == "f" else int, otypes=[object])(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MetadataError(f"doesn't fit the header: {error}", field=f"source.{name}") from error


def _readable(value: Any) -> Any:
    """Return bytes as text when the text can be turned back into them."""
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value
    return text if text.isprintable() else value


def _raw(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    raw = headers.restore(value)
    if not isinstance(raw, bytes):
        raise TypeError(f"expected text or base64, got {value!r}")
    return raw


def padded(content: bytes) -> bytes:
    """Pad an extension's content so that it ends on a multiple of 16 with its 8 leading bytes (nifti1.h)."""
    return content + bytes(-(len(content) + 8) % 16)


def _extension_text(content: bytes) -> str | bytes:
    """Return the content as text, without padding, when the text can be turned back into it."""
    try:
        text = content.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return content
    return text if padded(text.encode()) == content else content


def _extension(item: Any, at: int) -> Extension:
    where = f"source.extensions[{at}]"
    try:
        return int(item["code"]), padded(_raw(item["content"]))
    except (TypeError, KeyError, ValueError) as error:
        raise MetadataError("expected a dict of code and content", field=where) from error
