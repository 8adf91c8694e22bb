"""Random patches of images and their label maps, the same for any number of workers."""

from __future__ import annotations

import hashlib
import warnings
from struct import Struct
from typing import TYPE_CHECKING, Any

import torch

from mlarray.torch.boxes import per_axis, random_start, start_around
from mlarray.torch.cases import Case
from mlarray.torch.keeping import OpenCases
from mlarray.torch.tensors import as_dtype, as_indices
from mlarray_core.array.voxels import padding
from mlarray_core.errors import ArgumentError
from mlarray_core.exchange.torch_tensors import to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlarray.torch.boxes import Size
    from mlarray.torch.cases import OpenCase, Pair
    from mlarray_core.statistics.class_locations import ClassLocations

FIRST = 25
"""Cases whose grids are compared before training begins: what is wrong with one is mostly wrong with all."""
_CHANCES = Struct("<20Q")
"""What a patch is drawn by: its case, whether it lies around a class, two for a voxel, one for each axis."""
Item = dict[str, Any]
"""One patch: `image`, `label`, `case` and `start`."""


class PatchDataset:
    """A map-style dataset of random patches, for `torch.utils.data.DataLoader`.

    An item is drawn by `seed`, the epoch and its index alone, so that the same patches come whatever the
    number of workers and however they are started. Files are opened in the process that reads them and stay
    open, as many as the limit of open files allows. An item is a dict:

    - ``image``: tensor, channels first; several images of a case are channels one after the other
    - ``label``: tensor, channel first, of the same box; not there for cases without a label map
    - ``case``: number of the case
    - ``start``: tensor, index of the patch's first voxel along the spatial axes; negative in the padding

    Parameters
    ----------
    pairs
        ``(image, label)`` or ``([image, image, ...], label)`` for each case: paths of `.mla` files, URLs or
        images; None for a label that isn't there.
    patch
        Voxels along each spatial axis.
    per_epoch
        How many items there are.
    foreground
        Share of the patches that lie around a voxel of a class. The class is drawn first, then the voxel.
    seed
        Decides about all patches.
    dtype
        Of the image's tensor, such as ``torch.float32``; None sends what is stored, which is what workers
        do fastest: convert it where the network is.
    transform
        Called with each item, after it was read; returns what is sent.
    classes
        Those that `foreground` draws from; None for all of a case but 0.
    margin
        How far patches may reach beyond the image, for each spatial axis or for all.
    pad
        Value of the image outside of it; label maps have 0 there.
    keep
        Files that may stay open in each process; None for 256.
    verify
        As `MLArray.open` takes it.

    Raises
    ------
    ArgumentError
        A case isn't on one grid, or an argument can't be meant (a ValueError).
    NotFoundError, CorruptError
        A file is missing or damaged.
    """

    def __init__(
        self,
        pairs: Iterable[Pair],
        patch: Size = 96,
        per_epoch: int = 250,
        foreground: float = 0.33,
        seed: int = 0,
        dtype: torch.dtype | str | None = None,
        transform: Callable[[Item], object] | None = None,
        *,
        classes: Sequence[int] | None = None,
        margin: Size = 0,
        pad: float = 0,
        keep: int | None = None,
        verify: str = "touch",
    ) -> None:
        self.cases = [Case.of(pair) for pair in pairs]
        if not self.cases:
            raise ArgumentError("there are no cases")
        if not 0 <= foreground <= 1:
            raise ArgumentError(f"foreground is a share from 0 to 1, not {foreground!r}")
        if per_epoch < 1 or seed < 0:
            raise ArgumentError("per_epoch must be positive, and seed not negative")
        self.patch, self.per_epoch, self.foreground, self.seed = patch, per_epoch, foreground, seed
        self.dtype, self.transform = as_dtype(dtype), transform
        self.classes = None if classes is None else frozenset(classes)
        self.margin, self.pad = margin, pad
        # in shared memory, so that workers that live on see it change
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._counted: dict[int, ClassLocations] = {}
        self._open = OpenCases(self.cases, self._prepare, keep, verify)
        self._check_all()

    @property
    def epoch(self) -> int:
        """What `set_epoch` set."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Draw other patches from now on, in workers that are running too.

        Raises
        ------
        ArgumentError
            It is negative (a ValueError).
        """
        if epoch < 0:
            raise ArgumentError(f"an epoch is not negative: {epoch}")
        self._epoch[0] = epoch

    def __len__(self) -> int:
        return self.per_epoch

    def __getitem__(self, index: int) -> Any:
        if not -self.per_epoch <= index < self.per_epoch:
            raise IndexError(f"index {index} is out of range for {self.per_epoch} patches")
        index %= self.per_epoch
        chances = _chances(self.seed, int(self._epoch), index)
        number = int(chances[0] * len(self.cases))
        case = self._open[number]
        start = self._start(case, chances)
        item = self._item(case, start)
        item["case"] = number
        return item if self.transform is None else self.transform(item)

    def _start(self, case: OpenCase, chances: list[float]) -> list[int]:
        """Return where the patch of a case starts."""
        ndim = len(case.shape)
        if chances[1] < self.foreground and case.classes:
            return start_around(case.voxel(chances[2:4]), case.shape, case.patch, case.margin)
        return random_start(case.shape, case.patch, case.margin, chances[4 : 4 + ndim])

    def _item(self, case: OpenCase, start: list[int]) -> Item:
        image, label = case.read(start, case.patch, self.pad)
        tensor = to_tensor(image)
        item: Item = {"image": tensor if self.dtype is None else tensor.to(self.dtype)}
        if label is not None:
            item["label"] = to_tensor(label)
        item["start"] = as_indices(start)
        return item

    def _prepare(self, number: int, case: OpenCase) -> None:
        """Note what patches of a case that was just opened are drawn by."""
        ndim = len(case.shape)
        case.patch = per_axis(self.patch, ndim, "patch")
        case.margin = per_axis(self.margin, ndim, "margin", least=0)
        for part in case.images:
            padding(self.pad, part.dtype)
        if self.foreground > 0 and case.label is not None and case.label.image is not None:
            locations = self._counted.get(number)
            if locations is None:
                locations = case.label.image.find_classes()
            case.place(locations, self.classes)

    def _check_all(self) -> None:
        """Look at every file, and open some cases, so that what is wrong is said before training begins."""
        counting = [
            number
            for number, case in enumerate(self.cases)
            if not case.look() and self.foreground > 0 and case.label is not None and not case.is_remote
        ]
        for number in counting:
            case = self._open[number]
            assert case.label is not None
            assert case.label.image is not None
            if case.label.image.class_locations is None:
                self._counted[number] = case.label.image.find_classes()
        for number in range(0, len(self.cases), -(-len(self.cases) // FIRST)):
            self._open[number]
        self._open.forget()
        if self._counted:
            warnings.warn(
                f"{len(self._counted)} of {len(self.cases)} label maps hold no class locations and were read "
                "whole: store them with `mlarray convert --labels --stats` or save(..., stats=True)",
                stacklevel=3,
            )


def _chances(seed: int, epoch: int, index: int) -> list[float]:
    """Return numbers from 0 to 1, which they can't be, for one item: NumPy's generators begin slowly."""
    drawn = hashlib.shake_128(f"{seed} {epoch} {index}".encode()).digest(_CHANCES.size)
    return [(number >> 11) * 2.0**-53 for number in _CHANCES.unpack(drawn)]
