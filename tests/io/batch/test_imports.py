"""What a conversion loads of what libraries need for their command lines, URLs and samples: nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

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
    pytest.importorskip("requests")
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
