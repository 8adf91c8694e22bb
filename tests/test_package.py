"""What is built: the sdist holds the checkout, and a wheel made of the sdist holds every package."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[1]


def build(kind, source, target):
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    return next(target.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Return the folder that an sdist of the checkout unpacks to."""
    folder = tmp_path_factory.mktemp("package")
    with tarfile.open(build("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def sources(root, *folders):
    """Return the paths, relative to `root`, of the files below some of its folders."""
    return {
        str(path.relative_to(root))
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize(
    "folder", ["mlarray", "mlarray_core", "mlarray_io", "plugins", "tests", "docs", "benchmarks", "scripts"]
)
def test_the_sdist_holds_the_checkout(sdist, folder):
    assert sources(ROOT, folder) == sources(sdist, folder)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CITATION.cff",
        "LICENSE",
        "pyproject.toml",
    ],
)
def test_the_sdist_holds_the_pages_at_the_top(sdist, name):
    assert (sdist / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_wheel_of_the_sdist_holds_every_package(sdist, tmp_path):
    with zipfile.ZipFile(build("wheel", sdist, tmp_path)) as archive:
        built = {name for name in archive.namelist() if ".dist-info/" not in name}
    plugins = {name.removeprefix("plugins/") for name in sources(ROOT, "plugins")}
    assert built == sources(ROOT, "mlarray", "mlarray_core", "mlarray_io") | plugins


def test_the_conda_recipe_is_of_this_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    recipe = (ROOT / "packaging/conda/recipe.yaml").read_text("utf-8")
    assert f'version: "{project["version"]}"' in recipe
    for requirement in project["dependencies"]:
        name, least = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        assert re.search(rf"^    - (python-)?{name} >={re.escape(least)}$", recipe, re.MULTILINE), requirement
    for name, function in project["scripts"].items():
        assert f"      - {name} = {function}\n" in recipe
    assert recipe.count(f"    - python {project['requires-python']}\n") == 2
    extras = "".join(one for part in project["optional-dependencies"].values() for one in part).lower()
    for name, least in re.findall(
        r"^    - ([\w-]+) >=([\d.]+)$", recipe.split("run_constraints:")[1], re.MULTILINE
    ):
        assert f"{name}>={least}" in extras, name
    assert (ROOT / re.search(r"license_file: (\S+)", recipe)[1]).is_file()
