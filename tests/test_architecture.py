"""The dependency rule, and what starting up may import: both read from the code, so that neither erodes."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mlarray
from tests import house

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists())
OURS = {"mlarray", "mlarray_core", "mlarray_io", *PLUGINS}
CORE = {"numpy", "blosc2", "xxhash", "fsspec", "obstore"}
OPTIONAL = {"fsspec", "aiohttp", "isal", "distributed", "pyarrow"}
"""Imported inside functions only, and done without where they aren't installed."""
EXCHANGE = {"nibabel", "SimpleITK", "torch", "dask", "ipyniivue"}
"""Whose images `mlarray_core.exchange` makes, where they are installed."""
ADAPTERS = {
    "torch": {"torch"},
    "monai.py": {"monai"},
    "torchio.py": {"torch", "torchio"},
    "nnunet": {"nnunetv2", "batchgenerators", "click"},
    "xarray.py": {"xarray"},
    "bioio.py": {"bioio_base", "fsspec", "xarray"},
    "napari": {"napari"},
    "kept.py": set(),
}
"""Modules and folders of the facade that have logic: each serves one library, and imports no other."""
TYPES = {"typing_extensions"}
"""For type checkers only: nothing imports them at run time."""
HOST = {"numpy", "xxhash", "pluggy", "click", "rich", "PIL", "mlarray_core", *OPTIONAL} - {"fsspec"}
HEAVY = {"numpy", "blosc2", "rich", "importlib.metadata", "pluggy", "nibabel", "asyncio", "ssl", "email"}


ENFORCED = ("circle", "wings", "crowded", "offset", "plan_layout", "any", "documented", "architecture")


@pytest.mark.parametrize("rule", ENFORCED)
def test_the_house_is_in_order(rule):
    breaches = [str(breach) for breach in house.RULES[rule](ROOT)]
    assert not breaches, "\n".join(["", *breaches])


def imports(path):
    """Yield (module, name) for every import of a file, those inside functions and for types included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((node.module or "", alias.name) for alias in node.names)


def files(package):
    folder = ROOT / package if (ROOT / package).exists() else ROOT / "plugins" / package
    return sorted(folder.rglob("*.py"))


def strangers(package):
    """Return what the package imports from outside of itself and the standard library, with a place."""
    found = {}
    for path in files(package):
        for module, name in imports(path):
            top = module.split(".")[0]
            if top != package and top not in sys.stdlib_module_names:
                found.setdefault((module, name), path.name)
    return found


def test_core_stands_alone():
    used = strangers("mlarray_core")
    tops = {module.split(".")[0] for module, _ in used}
    assert tops <= CORE | EXCHANGE
    homes = {place for (module, _), place in used.items() if module.split(".")[0] in EXCHANGE}
    assert homes <= {
        "exchange.py",
        "nibabel_images.py",
        "sitk_images.py",
        "torch_tensors.py",
        "dask_arrays.py",
        "niivue_widget.py",
    }


@pytest.mark.parametrize("package", ["mlarray_core", "mlarray_io"])
def test_optional_libraries_are_imported_inside_functions(package):
    for path in files(package):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
            tops = {name.split(".")[0] for name in [*names, getattr(node, "module", None) or ""]}
            assert not (isinstance(node, ast.Import | ast.ImportFrom) and tops & (OPTIONAL | EXCHANGE)), path


def test_only_core_knows_blosc2():
    for package in OURS - {"mlarray_core"}:
        assert "blosc2" not in {module.split(".")[0] for module, _ in strangers(package)}, package


def test_the_host_imports_core_and_its_libraries():
    used = strangers("mlarray_io")
    testing = {key for key in used if key[0] == "pytest"}
    assert set(map(used.get, testing)) <= {"format_tests.py", "__init__.py"}  # of mlarray_io.testing
    assert {module.split(".")[0] for module, _ in used.keys() - testing} <= HOST | TYPES


def test_what_only_type_checkers_need_is_not_imported():
    """Types: its default for a type variable is read by checkers, and may be missing where mlarray runs."""
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in sorted(TYPES))
    assert "mlarray_io.mla" in loaded_by(f"{blocked}import mlarray_io.mla")


def test_the_facade_has_no_logic():
    for path in facade():
        if adapter_of(path) is None:
            parsed = ast.parse(path.read_text(encoding="utf-8"))
            assert not [node.name for node in ast.walk(parsed) if isinstance(node, ast.ClassDef)], path
            assert tops(path) <= {"mlarray", "mlarray_core", "mlarray_io"}, path


def test_an_adapter_imports_one_library_and_only_users_import_it():
    shared = {"kept.py"}
    names = {f"mlarray.{name.removesuffix('.py')}": name for name in ADAPTERS.keys() - shared}
    for path in facade():
        own = adapter_of(path)
        if own is not None:
            assert tops(path) <= ADAPTERS[own] | {"numpy", "mlarray", "mlarray_core", "mlarray_io"}, path
        for module, name in imports(path):
            used = {".".join(dotted.split(".")[:2]) for dotted in (module, f"{module}.{name}")}
            assert {names[one] for one in used & names.keys()} <= {own}, path


def facade():
    return sorted((ROOT / "mlarray").rglob("*.py"))


def adapter_of(path):
    """Return the name of the adapter that a file of the facade belongs to, if any."""
    first = path.relative_to(ROOT / "mlarray").parts[0]
    return first if first in ADAPTERS else None


def tops(path):
    found = {module.split(".")[0] for module, _ in imports(path)}
    return {top for top in found if top not in sys.stdlib_module_names}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_import_what_is_exported_and_never_one_another(plugin):
    exported = {
        package: set(_all(ROOT / package.replace(".", "/") / "__init__.py"))
        for package in ("mlarray_core", "mlarray_io", "mlarray_io.sdk")
    }
    for (module, name), place in strangers(plugin).items():
        top = module.split(".")[0]
        assert top not in OURS - set(exported), f"{plugin}/{place} imports {module}"
        if top == "mlarray_core" and module.count(".") == 1:
            assert module.split(".")[1] in exported[top], f"{plugin}/{place} imports {module}"
        elif top in exported:
            assert module in exported, f"{plugin}/{place} imports {module}"
            assert name in exported[module], f"{plugin}/{place} imports {name} from {module}"


def test_the_interface_and_its_helpers_are_two_lists_that_load():
    interface, helpers = (
        _all(ROOT / package / "__init__.py") for package in ("mlarray_io", "mlarray_io/sdk")
    )
    assert len(interface) == 12
    assert not set(interface) & set(helpers)
    for package, names in (("mlarray_io", interface), ("mlarray_io.sdk", helpers)):
        module = importlib.import_module(package)
        assert dir(module) == sorted(names)
        for name in names:
            assert getattr(module, name) is not None


@pytest.mark.parametrize("package", sorted(OURS - {"mlarray"}))
def test_nothing_imports_the_facade(package):
    assert "mlarray" not in {module.split(".")[0] for module, _ in strangers(package)}


def test_every_plugin_is_packaged():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = set(project["project"]["entry-points"]["mlarray"].values())
    assert points == {"mlarray_io.mla", *PLUGINS}
    assert set(PLUGINS) <= set(project["tool"]["mypy"]["packages"])


def loaded_by(code):
    """Return the modules that a fresh interpreter loads for `code` beyond its start."""
    report = f"import sys, json; before = set(sys.modules)\n{code}\n"
    report += "print('\\n' + json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments):
    return f"from mlarray_io.commands.main import main\nassert main({[str(a) for a in arguments]!r}) == 0"


STARTED = {
    "mlarray_io",
    "mlarray_io.commands",
    "mlarray_io.commands.main",
    "mlarray_io.commands.overview",
    "mlarray_core",
    "mlarray_core.errors",
}
PARSERS = ("checks", "conversion", "metadata", "options", "pictures")
PARSED = STARTED | {
    "mlarray_io.commands.cli",
    "mlarray_io.commands.help",
    "mlarray_io.commands.parser",
    *(f"mlarray_io.commands.parser.{name}" for name in PARSERS),
}


@pytest.mark.parametrize(
    ("arguments", "ours", "most"), [(["--help"], STARTED, 40), (["convert", "--help"], PARSED, 100)]
)
def test_help_loads_next_to_nothing(arguments, ours, most):
    loaded = loaded_by(command(*arguments))
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.split(".")[0] in OURS} == ours
    assert len(loaded) < most, sorted(loaded)


@pytest.mark.parametrize("name", ["mlarray", "mlarray_core", "mlarray_io"])
def test_importing_a_package_loads_next_to_nothing(name):
    assert len(loaded_by(f"import {name}")) < 15


def test_every_facade_name_loads():
    for name in mlarray.__all__:
        assert getattr(mlarray, name) is not None
    assert set(dir(mlarray)) == set(mlarray.__all__)


def test_metadata_is_shown_without_numpy(tmp_path):
    mlarray.MLArray(np.eye(2), spacing=[1, 2]).save(tmp_path / "a.mla")
    loaded = loaded_by(command("info", tmp_path / "a.mla"))
    assert not loaded & {"numpy", "blosc2", "pluggy", "click", "rich", "importlib.metadata"}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_load_without_their_library(plugin):
    loaded = loaded_by(f"import {plugin}; {plugin}.mlarray_formats()")
    assert not loaded & {
        "numpy",
        "blosc2",
        "nibabel",
        "nrrd",
        "pydicom",
        "tifffile",
        "SimpleITK",
        "h5py",
        "zarr",
    }


def test_the_guest_loads_without_numpy(tmp_path):
    text = (ROOT / "mlarray_io/template/mlarray_acme.py.txt").read_text(encoding="utf-8")
    (tmp_path / "mlarray_acme.py").write_text(text, encoding="utf-8")
    loaded = loaded_by(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mlarray_acme")
    assert "mlarray_acme" in loaded
    assert "numpy" not in loaded


def _all(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path} has no __all__")
