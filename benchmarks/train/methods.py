"""Each way to get patches, as an endless iterator of (image, label) tensors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.train.cases import PATCH, boxes, names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Pair = tuple[torch.Tensor, torch.Tensor]
LABELS = SimpleNamespace(all_labels=[1, 2, 3], has_ignore_label=False)
PER_EPOCH = 1 << 20


def dataset(folder: Path, dtype: str | None = None) -> Any:
    """Return our dataset."""
    from mlarray.torch import PatchDataset

    pairs = [(folder / "mla" / f"{name}.mla", folder / "mla" / f"{name}_seg.mla") for name in names(folder)]
    return PatchDataset(pairs, PATCH, PER_EPOCH, foreground=0.5, dtype=dtype)


def ours(folder: Path, dtype: str | None = None) -> Iterator[Pair]:
    """Yield what `PatchDataset` gives."""
    found = dataset(folder, dtype)
    for index in range(PER_EPOCH):
        yield _pair(found[index])  # no patch is kept while the next is read: its memory is used again


def _pair(item: dict[str, Any]) -> Pair:
    return item["image"], item["label"]


def bare(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield arrays by `image[box]` alone, of the boxes that `ours` reads, files open."""
    from mlarray import MLArray

    found = dataset(folder)
    places = [found[index] for index in range(600)]
    places = [
        (place["case"], tuple(slice(s, s + p) for s, p in zip(place["start"].tolist(), PATCH, strict=True)))
        for place in places
    ]
    kept = [tuple(MLArray.open(path) for path in (*case.images, case.label)) for case in found.cases]
    while True:
        for case, box in places:
            image, label = kept[case]
            yield image[box], label[box]


def opened(folder: Path) -> Iterator[Pair]:
    """Yield patches of files that are opened for each of them."""
    from mlarray import MLArray

    for name, box in boxes(folder):
        with MLArray.open(folder / "mla" / f"{name}.mla") as image:
            voxels = image[box]
        with MLArray.open(folder / "mla" / f"{name}_seg.mla") as image:
            yield torch.from_numpy(voxels)[None], torch.from_numpy(image[box])[None]


def nnunet_pattern(folder: Path) -> Iterator[Pair]:
    """Yield what nnU-Net's `load_case` and a slice give: files opened for each patch, float32 as stored."""
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    found = nnUNetDatasetBlosc2(str(folder / "nnunet"))
    for name, box in boxes(folder):
        data, seg, _, _ = found.load_case(name)
        whole = (slice(None), *box)
        yield torch.from_numpy(data[whole]), torch.from_numpy(seg[whole].astype(np.int16))


def nnunet_loader(folder: Path, layout: str = "nnunet") -> Iterator[Pair]:
    """Yield what nnU-Net's own loader gives, with its dataset class or with ours, for folders in `.mla`."""
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    if layout.endswith("-mla"):
        from mlarray.nnunet.dataset import MLArrayDataset as Kind
    else:
        Kind = nnUNetDatasetBlosc2  # noqa: N806
    np.random.seed(0)
    loader = nnUNetDataLoader(Kind(str(folder / layout)), 2, PATCH, PATCH, LABELS, 0.5)
    while True:
        batch = loader.generate_train_batch()
        yield from zip(batch["data"], batch["target"], strict=True)


def _files(folder: Path) -> list[dict[str, str]]:
    return [
        {"image": str(folder / "nii" / f"{name}.nii.gz"), "label": str(folder / "nii" / f"{name}_seg.nii.gz")}
        for name in names(folder)
    ]


def monai(folder: Path, samples: int) -> Iterator[Pair]:
    """Yield patches of MONAI's `Dataset` over `.nii.gz`, so many of each volume that is read."""
    from monai.data import Dataset
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, RandCropByPosNegLabeld

    keys = ["image", "label"]
    crop = RandCropByPosNegLabeld(
        keys, label_key="label", spatial_size=PATCH, pos=1, neg=1, num_samples=samples
    )
    steps = Compose([LoadImaged(keys), EnsureChannelFirstd(keys), crop])
    steps.set_random_state(0)
    found, chance = Dataset(_files(folder), steps), np.random.default_rng(0)
    while True:
        for item in found[int(chance.integers(len(found)))]:
            yield item["image"], item["label"]


def torchio(folder: Path) -> Iterator[Pair]:
    """Yield patches of TorchIO's queue over `.nii.gz`, eight of each volume that is read."""
    import torchio as tio

    torch.manual_seed(0)
    subjects = tio.SubjectsDataset(
        [
            tio.Subject(image=tio.ScalarImage(one["image"]), label=tio.LabelMap(one["label"]))
            for one in _files(folder)
        ]
    )
    sampler = tio.LabelSampler(PATCH[0], "label", dict.fromkeys(range(4), 1))
    queue = tio.Queue(subjects, max_length=16, samples_per_volume=8, sampler=sampler, num_workers=0)
    while True:
        for one in torch.utils.data.DataLoader(queue, batch_size=None, collate_fn=lambda item: item):
            yield one["image"].data, one["label"].data


class Pattern(torch.utils.data.Dataset):
    """nnU-Net's pattern as a dataset for workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boxes = [box for box, _ in zip(boxes(folder, 3), range(4000), strict=False)]

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

        name, box = self.boxes[index]
        data, seg, _, _ = nnUNetDatasetBlosc2(str(self.folder / "nnunet"), [name]).load_case(name)
        whole = (slice(None), *box)
        return {
            "image": torch.from_numpy(data[whole]),
            "label": torch.from_numpy(seg[whole].astype(np.int16)),
        }
