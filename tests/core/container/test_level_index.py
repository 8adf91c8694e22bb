"""Where the levels behind a frame end, whatever follows them."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace

import pytest

from mlarray_core.container.level_index import end_of_levels

FRAME = SimpleNamespace(length=100)


def archive(*, large: bool, count: int = 3) -> bytes:
    """Return a frame's place and a stored ZIP behind it, as Python writes it; sizes of 8 bytes if large."""
    file = io.BytesIO()
    file.write(bytes(FRAME.length))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as written:
        for number in range(count):
            with written.open(zipfile.ZipInfo(f"{number}.b2nd"), "w", force_zip64=large) as member:
                member.write(b"PK\x05\x06 is no end here" * number)
        written.writestr("levels.json", "{}")
    return file.getvalue()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("behind", [b"", b"half of an edit", b"PK\x05\x06" + bytes(18)])
def test_what_follows_is_no_part_of_them(large, behind):
    data = archive(large=large)
    whole = data + behind
    assert end_of_levels(lambda at, count: whole[at : at + count], len(whole), FRAME) == len(data)


@pytest.mark.parametrize("cut", [1, 21, 22, 60, 200])
def test_levels_that_are_cut_short_are_none(cut):
    data = archive(large=False)[:-cut]
    assert end_of_levels(lambda at, count: data[at : at + count], len(data), FRAME) == FRAME.length
