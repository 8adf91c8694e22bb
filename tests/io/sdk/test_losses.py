"""What formats can't hold is named: here the label table, by converting to formats without room for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray.errors import LossError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A label map with a table."""
    spatial = {"spacing": [1, 1, 1], "origin": [0, 0, 0], "direction": np.eye(3), "coord_system": "LPS"}
    image = MLArray(np.arange(60, dtype="u1").reshape(3, 4, 5) % 3, meta=Meta(is_seg=True, spatial=spatial))
    image.meta.labels = [{"value": 1, "name": "liver"}, {"value": 2, "name": "tumour"}]
    image.save(tmp_path / "a.mla")
    return tmp_path / "a.mla"


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".mgz", ".ome.tif"])
def test_a_label_table_is_not_lost_without_a_word(labelled: Path, suffix: str) -> None:
    with pytest.raises(LossError, match="names, colours and codes of 2 labels"):
        mlarray.convert(labelled, labelled.with_name(f"b{suffix}"), strict=True)


def test_a_label_table_is_kept_by_mla(labelled: Path) -> None:
    mlarray.convert(labelled, labelled.with_name("b.mla"), strict=True)
    labels = MLArray.open(labelled.with_name("b.mla")).meta.labels
    assert [label.name for label in labels] == ["liver", "tumour"]
