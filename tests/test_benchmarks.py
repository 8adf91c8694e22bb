"""The benchmarks' command goes on behind whatever fails, and says what is absent."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import absent, cores, cost, measure, microscopes, report, series
from benchmarks.commands import child

PEERS = '''
"""Stands beside the server's script in place of the real list of libraries."""
import importlib


class Peer:
    suffix = ""

    def open(self, path):
        importlib.import_module("a_library_that_is_missing")


def remove(path): ...


PEERS = {"gone": Peer()}
'''


@pytest.fixture
def asked(tmp_path):
    return argparse.Namespace(only=None, reference=Path(sys.executable), docs=tmp_path / "docs", quick=True)


@pytest.fixture
def plan():
    return measure.Plan(True, 2, ["ct"])


def test_a_part_that_fails_ends_no_other(tmp_path, monkeypatch, asked, plan):
    def broken(folder, reference, plan):
        raise OSError("no room\nleft | here")

    def partly(folder, reference, plan):
        with absent.noting(plan.absent, "a peer"):
            raise absent.PeerError("isn't installed")
        return {"Zarr to .mla": {"rss": 1e8, "wall": 1, "cpu": 1}}

    monkeypatch.setattr(command, "PARTS", {"remote": broken, "memory": partly})
    assert command.run(tmp_path, asked, plan) == 1
    page = (asked.docs / "benchmarks.md").read_text(encoding="utf-8")
    assert "| remote | everything | OSError: no room left / here |" in page
    assert "| memory | a peer | isn't installed |" in page
    assert "| memory, Zarr to .mla, to 200 MB | 0.50 | <= 1 | pass |" in page
    monkeypatch.setattr(command, "PARTS", {"remote": lambda *_: {}, "memory": lambda *_: {}})
    assert command.run(tmp_path, asked, plan) == 0
    assert "## Not measured" not in (asked.docs / "benchmarks.md").read_text(encoding="utf-8")


def test_what_an_earlier_run_measured_is_not_kept_for_a_part_that_fails(tmp_path, monkeypatch, asked, plan):
    (tmp_path / "results.json").write_text(json.dumps({"start": {"old": [1]}, "first": {"old": [1]}}))
    monkeypatch.setattr(command, "PARTS", {"start": lambda *_: 1 / 0, "first": lambda *_: 1 / 0})
    monkeypatch.setattr(report, "write", lambda results, docs, quick: seen.update(results))
    seen, asked.only = {}, "start"
    assert command.run(tmp_path, asked, plan) == 1
    assert seen["first"] == {"old": [1]}
    assert "start" not in seen
    assert list(seen["absent"]) == ["start"]


def test_a_library_that_is_missing_is_told_by_its_process(tmp_path):
    script = Path(measure.__file__).with_name("server.py").read_text(encoding="utf-8")
    (tmp_path / "server.py").write_text(script, encoding="utf-8")
    (tmp_path / "peers.py").write_text(PEERS, encoding="utf-8")
    client = measure.Client(sys.executable, "gone", tmp_path, tmp_path / "server.py")
    with pytest.raises(absent.PeerError, match="ModuleNotFoundError: No module named 'a_library"):
        client.ask("first", image="ct", profile="default", count=1)
    assert "Python" in client.ask("versions", names=[])
    client.process.kill()
    with pytest.raises(absent.PeerError, match="ended early"):
        client.ask("versions", names=[])
    client.close()


def test_a_command_that_fails_or_is_missing_says_why():
    with pytest.raises(absent.PeerError, match="no-such-program is not installed"):
        child(["no-such-program"])
    with pytest.raises(absent.PeerError, match="exit code 1: ValueError: what happened"):
        child([sys.executable, "-c", "raise ValueError('what happened')"])
    assert child([sys.executable, "-c", "pass"]).keys() == {"cpu", "wall", "rss"}


def test_large_files_of_microscopes(tmp_path, monkeypatch, plan):
    """Both ways give the same voxels; a library that is missing is told, and nothing is left behind."""
    pytest.importorskip("liffile")
    stands_in = {"czi": ("a_library_that_is_missing", None, ""), "lif": microscopes.FORMATS["lif"]}
    monkeypatch.setattr(microscopes, "FORMATS", stands_in)
    monkeypatch.setattr(microscopes, "MOST_TURNS", 1)
    # this package stands in for the reference, which has the same interface
    small = stands_in["lif"][1]
    stands_in["lif"] = ("liffile", lambda path, gigabytes: small(path, 0.02), microscopes.LIF)
    results = {"microscopes": microscopes.microscopes(tmp_path, Path(sys.executable), plan)}
    assert list(results["microscopes"]) == ["lif"]
    assert "a_library_that_is_missing" in plan.absent["czi"]
    assert list(tmp_path.iterdir()) == []
    time, memory = microscopes.verdicts(results)
    assert (time.bound, memory.bound) == (1, 1)
    assert time.value > 0
    assert "| lif, reference |" in microscopes.section(results)
    assert microscopes.section({}) == ""


def test_voxels_of_a_series_are_compared_whichever_way_the_axes_run(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    from mlarray import MLArray

    voxels = np.random.default_rng(0).integers(-1024, 3000, (3, 4, 5)).astype(np.int16)
    made = {series.MLA: tmp_path / "ours.mla", series.ITK: tmp_path / "theirs.mla"}
    made |= {series.NII: tmp_path / "ours.nii", series.NIIX: tmp_path / "x.nii"}
    MLArray(voxels).save(made[series.MLA])
    MLArray(voxels).save(made[series.ITK])
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.diag([-1.0, -1, 1, 1])), made[series.NII])
    nibabel.save(nibabel.Nifti1Image(voxels.T[:, ::-1], np.diag([-1.0, 1, 1, 1])), made[series.NIIX])
    series._compare(made, "raw")
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.diag([-1.0, 1, 1, 1])), made[series.NIIX])
    with pytest.raises(RuntimeError, match=r"ours, .nii and dcm2niix hold different voxels"):
        series._compare(made, "raw")
    MLArray(voxels + np.int16(1)).save(made[series.ITK])
    with pytest.raises(RuntimeError, match=r"ours, .mla and SimpleITK"):
        series._compare(made, "raw")


def test_two_cores_are_measured_on_one_core_each_and_on_both(tmp_path, monkeypatch):
    if len(cores.os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine gives one core")
    np.save(tmp_path / "mr.npy", np.arange(32**3, dtype=np.float32).reshape(32, 32, 32))
    monkeypatch.setattr(cores, "PROFILES", ("fast",))
    found = cores.cores(tmp_path, Path(sys.executable), measure.Plan(True, 2, ["mr"]))
    assert {way: len(times) for way, times in found["mr"]["fast"].items()} == {"one": 2, "two": 2, "apart": 2}
    known = {"cores": {"mr": {"fast": {"one": [4.0, 3.0], "two": [2.0, 1.5], "apart": [3.2, 4.0]}}}}
    assert [(one.what, one.value, one.passed) for one in cores.verdicts(known)] == [
        ("write mr, fast, two cores to one", 2.0, True)
    ]
    assert "| mr | fast | 3.000 | 1.500 | 2.00 | 1.88 |" in cores.section(known)


PAGE = """# Benchmarks

| image | shape | dtype | raw |
| --- | --- | --- | --- |
| ct | 400 x 512 x 512 | int16 | 200 MB |

## Writing an array in memory, and size

| ct | write speed | size |  |
| --- | --- | --- | --- |
| reference | 1.00 (1.00) | 1.000 | 100.0 MB |
| ours | 1.37 (2.22) | 0.5 | 50.0 MB |

## Converting .nii.gz, int16 512 x 512 x 400; large: 1024 x 1024 x 800

|  | processor, s | clock, s | peak memory |
| --- | --- | --- | --- |
| ours | 2.0971520 | 1.67 | 148 MB |

## Over a network: 30 ms for each request

| | open, ms | requests | patch, ms | requests | each of 100, ms |
|---|---|---|---|---|---|
| ours | 1 | 2 | 38 | 7.5 | 6 |

## DICOM: a CT of 400 slices of 512 x 512

| | way | clock, s | processor, s | peak memory |
|---|---|---|---|---|
| rle | SimpleITK and the reference | 1 | 9 | 1 MB |
| rle | ours, .mla | 1 | 4.1943040 | 1 MB |

## Memory of large conversions, int16 of 5 GB

| | clock, s | processor, s | peak memory |
|---|---|---|---|
| Zarr to .mla | 9 | 48.31838208 | 1 MB |
| .mla to OME-Zarr | 9 | 1 | 1 MB |
"""


def test_what_a_hundred_terabytes_cost_is_derived_from_the_figures():
    assert cost.rates(PAGE) == pytest.approx({".nii.gz": 1e8, "DICOM, RLE": 5e7, "Zarr": 1e8})
    assert cost.shares(PAGE) == {"ct": 0.25}
    assert [cost.uploads(size) for size in (1, 16 << 20, (16 << 20) + 1, 160 << 20)] == [1, 1, 4, 12]
    said = cost.section(PAGE)
    assert "| DICOM, RLE | 50 MB | 556 | 0.54 |" in said  # 100e12 / 50e6 / 3600, and that / 1024
    assert "| ct | 25.0 TB | 575 $ | 2.9 million | 14 $ |" in said  # 476,837 objects of 4 parts
    assert "take 7.5 million requests: 3.00 $" in said


def test_the_page_on_scale_says_what_the_benchmarks_give(tmp_path):
    docs = Path(__file__).parents[1] / "docs"
    page = (docs / "benchmarks.md").read_text(encoding="utf-8")
    assert cost.rates(page)
    assert set(cost.shares(page)) == set(cost.IMAGES)
    assert cost.section(page) in (docs / "scale.md").read_text(encoding="utf-8")
    for name in ("benchmarks.md", "scale.md"):
        (tmp_path / name).write_bytes((docs / name).read_bytes())
    cost.write(tmp_path)
    assert (tmp_path / "scale.md").read_text(encoding="utf-8") == (docs / "scale.md").read_text(
        encoding="utf-8"
    )
