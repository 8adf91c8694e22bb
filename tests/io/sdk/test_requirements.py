"""Libraries of formats, as their packages describe themselves."""

from importlib.metadata import version

import pytest

from mlarray_io import Format
from mlarray_io.sdk import requirements
from mlarray_io.sdk.requirements import Library, libraries


class Needy(Format):
    name = "needy"
    requires = ("click", "no_such_library")


def test_what_is_installed_says_its_licence():
    (click, absent) = libraries(Needy())
    assert click == Library("click", version("click"), "BSD-3-Clause")
    assert absent == Library("no_such_library")


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("License", "see below")], "BSD License"),
        ([("License", "Apache 2.0")], "Apache 2.0"),
        ([("License", "Permission is hereby granted, " * 9)], ""),
        ([("Classifier", "Topic :: Scientific/Engineering")], ""),
    ],
)
def test_licences_by_the_field_that_says_them(fields, licence, monkeypatch):
    import importlib.metadata
    from email.message import Message

    message = Message()
    for name, value in [("Name", "made-up"), ("Version", "1.0"), *fields]:
        message[name] = value
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: message)
    assert requirements._library.__wrapped__("made_up") == Library("made-up", "1.0", licence)
