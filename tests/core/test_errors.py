"""What all errors have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlarray
from mlarray_core import errors as core
from mlarray_core.errors import CorruptError, about, did_you_mean, nearest


def test_errors_are_imported_from_the_package_too():
    classes = {
        name: one for name, one in vars(core).items() if isinstance(one, type) and issubclass(one, Exception)
    }
    assert {name: getattr(mlarray.errors, name) for name in mlarray.errors.__all__} == classes
    from mlarray.errors import MLArrayError

    assert MLArrayError is core.MLArrayError


def test_an_error_names_the_file_of_the_block_it_left():
    with pytest.raises(CorruptError, match=r"^scan\.mla: cut short$"), about(Path("scan.mla")):
        raise CorruptError("cut short")


def test_an_error_that_names_a_file_goes_on_naming_it():
    with pytest.raises(CorruptError) as caught, about("outer.mla"):
        raise CorruptError("cut short", path="inner.mla")
    assert caught.value.path == "inner.mla"


def test_a_block_without_a_file_names_none():
    with pytest.raises(CorruptError) as caught, about(None):
        raise CorruptError("cut short")
    assert caught.value.path is None


def test_other_errors_pass_as_they_are():
    with pytest.raises(KeyError), about("scan.mla"):
        raise KeyError("a")


def test_the_file_of_a_block_is_named_without_the_secrets_of_its_url():
    with pytest.raises(CorruptError) as caught, about("https://user:secret@host/scan.mla?token=abc"):
        raise CorruptError("cut short")
    assert caught.value.path is not None
    assert "secret" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("patchsize", ["patch_size"]),
        ("comp", ["compression"]),
        ("size", ["tile_size", "patch_size"]),
        ("Level", ["levels"]),
        ("x", []),
        ("seg", []),
    ],
)
def test_names_that_may_be_meant(name, near):
    assert nearest(name, ["compression", "levels", "patch_size", "tile_size"]) == near


def test_a_question_ends_a_sentence():
    asking = CorruptError(
        "no codec is called 'lz5'; did you mean 'lz4'?", path="a.mla", hint="Choose one of two"
    )
    assert str(asking) == "a.mla: no codec is called 'lz5'; did you mean 'lz4'? Choose one of two"
    assert CorruptError("is short", path="a", hint="Copy it").told == "is short. Copy it"
    assert CorruptError("is short", path="a").told == "is short"


def test_the_nearest_name_ends_a_message():
    assert did_you_mean("smal", ["default", "small"]) == "; did you mean 'small'?"
    assert did_you_mean("quick", ["default", "small"]) == ""
