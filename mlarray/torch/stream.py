"""Batches of a dataset in an order that is shuffled, shared among ranks and workers, and can be taken up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, default_collate, get_worker_info

from mlarray_core.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class PatchStream(IterableDataset):  # type: ignore[misc]
    """Batches of a `PatchDataset` or another map-style dataset, in an order that seed and epoch decide.

    Ranks of one training get different items, equally many; workers of a loader take turns, so that batches
    come in the same order for any number of them. `loader` makes the loader and keeps count of the batches
    that were taken; `state_dict` then says where the stream is, and `load_state_dict` goes on from there.

    Parameters
    ----------
    dataset
        With a length and items; its ``set_epoch``, if it has one, is called for each epoch.
    batch_size
        Items in a batch, for each rank.
    shuffle
        Whether items come in random order.
    seed
        For the order.
    rank, ranks
        Which of how many processes of a training this is; None for what `torch.distributed` or the variables
        ``RANK`` and ``WORLD_SIZE`` of `torchrun` say, one alone without them.
    collate
        Makes a batch of a list of items.

    Raises
    ------
    ArgumentError
        There are too few items for one batch on each rank (a ValueError).
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 2,
        shuffle: bool = True,
        seed: int = 0,
        *,
        rank: int | None = None,
        ranks: int | None = None,
        collate: Callable[[list[Any]], Any] = default_collate,
    ) -> None:
        self.dataset, self.batch_size, self.shuffle, self.seed = dataset, batch_size, shuffle, seed
        known = _place()
        self.rank, self.ranks = known[0] if rank is None else rank, known[1] if ranks is None else ranks
        self.collate = collate
        if batch_size < 1 or not 0 <= self.rank < self.ranks:
            raise ArgumentError(f"batch_size {batch_size} or rank {self.rank} of {self.ranks} can't be meant")
        if len(self) < 1:
            raise ArgumentError(
                f"{len(dataset)} items are too few for a batch of {batch_size} on each of {self.ranks} ranks"
            )
        # epoch and batch: the next to be taken, and those that workers begin with; in shared memory, so that
        # workers that live on see them change
        self._position = torch.zeros(4, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        """Return how many batches an epoch has; items that are left over are dropped."""
        return len(self.dataset) // (self.batch_size * self.ranks)

    @property
    def epoch(self) -> int:
        """The epoch that the next batch is of."""
        return int(self._position[0])

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch."""
        self._begin_at(epoch, 0)

    def state_dict(self) -> dict[str, int]:
        """Return where the stream is: the next batch, and what the order depends on."""
        epoch, batch = self._position[:2].tolist()
        return {
            "epoch": epoch, "batch": batch, "seed": self.seed, "batch_size": self.batch_size,
            "ranks": self.ranks, "items": len(self.dataset),
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where another stream of the same items was; workers must be started anew.

        Raises
        ------
        ArgumentError
            The state is of another seed, batch size, number of ranks or items (a ValueError).
        """
        own = self.state_dict()
        other = [name for name in own if name not in ("epoch", "batch") and own[name] != state.get(name)]
        if other:
            raise ArgumentError(
                "the state is of another stream: "
                + ", ".join(f"{name} {state.get(name)!r}, here {own[name]!r}" for name in other)
            )
        self._begin_at(state["epoch"], state["batch"])

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches that are left of this epoch; those of this worker's turn in a worker."""
        worker = get_worker_info()
        epoch, first = self._position[2:].tolist() if worker else self._position[:2].tolist()
        order, width = self._order(epoch), self.batch_size
        turn, turns = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for batch in range(first + turn, len(self), turns):
            items = self.collate([self.dataset[at] for at in order[batch * width : (batch + 1) * width]])
            if worker is None:
                self._took(epoch, batch)
            yield items

    def loader(self, num_workers: int = 0, **options: Any) -> Batches:
        """Return what yields the batches that are left of an epoch, each time that it is gone through.

        Parameters
        ----------
        num_workers
            Processes that read.
        **options
            As `torch.utils.data.DataLoader` takes them.
        """
        return Batches(self, DataLoader(self, batch_size=None, num_workers=num_workers, **options))

    def _order(self, epoch: int) -> Sequence[int]:
        """Return the items of this rank in this epoch."""
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)
        count = len(self.dataset)
        every = np.arange(count)
        if self.shuffle:
            np.random.default_rng((self.seed, epoch)).shuffle(every)
        own: list[int] = every[self.rank :: self.ranks].tolist()
        return own

    def _took(self, epoch: int, batch: int) -> None:
        """Note that a batch was taken; after the last one the next epoch begins."""
        after = (epoch, batch + 1) if batch + 1 < len(self) else (epoch + 1, 0)
        self._position[0], self._position[1] = after

    def _begin_at(self, epoch: int, batch: int) -> None:
        if epoch < 0 or not 0 <= batch < len(self):
            raise ArgumentError(f"there is no batch {batch} of epoch {epoch}")
        for at, value in enumerate((epoch, batch, epoch, batch)):
            self._position[at] = value


class Batches:
    """A loader of a stream that counts the batches that were taken.

    Parameters
    ----------
    stream
        The stream.
    loader
        Its loader.
    """

    def __init__(self, stream: PatchStream, loader: DataLoader[Any]) -> None:
        self.stream, self._loader = stream, loader

    def __len__(self) -> int:
        return len(self.stream)

    def __iter__(self) -> Iterator[Any]:
        epoch, first = self.stream._position[:2].tolist()
        self.stream._begin_at(epoch, first)
        for batch, items in enumerate(self._loader, first):
            self.stream._took(epoch, batch)
            yield items


def _place() -> tuple[int, int]:
    """Return rank and number of ranks of this process."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
