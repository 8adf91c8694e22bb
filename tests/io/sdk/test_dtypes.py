"""In which type a target stores voxels that it has no code for."""

from pathlib import Path

import numpy as np
import pytest

from mlarray_core.errors import UnsupportedError
from mlarray_io import Context
from mlarray_io.sdk import stored_dtype

MGH = [np.dtype(code) for code in ("u1", "i2", "i4", "f4")]
"""MRI_UCHAR, MRI_SHORT, MRI_INT and MRI_FLOAT of FreeSurfer's mri.h."""


@pytest.mark.parametrize(
    ("given", "stored"),
    [("u1", "u1"), (">i2", "i2"), ("?", "u1"), ("i1", "i2"), ("u2", "i4"), ("f2", "f4")],
)
def test_the_smallest_type_that_holds_all_values(given, stored):
    context = Context()
    assert stored_dtype(np.dtype(given), MGH, "MGH", "a.mgz", context) == np.dtype(stored)
    same = np.dtype(given).newbyteorder("=") == np.dtype(stored)
    name, held = np.dtype(given).newbyteorder("=").name, np.dtype(stored).name
    told = [] if same else [(f"the type {name}", f"MGH holds it as {held}")]
    assert [(loss.what, loss.why) for loss in context.report.losses] == told
    ends = np.array([0, 1], "?") if given == "?" else _ends(np.dtype(given))
    assert (ends.astype(stored).astype(given) == ends).all()


def _ends(dtype):
    info = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return np.array([info.min, info.max], dtype)


@pytest.mark.parametrize("given", ["u4", "i8", "u8", "f8", "c8"])
def test_integers_never_become_floats_and_nothing_is_cut(given):
    with pytest.raises(UnsupportedError, match=r"MGH can't hold voxels of type") as caught:
        stored_dtype(np.dtype(given), MGH, "MGH", Path("a.mgz"), Context())
    assert caught.value.path == "a.mgz"
    assert "float32, int16, int32, uint8" in caught.value.hint
