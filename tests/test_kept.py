"""What is kept open: the last used, within the files that a process may open, on every system."""

from __future__ import annotations

import os
import pickle
import sys

import pytest

from mlarray import kept
from mlarray.kept import Kept
from mlarray_core.errors import CorruptError, ReadError


class Opener:
    """Opens names, and notes which."""

    def __init__(self):
        self.opened, self.closed = [], []

    def open(self, name):
        self.opened.append(name)
        return [name]

    def close(self, value):
        self.closed += value

    def files(self, name):
        return len(name)


def names(opener, most):
    return Kept(opener.open, opener.files, opener.close, most)


def test_the_last_used_stay_within_their_files():
    opener = Opener()
    found = names(opener, 4)
    first = found["a"]
    found["bb"]
    assert found["a"] is first
    assert opener.opened == ["a", "bb"]
    found["cc"]  # 1 + 2 + 2 files are more than 4
    assert opener.closed == ["bb"]
    assert found["a"] is first
    found["too many by itself"]
    assert opener.closed == ["bb", "cc", "a"]
    found.close()
    assert opener.closed[3:] == ["too many by itself"]


def test_it_travels_with_nothing_open():
    found = names(Opener(), 4)
    found["a"]
    again = pickle.loads(pickle.dumps(found))
    again["a"]
    assert again._opened.__self__.opened == ["a", "a"]


def test_others_have_taken_the_descriptors_meanwhile():
    full = [True]

    class Full(Opener):
        def open(self, name):
            if name == "b" and full:
                full.pop()
                raise ReadError("too many open files")
            return super().open(name)

    opener = Full()
    found = names(opener, 4)
    found["a"]
    assert found["b"] == ["b"]
    assert opener.closed == ["a"]


@pytest.mark.parametrize("error", [ReadError, CorruptError])
def test_what_cannot_be_opened_is_said(error):
    def broken(_):
        raise error("it is no image")

    with pytest.raises(error, match="no image"):
        Kept(broken, lambda _: 1)["a"]


def test_the_system_allows_fewer(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (kept.RESERVED + 200, 1 << 20))
    monkeypatch.setattr(kept, "_open_now", lambda: 100)
    assert kept._room(256) == 100
    assert kept._room(7) == 7
    monkeypatch.setattr(kept, "_open_now", lambda: 250)
    assert 1 <= kept._room(256) < 100
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert kept._room(256) == 256


def test_windows_has_no_such_limit(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    opener = Opener()
    found = names(opener, 2)
    found["a"], found["b"], found["c"]
    assert opener.closed == ["a"]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="counts descriptors in /proc")
def test_descriptors_are_counted():
    before = kept._open_now()
    with open(os.devnull):
        assert kept._open_now() == before + 1
