"""`PatchStream`: shuffled, shared among ranks and workers, and taken up where it was."""

import itertools

import numpy as np
import pytest

from mlarray import errors

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker:UserWarning"),
]


class Numbers:
    """A dataset whose items say their epoch and index."""

    def __init__(self, count):
        self.count, self.epoch = count, 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return {"epoch": self.epoch, "index": index}


def stream(count=23, *args, **options):
    from mlarray.torch import PatchStream

    return PatchStream(Numbers(count), *args, **options)


def indices(batches):
    return [batch["index"].tolist() for batch in batches]


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def test_every_item_once_in_an_order_of_its_epoch():
    found = stream(24, 4)
    first, second = indices(found), indices(found)
    assert sorted(joined(first)) == list(range(24)) == sorted(joined(second))
    assert first != second
    assert joined(first) != list(range(24))
    assert indices(stream(24, 4)) == first
    assert indices(stream(24, 4, seed=1)) != first
    assert indices(stream(8, 4, shuffle=False)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(stream(23, 4)) == 5


def test_ranks_share_the_items():
    shares = [indices(stream(25, 2, rank=rank, ranks=3)) for rank in range(3)]
    assert {len(share) for share in shares} == {4}
    every = joined(joined(shares))
    assert len(every) == len(set(every)) == 24


def test_ranks_are_those_of_torchrun(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert indices(stream(25, 2)) == indices(stream(25, 2, rank=2, ranks=3))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_change_nothing(workers):
    found = stream(24, 2)
    loader = found.loader(workers, multiprocessing_context="fork" if workers else None)
    assert len(loader) == 12
    epochs = [list(loader) for _ in range(2)]
    plain = stream(24, 2)
    for number, batches in enumerate(epochs):
        assert indices(batches) == indices(plain)
        assert {int(epoch) for batch in batches for epoch in batch["epoch"]} == {number}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 1, 5, 11, 12, 17])
def test_it_goes_on_where_it_was(workers, taken):
    one = stream(24, 2)
    whole = indices(one) + indices(one)
    found = stream(24, 2)
    options = {"multiprocessing_context": "fork", "persistent_workers": True} if workers else {}
    loader = found.loader(workers, **options)
    before = []
    while len(before) < taken:
        for batch in loader:
            before.append(batch["index"].tolist())
            if len(before) == taken:
                break
    state = found.state_dict()
    other = stream(24, 2)
    other.load_state_dict(state)
    after = other.loader(workers, **options)
    rest = indices(after)
    while len(before) + len(rest) < 24:
        rest += indices(after)
    assert before + rest == whole


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_it_goes_on_in_workers_that_begin_anew(context, pairs):
    """Patches, too, are those that would have come: epoch and place are sent to the new workers."""
    from mlarray.torch import PatchDataset, PatchStream

    def begun():
        return PatchStream(PatchDataset(pairs, 8, per_epoch=12, foreground=0.5), 2)

    def content(batch):
        return batch["case"].tolist(), batch["start"].tolist(), int(batch["image"].long().sum())

    plain = begun()
    whole = [content(batch) for _ in range(2) for batch in plain]
    assert whole[:6] != whole[6:]
    one = begun()
    loader = one.loader(4, multiprocessing_context=context, persistent_workers=True)
    before = [content(batch) for batch in loader]
    for batch in loader:
        before.append(content(batch))
        if len(before) == 8:
            break
    state = one.state_dict()
    assert (state["epoch"], state["batch"]) == (1, 2)
    other = begun()
    other.load_state_dict(state)
    rest = [content(batch) for batch in other.loader(4, multiprocessing_context=context)]
    assert before + rest == whole


def test_states_of_other_streams_are_refused():
    state = stream(24, 2).state_dict()
    for other in (stream(26, 2), stream(24, 3), stream(24, 2, seed=5), stream(24, 2, rank=0, ranks=2)):
        with pytest.raises(errors.ArgumentError, match="another stream"):
            other.load_state_dict(state)
    with pytest.raises(errors.ArgumentError, match="no batch 12"):
        stream(24, 2).load_state_dict({**state, "batch": 12})
    for wrong in ({"batch_size": 0}, {"rank": 3, "ranks": 3}, {"batch_size": 30}):
        with pytest.raises(errors.ArgumentError):
            stream(24, **wrong)


def test_patches_of_a_dataset(pairs):
    from mlarray.torch import PatchDataset, PatchStream

    found = PatchStream(PatchDataset(pairs, 8, per_epoch=6), 2)
    first, second = list(found), list(found)
    assert [batch["image"].shape for batch in first] == [(2, 1, 8, 8, 8)] * 3
    starts = [np.concatenate([batch["start"] for batch in batches]).tolist() for batches in (first, second)]
    assert sorted(starts[0]) != sorted(starts[1])
