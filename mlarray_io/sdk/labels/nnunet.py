"""Names of labels and channels from the ``dataset.json`` of an nnU-Net data set.

nnU-Net v1, v2 and the Medical Segmentation Decathlon have it beside the folders of images and labels, and
number channels at the end of names, ``case_0000`` (nnU-Net, documentation/dataset_format.md).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MLArrayError
from mlarray_io.sdk.labels.tables import nnunet_labels, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.meta import Meta
    from mlarray_io.sdk.context import Context

DATASET = "dataset.json"
_LABELS, _IMAGES = ("labelsTr", "labelsTs"), ("imagesTr", "imagesTs")
_CHANNEL = re.compile(r"_(\d{4})$")


def name_from_dataset(meta: Meta, path: Path, context: Context) -> None:
    """Give an image the names that the ``dataset.json`` of its data set has for its labels or its channel.

    Images elsewhere, and those that name their labels or channels themselves, are left as they are.

    Parameters
    ----------
    meta
        Of the image; changed.
    path
        Of its file.
    context
        Gets a note of what was taken from where.
    """
    folder = Path(path).absolute().parent
    if folder.name not in (*_LABELS, *_IMAGES):
        return
    beside = folder.parent / DATASET
    if not beside.is_file():
        return
    try:
        dataset = json.loads(text_of(beside))
        if isinstance(dataset, dict) and ("channel_names" in dataset or "modality" in dataset):
            if folder.name in _LABELS:
                _name_labels(meta, dataset, beside, context)
            else:
                _name_channel(meta, dataset, path, beside, context)
    except (MLArrayError, ValueError, RecursionError) as error:
        context.warn(f"{beside} names no labels: {error}")


def _name_labels(meta: Meta, dataset: Mapping[str, Any], beside: Path, context: Context) -> None:
    if meta.labels or meta.is_seg.value is False:
        return
    meta.labels = nnunet_labels(dataset)
    meta.is_seg = True
    context.warn(f"the voxels are labels, called as {beside} says")


def _name_channel(meta: Meta, dataset: Mapping[str, Any], path: Path, beside: Path, context: Context) -> None:
    """Name the one channel of a file, by the number at the end of its name, or as the only one there is."""
    from mlarray_core.meta import Additions, Channel

    names = dataset.get("channel_names", dataset.get("modality"))
    additions = Additions.of(meta)
    if not isinstance(names, dict) or additions.channels:
        return
    number = _CHANNEL.search(path.name.partition(".")[0])
    key = str(int(number[1])) if number else next(iter(names), "") if len(names) == 1 else ""
    if isinstance(names.get(key), str):
        additions.channels = [Channel(name=names[key])]
        additions.store(meta)
        context.warn(f"the channel is called as {beside} says")
