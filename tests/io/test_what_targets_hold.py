"""Every format that is written holds an image, or refuses it with a way out: docs/formats.md says so."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mlarray
from mlarray.errors import UnsupportedError
from mlarray_io.engine.registry import installed
from mlarray_io.sdk.requirements import missing

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = {
    "plane of bytes": np.arange(20, dtype="u1").reshape(4, 5),
    "five axes": np.arange(720, dtype="i2").reshape(2, 3, 4, 5, 6),
    "complex": (np.arange(60) * (1 + 2j)).astype("c16").reshape(3, 4, 5),
    "half": np.arange(60, dtype="f2").reshape(3, 4, 5),
    "long": np.arange(60, dtype="u8").reshape(3, 4, 5) + (1 << 63),
    "truth": np.arange(60).reshape(3, 4, 5) % 2 == 0,
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", [format.name for format in installed().formats if format.writes])
def test_an_image_is_held_or_refused(name: str, kind: str, tmp_path: Path) -> None:
    format = installed().get(name)
    if missing(format):
        pytest.skip(f"{name} needs {', '.join(missing(format))}")
    target = tmp_path / f"a{format.written_suffixes[0]}"
    voxels = IMAGES[kind]
    done = None
    with contextlib.suppress(UnsupportedError):
        done = mlarray.write(voxels, target)
    if done is None:
        with pytest.raises(UnsupportedError, match=re.escape(str(target))) as caught:
            mlarray.write(voxels, target)
        assert caught.value.hint
        assert list(tmp_path.iterdir()) == []
        return
    again = np.squeeze(mlarray.read(target).to_numpy())
    turned = any(
        "the other way around" in note for note in done.warnings
    )  # slices of DICOM: said, and placed
    np.testing.assert_array_equal(again, np.squeeze(voxels)[:: -1 if turned else 1])
