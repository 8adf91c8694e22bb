"""What ships with the page: the viewers as they were published, their licences, nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import mlarray_io.viewer

PAGE = Path(mlarray_io.viewer.__file__).parent / "page"
ASSETS = PAGE / "assets"


def test_the_viewers_are_those_that_scripts_viewer_assets_fetches():
    script = (Path(__file__).parents[2] / "scripts" / "viewer-assets").read_text(encoding="utf-8")
    first, second, *sums = (ASSETS / "VERSIONS").read_text(encoding="utf-8").splitlines()
    for line in (first, second):
        assert "=".join(line.split()) in script
    assert [line.split()[1] for line in sums] == ["niivue.umd.js", "openseadragon.min.js"]
    for line in sums:
        checksum, name = line.split()
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == checksum


def test_licences_of_all_that_is_shipped_are_shipped():
    text = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    assert (ASSETS / "niivue-LICENSE").read_text(encoding="utf-8") in text
    assert "Neither the name of CodePlex Foundation" in text  # OpenSeadragon's
    for package in (
        "gl-matrix",
        "nifti-reader-js",
        "fflate",
        "zarrita",
        "numcodecs",
        "@ungap/structured-clone",
    ):
        assert f"\n{package}\n" in text


@pytest.mark.parametrize("name", [path.name for path in sorted(PAGE.iterdir()) if path.is_file()])
def test_the_page_names_no_address_of_elsewhere_and_writes_no_markup(name):
    text = (PAGE / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]+\.[a-z]", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| style=| on[a-z]+=", text
    )
