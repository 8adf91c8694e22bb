"""The compliance suite lets a good format pass and catches bad ones, each by the test made for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

GOOD = """
import json
import numpy as np
import pytest
from mlarray_core import errors
from mlarray_io.testing import FormatTests
from mlarray_io import Confidence
import mlarray_toy
from mlarray_toy import MAGIC, ToyFormat, ToyReader, encode

AFFINE = [[0, 0, 2.0, 1], [0, 3.0, 0, 2], [4.0, 0, 0, 3], [0, 0, 0, 1]]

class Careful(ToyFormat):
    def images(self, source, options, context):
        try:
            header = json.loads(source.path.read_bytes().split(b"\\n")[0][len(MAGIC):])
            need = 0
            for one in header["images"]:
                shape, dtype = one["shape"], np.dtype(one["dtype"])
                if not all(isinstance(size, int) and 0 < size < 100 for size in shape):
                    raise ValueError(shape)
                need += int(np.prod(shape)) * dtype.itemsize
            if source.path.read_bytes().index(b"\\n") + 1 + need > source.size:
                raise ValueError("too short")
            images = super().images(source, options, context)
            for image in images:
                ToyReader(source.path, int(image.key), options).close()
            return images
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, LookupError) as error:
            raise errors.CorruptError("damaged", path=source.path) from error

{change}

class TestToy(FormatTests):
    @pytest.fixture
    def format(self):
        return {name}()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        voxels = np.arange(60, dtype="i2").reshape(3, 4, 5)
        path = tmp_path_factory.mktemp("toys") / "sample.toy"
        path.write_bytes(encode({{"array": voxels, "affine": AFFINE}}))
        return [path]

    def reference(self, path, image):
        return np.arange(60, dtype="i2").reshape(3, 4, 5), np.array(AFFINE), None
"""

BAD = {
    "test_claims_nothing_else": "    def sniff(self, source):\n        return Confidence.PARSED",
    "test_knows_its_samples": "    def sniff(self, source):\n        return Confidence.NO",
    "test_sniffing_never_raises": (
        "    def sniff(self, source):\n        source.head[20]\n        return super().sniff(source)"
    ),
    "test_suffix_in_any_case": (
        "    def images(self, source, options, context):\n"
        "        if not source.name.endswith('.toy'):\n"
        "            raise errors.CorruptError('no toy')\n"
        "        return super().images(source, options, context)"
    ),
    "test_lists_images": (
        "    def images(self, source, options, context):\n"
        "        return 2 * super().images(source, options, context)"
    ),
    "test_boxes_equal_the_whole": (
        "    def open(self, *args):\n"
        "        reader = super().open(*args)\n"
        "        class Odd(type(reader)):\n"
        "            def __getitem__(self, box):\n"
        "                voxels = super().__getitem__(box)\n"
        "                return voxels + (box[0].start == 1)\n"
        "        reader.__class__ = Odd\n"
        "        return reader"
    ),
    "test_agrees_with_the_reference": (
        "    def open(self, *args):\n"
        "        reader = super().open(*args)\n"
        "        reader.meta.spatial.spacing = [1, 1, 1]\n"
        "        return reader"
    ),
    "test_metadata_before_voxels": (
        "    def open(self, *args):\n"
        "        reader = super().open(*args)\n"
        "        reader.meta.spatial.axis_labels = None\n"
        "        return reader"
    ),
    "test_cut_short": (
        "    def images(self, source, options, context):\n"
        "        source.path.read_bytes().split(b'images')[1]\n"
        "        return super().images(source, options, context)"
    ),
    "test_round_trip": (
        "    def write(self, reader, target, options, context):\n"
        "        super().write(reader, target, options, context)\n"
        "        content = target.read_bytes()\n"
        "        target.write_bytes(content[:-2] + b'xy')"
    ),
    "test_failing_source": (
        "    def write(self, reader, target, options, context):\n"
        "        try:\n"
        "            super().write(reader, target, options, context)\n"
        "        except Exception:\n"
        "            pass"
    ),
    "test_metadata_is_left_alone": (
        "    def write(self, reader, target, options, context):\n"
        "        super().write(reader, target, options, context)\n"
        "        reader.meta.source['seen'] = True"
    ),
    "test_describes_itself": "    name = 'My Toy'",
    "test_reading_changes_nothing": (
        "    def open(self, source, *args):\n"
        "        (source.path.parent / 'index').write_text('x')\n"
        "        return super().open(source, *args)"
    ),
}


@pytest.fixture
def suite(toy, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(change="", only=""):
        body = f"class Bad(Careful):\n{change}" if change else ""
        code = GOOD.format(change=body, name="Bad" if change else "Careful")
        pytester.makepyfile(test_toy=code)
        return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-W", "error", "-k", only)

    return run


def test_a_good_format_passes(suite):
    result = suite()
    result.assert_outcomes(passed=36)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_format_is_caught(suite, name):
    result = suite(BAD[name], name)
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) >= 1
    result.stdout.fnmatch_lines([f"FAILED *{name}*"])


def test_what_is_missing_without_pytest(tmp_path):
    (tmp_path / "pytest.py").write_text("raise ModuleNotFoundError('No module named pytest', name='pytest')")
    done = subprocess.run(
        [sys.executable, "-c", "import mlarray_io.testing"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the tests of formats need pytest. pip install 'mlarray[testing]'" in done.stderr
