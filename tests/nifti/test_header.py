"""`meta.source` holds every field and extension, such that they can be rebuilt from it alone."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import CorruptError, MetadataError
from mlarray_nifti.header import blank, from_source, padded, parse, to_source

DATA = Path(__file__).parent.parent / "data" / "nifti"


def _marked(block: bytes, variant: str) -> bytes:
    """Make random bytes a header: its size, magic, ndim and datatype."""
    block = bytearray(block)
    if variant == "nifti2":
        struct.pack_into("<i", block, 0, 540)
        block[4:12] = b"n+2\0\r\n\x1a\n"
    else:
        struct.pack_into("<i", block, 0, 348)
        block[344:348] = b"n+1\0"
    return bytes(block)


@pytest.mark.parametrize(("variant", "size"), [("nifti1", 348), ("nifti2", 540)])
@given(data=st.data())
def test_any_header_survives(variant, size, data):
    block = _marked(data.draw(st.binary(min_size=size, max_size=size)), variant)
    header = parse(block, Path("x.nii"))
    again = from_source(json.loads(json.dumps(to_source(header), allow_nan=False)))
    for name in header.fields.dtype.names:
        left, right = header.fields[name], again.fields[name]
        assert str(left.tolist()) == str(right.tolist()), name  # NaN has many spellings in bits, one in words


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order(order):
    import nibabel

    made = nibabel.Nifti1Header(endianness=order)
    made["descrip"], made["pixdim"] = b"a text", [1, 2, 3, 4, 5, 6, 7, 8]
    header = parse(made.binaryblock, Path("x.nii"))
    assert header.byte_order == ("little" if order == "<" else "big")
    assert header.get("pixdim") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert header.tobytes() == made.as_byteswapped("<").binaryblock


@given(content=st.binary(max_size=200), code=st.integers(0, 2**31 - 1))
def test_any_extension_survives(content, code):
    header = blank("nifti1")
    header.extensions = [(code, padded(content))]
    source = json.loads(json.dumps(to_source(header)))
    assert from_source(source).extensions == [(code, padded(content))]


def test_text_stays_readable():
    header = blank("nifti1")
    header.fields["descrip"] = b"FSL5.0"
    header.extensions = [(6, padded(b"a comment"))]
    source = to_source(header)
    assert source["descrip"] == "FSL5.0"
    assert source["extensions"] == [{"code": 6, "content": "a comment"}]


def test_edited_source_that_does_not_fit_names_the_field():
    source = to_source(blank("nifti1"))
    with pytest.raises(MetadataError, match=r"source\.slice_code"):
        from_source({**source, "slice_code": 4000})
    with pytest.raises(MetadataError, match=r"source\.extensions\[0\]"):
        from_source({**source, "extensions": ["?"]})


def test_other_variant_keeps_common_fields():
    header = blank("nifti1")
    header.fields["toffset"], header.fields["slice_code"] = 1.5, 3
    other = from_source(to_source(header), "nifti2")
    assert (other.variant, other.get("toffset"), other.get("slice_code")) == ("nifti2", 1.5, 3)
    assert other.get("sizeof_hdr") == 540


@pytest.mark.parametrize("block", [b"", b"\x5c\x01\0\0", b"no header at all" * 40, bytes(400)])
def test_no_header(block):
    with pytest.raises(CorruptError):
        parse(block, Path("x.nii"))
