"""docs/python.md names every public method and runs; docs/schema.md names every field."""

import dataclasses
import re
import sys
from pathlib import Path

import pytest

import mlarray
import mlarray.torch
import mlarray_core
import mlarray_io
from mlarray import MLArray
from mlarray import meta as schema

DOCS = Path(__file__).parents[1] / "docs"
PYTHON = (DOCS / "python.md").read_text("utf-8")
SCHEMA = (DOCS / "schema.md").read_text("utf-8")
API = re.findall(r"^::: (\S+)$", (DOCS / "api.md").read_text("utf-8"), re.M)
PACKAGES = [mlarray, mlarray_core, mlarray_io, mlarray.torch]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PYTHON, re.M | re.S)
SECTIONS = [getattr(schema, name) for name in schema.__all__ if name.startswith("Meta")]


def names_of(text):
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text))))


@pytest.mark.parametrize("name", [name for name in dir(MLArray) if not name.startswith("_")])
def test_every_public_method_is_documented(name):
    assert name in names_of(PYTHON)
    assert MLArray.__dict__.get(name, getattr(MLArray, name)).__doc__


@pytest.mark.parametrize("name", [name for name in dir(schema.Meta()) if not name.startswith("_")])
def test_every_public_method_of_meta_is_documented(name):
    assert name in names_of(PYTHON) | names_of(SCHEMA)


@pytest.mark.parametrize("name", [name for name in mlarray.__all__ if name != "__version__"])
def test_every_exported_name_is_documented(name):
    assert name in names_of(PYTHON) | names_of(SCHEMA)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.__name__)
def test_the_reference_has_every_exported_name(package):
    """The page is filled by mkdocstrings. `schema.md` is the reference of meta, and `errors.md` of errors."""
    known = {(mlarray_core, "meta"), (mlarray_core, "errors")}
    for root, name in (name.rsplit(".", 1) for name in API):
        one = sys.modules[root]
        known |= {(other, name) for other in PACKAGES if other is one or same(one, other, name)}
    assert {name for name in package.__all__ if not name.startswith("__")} <= {
        name for where, name in known if where is package
    }


def same(one, other, name):
    """Return whether two packages mean one thing by a name."""
    return name in one.__all__ and name in other.__all__ and getattr(one, name) is getattr(other, name)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_field_is_documented(section):
    assert section is schema.Meta or f"`{section.__name__}`" in SCHEMA
    for field in dataclasses.fields(section):
        assert field.name in names_of(SCHEMA), field.name


@pytest.mark.parametrize("enum", [schema.AxisLabel, schema.CoordSystem])
def test_every_label_is_documented(enum):
    for member in enum:
        assert f"`{member.value}`" in SCHEMA


def test_the_examples_run(tmp_path, monkeypatch):
    pytest.importorskip("fsspec").filesystem("memory").store.clear()
    monkeypatch.chdir(tmp_path)
    scope = {"print": lambda *_: None}
    exec("from mlarray import MLArray, Meta", scope)
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), scope)
    assert MLArray("scan.mla").meta.source == {"modality": "CT", "reviewed": True}
    assert (MLArray("volume.mla")[39] == 39).all()
