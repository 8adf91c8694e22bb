"""Every documented signature: names, order and defaults; what is ours comes after, by keyword only."""

import inspect
import re
from pathlib import Path

import pytest

import mlarray
from mlarray import meta as schema

LISTED = (Path(__file__).parents[1] / "data" / "api" / "signatures.txt").read_text("utf-8").splitlines()[1:]
PROPERTIES = [line.split() for line in LISTED if " property" in line]
CALLS = [line for line in LISTED if " property" not in line]


def owner(name):
    return mlarray.MLArray if name == "MLArray" else getattr(schema, name)


def documented(text):
    """Return a signature as Python reads it; ``...`` for a default that is made anew."""
    scope = {}
    exec(f"def f({text}): ...", scope)
    return list(inspect.signature(scope["f"]).parameters.values())


@pytest.mark.parametrize("line", CALLS, ids=lambda line: line.partition("(")[0])
def test_documented_calls(line):
    name, text = re.fullmatch(r"([\w.]+)\((.*)\)", line).groups()
    cls, _, method = name.partition(".")
    ours = inspect.signature(getattr(owner(cls), method) if method else owner(cls))
    parameters = [p for p in ours.parameters.values() if p.name != "self"]
    wanted = documented(text)
    for found, expected in zip(parameters, wanted, strict=False):
        assert (found.name, found.kind) == (expected.name, expected.kind)
        assert found.default == expected.default or expected.default is ...
        assert (found.default is found.empty) == (expected.default is expected.empty)
    assert len(parameters) >= len(wanted)
    extra = parameters[len(wanted) :]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in extra), extra


@pytest.mark.parametrize("line", PROPERTIES, ids=lambda line: line[0])
def test_documented_properties(line):
    cls, name = line[0].split(".")
    found = inspect.getattr_static(owner(cls), name)
    assert isinstance(found, property)
    assert (found.fset is not None) == ("writable" in line)


def test_the_list_is_whole():
    assert len(CALLS) == 47
    assert len(PROPERTIES) == 13


def test_names_of_the_reference_can_be_imported():
    from mlarray import __all__ as ours
    from mlarray.cli import cli_convert_to_mlarray, cli_print_header
    from mlarray.mlarray import MLARRAY_DEFAULT_PATCH_SIZE, MLArray
    from mlarray.utils import is_serializable

    classes = "Bbox Blosc2 Extra HasArray ImageFormat IsSeg Source Spatial Statistics Version"
    theirs = {f"Meta{name}" for name in ["", *classes.split(" ")]}
    theirs |= {"__version__", "MLArray", "MLARRAY_DEFAULT_PATCH_SIZE", "AxisLabel", "CoordSystem"}
    theirs |= {"is_serializable", "cli_print_header", "cli_convert_to_mlarray"}
    assert theirs <= set(ours)
    assert all(getattr(mlarray, name) is not None for name in theirs)
    assert mlarray.MLArray is MLArray
    assert MLARRAY_DEFAULT_PATCH_SIZE == 192
    assert mlarray.is_serializable is is_serializable
    assert mlarray.cli_print_header is cli_print_header
    assert mlarray.cli_convert_to_mlarray is cli_convert_to_mlarray


def test_everything_that_is_exported_exists():
    assert set(mlarray.__all__) == set(dir(mlarray))
    for name in mlarray.__all__:
        assert getattr(mlarray, name) is not None


def test_enums_have_the_documented_members():
    labels = "spatial spatial_x spatial_y spatial_z non_spatial channel temporal continuous components"
    assert set(labels.split()) <= set(schema.AxisLabelEnum.__members__)
    assert schema.AxisLabel is schema.AxisLabelEnum
    assert schema.CoordSystem.RAS == "RAS"
    assert schema.CoordSystem.LPS_PLUS == "LPS+"
    assert schema.MetaSpatial.AxisLabel.spatial_z == "spatial_z"
