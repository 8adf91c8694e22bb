"""Patches through PyTorch's DataLoader: ``python -m tests.trust.torch_loader METHOD``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mlarray import MLArray

READS, WORKERS, PATCH = 400, 4, 24


class Patches(Dataset):  # type: ignore[type-arg]
    """Random patches of an open image, each with its corner."""

    def __init__(self, image: MLArray) -> None:
        self.image = image

    def __len__(self) -> int:
        return READS

    def __getitem__(self, number: int) -> Any:
        corner = np.random.default_rng(number).integers(0, 64 - PATCH, 3)
        box = tuple(slice(int(start), int(start) + PATCH) for start in corner)
        return torch.from_numpy(corner), torch.from_numpy(self.image[box])


def main() -> int:
    """Compare every patch; 0 if all are right."""
    voxels = np.random.default_rng(0).integers(0, 4000, (64, 64, 64)).astype("i2")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mla"
        MLArray(voxels, chunk_size=(32, 32, 32), block_size=(8, 16, 16)).save(path)
        image = MLArray.open(path, dparams={"nthreads": 4})
        image.to_numpy()
        loader = DataLoader(
            Patches(image), batch_size=8, num_workers=WORKERS, multiprocessing_context=sys.argv[1], timeout=60
        )
        seen = wrong = 0
        for corners, patches in loader:
            for corner, patch in zip(corners.numpy(), patches.numpy(), strict=True):
                box = tuple(slice(int(start), int(start) + PATCH) for start in corner)
                seen += 1
                wrong += not np.array_equal(patch, voxels[box])
    print(f"{seen} patches, {wrong} wrong")
    return 0 if seen == READS and wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
