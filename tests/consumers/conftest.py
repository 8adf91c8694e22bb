"""Pairs of a NIfTI file and our own, made once."""

import pytest

from tests.consumers import volumes


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Return a function that gives the pair of a kind."""
    folder, made = tmp_path_factory.mktemp("consumers"), {}

    def pair(kind):
        if kind not in made:
            made[kind] = volumes.pair(kind, folder)
        return made[kind]

    return pair
