"""Modules that lie in the current folder, beside sources or in the target are never imported.

A harmless marker module is planted under every name of the standard library and of the libraries that mlarray
uses; importing one writes its name into a file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlarray_io.batch.workers import Workers
from mlarray_io.commands.main import main
from mlarray_io.sdk.files.python_process import python_command, python_environment

DATA = Path(__file__).parents[1] / "data"
LIBRARIES = {
    "numpy",
    "blosc2",
    "nibabel",
    "pluggy",
    "click",
    "rich",
    "xxhash",
    "sitecustomize",
    "usercustomize",
}
NAMES = sorted(set(sys.stdlib_module_names) | LIBRARIES)
MARK = "import os\nwith open({where!r}, 'a') as file:\n    file.write(__name__ + '\\n')\n"


def plant(folder, marks):
    """Put the markers into a folder, as modules and, for a few names, as packages."""
    folder.mkdir(exist_ok=True, parents=True)
    for name in NAMES:
        (folder / f"{name}.py").write_text(MARK.format(where=str(marks)))
    for name in ("mlarray_io", "mlarray_core", "encodings", "json", "multiprocessing"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(MARK.format(where=str(marks)))
    return folder


@pytest.fixture
def planted(tmp_path):
    """Markers in the current folder, the sources' and the target's; returns these, and the file of marks."""
    marks = tmp_path / "marks.txt"
    here, source, target = (plant(tmp_path / name, marks) for name in ("here", "source", "target"))
    for folder in (source, target):
        np.save(folder / "a.npy", np.zeros((3, 4), "i2"))
    shutil.copy(DATA / "nibabel/tiny.mnc", source / "tiny.mnc")
    shutil.copy(DATA / "nifti/anatomical.nii", source / "b.nii")
    return here, source, target, marks


COMMANDS = {
    "convert one": ["convert", "{source}/a.npy", "{target}/a.mla"],
    "convert by a child": ["convert", "{source}/tiny.mnc", "{target}/tiny.mla"],
    "batch": ["convert", "{source}", "{target}", "--include", "*.n*", "--include", "*.mnc", "--jobs", "2"],
    "batch, verified": ["convert", "{source}", "{target}", "--include", "*.mnc", "--verify"],
    "dry run": ["convert", "{source}", "{target}", "--include", "*.npy", "--dry-run"],
    "scan": [
        "scan",
        "{source}",
        "--include",
        "*.n*",
        "--include",
        "*.mnc",
        "-o",
        "{target}/t.html",
        "--stats",
    ],
    "check-pairs": ["check-pairs", "{source}", "{target}", "--include", "*.npy"],
    "info": ["info", "{source}/tiny.mnc"],
    "formats": ["formats", "{source}/tiny.mnc"],
    "show": ["show", "{source}/tiny.mnc", "-o", "{target}/t.png"],
    "verify": ["verify", "{target}/made.mla"],
    "levels": ["levels", "{target}/made.mla", "--build", "1"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_imports_them(planted, name):
    here, source, target, marks = planted
    if "made.mla" in " ".join(COMMANDS[name]):
        assert main(["convert", str(source / "b.nii"), str(target / "made.mla"), "-q"]) == 0
    command = [argument.format(source=source, target=target) for argument in COMMANDS[name]]
    # as the script that pip installs starts: its own folder is on the path, the current one isn't
    started = [sys.executable, "-P", "-m", "mlarray", *command]
    # not `text=True`: a library of another test may have changed the locale of this process
    done = subprocess.run(started, cwd=here, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not marks.exists(), marks.read_text()


VARIABLES = {
    "PYTHONPATH": ["", os.pathsep, ".", f"{os.pathsep}/nowhere", "{here}", "{source}"],
    "PYTHONSTARTUP": ["{here}/json.py"],
    "PYTHONHOME": ["."],
    "PYTHONUSERBASE": ["."],
    "PYTHONWARNINGS": ["ignore::struct.Mark"],
    "PYTHONBREAKPOINT": ["struct.mark"],
    "PYTHONINSPECT": ["1"],
    "PYTHONPLATLIBDIR": ["."],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in VARIABLES.items() for value in values]
)
def test_no_variable_of_python_brings_them_into_a_process(planted, monkeypatch, name, value):
    here, source, target, marks = planted
    monkeypatch.chdir(here)
    monkeypatch.setenv(name, value.format(here=here, source=source))
    sources = [str(source / file) for file in ("a.npy", "tiny.mnc", "b.nii")]
    assert main(["convert", *sources, str(target), "--jobs", "2", "-q"]) == 0
    assert {path.name for path in target.glob("*.mla")} == {"a.mla", "tiny.mla", "b.mla"}
    assert not marks.exists(), marks.read_text()


@pytest.mark.parametrize("kind", ["list", "pattern"])
def test_folders_that_lists_and_patterns_name_are_on_no_path(planted, monkeypatch, kind):
    here, source, target, marks = planted
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", str(source))
    monkeypatch.setattr(sys, "path", [*sys.path, str(source)])
    (here / "list.txt").write_text(f"{source}/a.npy\n{source}/b.nii\n")
    given = "@list.txt" if kind == "list" else f"{source}/[ab].n*"
    assert main(["convert", given, str(target), "--jobs", "2", "-q"]) == 0
    assert {path.name for path in target.glob("*.mla")} == {"a.mla", "b.mla"}
    assert not marks.exists(), marks.read_text()


def test_a_process_gets_this_path_less_folders_of_data(tmp_path, monkeypatch):
    folders = {name: tmp_path / name for name in ("here", "source", "library", "installed")}
    for folder in folders.values():
        folder.mkdir()
    (folders["source"] / "deep").mkdir()
    (folders["library"] / "lists_its_path.py").write_text("import json, sys\nprint(json.dumps(sys.path))")
    with monkeypatch.context() as patch:
        patch.chdir(folders["here"])
        added = ["", ".", str(folders["here"]), str(folders["source"]), str(folders["source"] / "deep")]
        patch.setattr(sys, "path", [*added, str(folders["library"]), *sys.path])
        command = python_command("lists_its_path", [], [str(folders["source"] / "image.nii")])
    done = subprocess.run(
        command, cwd=folders["here"], env=python_environment(), capture_output=True, text=True, check=True
    )
    path = json.loads(done.stdout)
    assert path[0] == str(folders["library"])
    assert not set(path) & set(added)
    assert all(os.path.isabs(entry) for entry in path)


def test_an_installed_package_is_imported_wherever_one_stands(monkeypatch):
    """An editable install lies on the path by a ``.pth`` file: it stays there when one stands in it."""
    import mlarray_io

    monkeypatch.chdir(Path(mlarray_io.__file__).parents[1])
    pool = Workers(1, len, lambda job, code: code)
    assert list(pool.run(iter(["four"]))) == [("four", 4)]
