"""Warnings of a library are silenced for it alone, by any number of threads, and the filters come back."""

from __future__ import annotations

import threading
import warnings
from types import FunctionType

from mlarray_io.sdk import ignored_warnings


def warn_from(module):
    """Raise a warning as if a module of another package had."""
    code = compile("import warnings\ndef remark(): warnings.warn('odd', UserWarning)\n", module, "exec")
    names = {"__name__": module}
    exec(code, names)
    assert isinstance(names["remark"], FunctionType)
    names["remark"]()


def seen(act):
    """Return the texts of the warnings that come through."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: found.append(str(message))
        act()
    return found


def test_only_the_named_packages_are_silent():
    def act():
        with ignored_warnings("noisy"):
            warn_from("noisy.part")
            warn_from("noisy")
            warn_from("noisyneighbour")
            warn_from("ours")

    assert seen(act) == ["odd", "odd"]


def test_the_last_one_out_restores_the_filters():
    before = list(warnings.filters)
    first, second = ignored_warnings("noisy"), ignored_warnings("noisy")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert len(warnings.filters) == len(before) + 1
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


def test_filters_that_others_change_meanwhile_are_left_alone():
    with warnings.catch_warnings():
        warnings.resetwarnings()
        outer = ignored_warnings("noisy")
        outer.__enter__()
        with warnings.catch_warnings():
            warnings.simplefilter("error", ImportWarning)
            outer.__exit__(None, None, None)
            assert [entry[0] for entry in warnings.filters] == ["error"]
        assert warnings.filters == []


def test_four_threads():
    before = list(warnings.filters)

    def work():
        for _ in range(500):
            with ignored_warnings("noisy"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
