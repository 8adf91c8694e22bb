"""Methods in turns, by processor time, those of one library in a process of their own. Prints JSON.

nnU-Net's loader looks through all libraries of its process for each batch (threadpoolctl). MONAI brings 230
to the 120 that are there: 0.7 ms more for each patch, which no training with nnU-Net has.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.train import methods

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS: dict[str, tuple[Callable[[Path], Any], float]] = {
    "PatchDataset": (methods.ours, 1),
    "PatchDataset, float32": (partial(methods.ours, dtype="float32"), 1),
    "image[box], files open": (methods.bare, 1),
    "image[box], files opened for each patch": (methods.opened, 1),
    "nnU-Net's pattern, float32": (methods.nnunet_pattern, 1),
    "nnU-Net's loader": (methods.nnunet_loader, 1),
    "nnU-Net's loader, our dataset class": (partial(methods.nnunet_loader, layout="nnunet-mla"), 1),
    "nnU-Net's loader, resampled": (partial(methods.nnunet_loader, layout="resampled"), 1),
    "nnU-Net's loader, our dataset class, resampled": (
        partial(methods.nnunet_loader, layout="resampled-mla"),
        1,
    ),
    "MONAI Dataset .nii.gz": (partial(methods.monai, samples=1), 0.08),
    "MONAI Dataset .nii.gz, 4 samples": (partial(methods.monai, samples=4), 0.17),
    "TorchIO Queue .nii.gz, 8 samples": (methods.torchio, 2 / 3),
}
"""Each method, and its share of the patches of a turn; TorchIO's queue is filled with 16 at once."""
LIBRARIES = ("ours and nnU-Net", "MONAI", "TorchIO")
"""Each a process; a method belongs to the one that its name begins with, and to the first without any."""


def library_of(method: str) -> str:
    """Return which process a method is measured in."""
    return next((name for name in LIBRARIES if method.startswith(name)), LIBRARIES[0])


def take(folder: Path, library: str, rounds: int, count: int) -> dict[str, Any]:
    """Return the milliseconds a patch of each method of a library for each round, and what was left out.

    Parameters
    ----------
    folder
        Of the cases.
    library
        One of `LIBRARIES`.
    rounds
        How often each method has its turn.
    count
        Patches that the fastest reads in a turn.
    """
    running, left_out = {}, {}
    for name, (way, share) in WAYS.items():
        if library_of(name) != library:
            continue
        try:
            patches = way(folder)
            for _ in range(max(2, int(2 * count * share))):  # until nearly all files were open once
                next(patches)
            running[name] = patches
        except ImportError as error:
            left_out[name] = str(error)
    times: dict[str, list[float]] = {name: [] for name in running}
    for turn in range(rounds):
        for name, patches in list(running.items())[:: 1 if turn % 2 else -1]:
            number = max(4, int(count * WAYS[name][1]))
            began = time.process_time()
            for _ in range(number):
                next(patches)
            times[name].append((time.process_time() - began) / number * 1e3)
    return {"times": times, "left out": left_out}


def main(folder: str, library: str, rounds: str, count: str) -> None:
    """Measure and print."""
    import torch

    torch.set_num_threads(1)
    print(json.dumps(take(Path(folder), library, int(rounds), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
