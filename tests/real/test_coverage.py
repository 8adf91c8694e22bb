"""The list of what each format is tried on names every format, and only files that are here."""

from __future__ import annotations

import pytest

from mlarray_io.engine.registry import Registry
from tests.real import coverage


def test_every_format_is_listed():
    ours = [one for one in Registry.load().formats if type(one).__module__.startswith("mlarray_")]
    assert sorted(one.name for one in ours if one.reads) == list(coverage.FORMATS)


@pytest.mark.parametrize("name", coverage.FORMATS)
def test_real_files_are_here_and_their_licence_is_noted(name):
    told = (coverage.DATA / "README.md").read_text(encoding="utf-8")
    for pattern in coverage.FORMATS[name].real:
        assert list(coverage.DATA.glob(pattern)), pattern
    for path in coverage.real_files(name):
        assert f"`{path.name}`" in told, path.name


def test_fetched_files_are_of_formats():
    assert {file["format"] for file in coverage.FETCHED} <= set(coverage.FORMATS)
    for file in coverage.FETCHED:
        assert file["licence"]
        assert len(file["sha256"]) == 64


@pytest.mark.parametrize("name", coverage.FORMATS)
def test_every_format_is_tried_on_something(name):
    tried = coverage.FORMATS[name]
    assert coverage.real_files(name) or coverage.fetched(name) or tried.made or tried.elsewhere
