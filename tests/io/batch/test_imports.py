"""What a conversion loads of what libraries need for their command lines, URLs and samples: nothing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from threading import Barrier

import numpy as np
import pytest

from mlarray_io.batch import imports

SCRIPT = """
import sys
from mlarray_io.commands.main import main
assert main(sys.argv[1:]) == 0
import blosc2, httpx
assert callable(httpx.main) and httpx.Client
print(sorted({"httpx._main", "pygments", "rich"} & {name for name, module in sys.modules.items() if module}))
"""


def test_a_conversion_loads_no_command_line_of_httpx(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(24).reshape(2, 3, 4))
    command = [sys.executable, "-c", SCRIPT, "convert", "-q", tmp_path / "a.npy", tmp_path / "a.mla"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


LATER = """
import sys
from mlarray_io.commands.main import main
assert main(sys.argv[1:]) == 0
print([name for name in ("httpx._client", "requests.api") if name in sys.modules])
import pydicom.data.download, blosc2.remote_ctable
print([callable(one) for one in (blosc2.remote_ctable.httpx.Client, pydicom.data.download.requests.get)])
print([name for name in ("httpx._client", "requests.api") if name in sys.modules])
print(pydicom.data.download.HAVE_REQUESTS, bool(pydicom.examples.get_path("ct")))
"""


def test_what_libraries_need_for_urls_and_samples_is_loaded_when_it_is_used(tmp_path):
    try:
        version("requests")  # an import of it finds the folder of tests that is called so
    except PackageNotFoundError:
        pytest.skip("needs requests")
    pydicom = pytest.importorskip("pydicom")
    source = pydicom.data.get_testdata_file("CT_small.dcm")
    command = [sys.executable, "-c", LATER, "convert", "-q", source, tmp_path / "a.mla"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["[]", "[True, True]", "['httpx._client', 'requests.api']", "True True"]


def test_a_module_that_is_not_installed_is_not_there(monkeypatch):
    monkeypatch.setattr(imports, "LATER", frozenset({"no_such_module_at_all"}))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    imports.put_off_imports()
    imports.put_off_imports()
    assert sys.meta_path.count(imports._later) == 1
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        import_module("no_such_module_at_all")


@pytest.fixture
def later(tmp_path, monkeypatch):
    """Return what writes a package that is loaded later and forgotten in the end, and says its name."""
    name = "package_of_this_test"
    monkeypatch.setattr(imports, "LATER", frozenset({name}))
    monkeypatch.setattr(sys, "meta_path", [imports._later, *sys.meta_path])
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str, part: str = "") -> str:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
        (tmp_path / name / "part.py").write_text(part)
        return name

    yield write
    for one in [one for one in sys.modules if one.split(".")[0] == name]:
        del sys.modules[one]


def test_threads_that_use_a_module_at_once_all_find_it_whole(later):
    package = import_module(
        later("import time\ntime.sleep(0.1)\nfrom package_of_this_test.part import value", "value = 3")
    )
    assert "value" not in vars(package)
    begin = Barrier(4)

    def use(number: int) -> int:
        begin.wait()
        return (import_module("package_of_this_test") if number % 2 else package).value

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(use, range(4))) == [3] * 4


def test_a_package_is_loaded_before_a_part_of_it(later):
    package = import_module(later("value = 1", "from package_of_this_test import value\nvalue += 1"))
    assert import_module("package_of_this_test.part").value == 2
    assert package.value == 1
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = package.other


def test_a_module_that_fails_says_so_each_time(later):
    package = import_module(later("import no_such_module_at_all"))
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
            _ = package.value
