"""Images without an axis, a single number: kept by `.mla`, and not taken for metadata only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mlarray
from mlarray import MLArray
from mlarray.errors import UnsupportedError
from mlarray_io.engine.registry import installed
from mlarray_io.sdk.requirements import missing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_single_number_is_converted_and_read(tmp_path: Path) -> None:
    MLArray(np.array(5.0), meta={"k": 1}).save(tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mla")
    for image in (mlarray.read(tmp_path / "b.mla"), MLArray.open(tmp_path / "b.mla")):
        assert image.shape == ()
        assert image.to_numpy() == 5.0
        assert image.meta.source == {"k": 1}


def test_metadata_only_are_none(tmp_path: Path) -> None:
    MLArray(meta={"k": 1}).save(tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mla")
    assert MLArray.open(tmp_path / "b.mla").shape is None


@pytest.mark.parametrize("name", [format.name for format in installed().formats if format.writes])
def test_a_target_holds_a_single_number_or_refuses_it(name: str, tmp_path: Path) -> None:
    """What can be written can be read: nothing is put where no reader finds an image."""
    format = installed().get(name)
    if missing(format):
        pytest.skip(f"{name} needs {', '.join(missing(format))}")
    target = tmp_path / f"a{format.written_suffixes[0]}"
    try:
        mlarray.write(np.array(5, "u1"), target)
    except UnsupportedError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert mlarray.read(target).to_numpy() == 5
