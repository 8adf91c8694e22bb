"""A part of the moments at which the disk can fail; all of them: ``python -m tests.faults.harness``."""

from __future__ import annotations

import pytest

from mlarray_io.engine.registry import installed
from tests.faults import format_paths, harness
from tests.faults.harness import Versions, verdict
from tests.faults.ways import GROUPS

needs_shim = pytest.mark.skipif(not harness.is_able(), reason="needs Linux and a C compiler")
SOME = {
    "core": (15, list(GROUPS["core"])),
    "formats": (100, [
        "hdf5 .h5 over", "metaimage .mha", "metaimage .mhd over", "mgh .mgz over", "mrc .mrc",
        "nifti .nii.gz", "nifti .hdr over", "nrrd .nhdr over", "nrrd .nrrd",
        "numpy .npz over", "pictures .pngs over", "tiff .ome.tif over", "zarr .zarr over", "zarr .zarr.zip",
    ]),
    "batches": (40, ["batch, resumed", "regions over"]),
    "uploads": (100, ["server, pair over", "store, header over", "server, folder over"]),
}  # fmt: skip
"""Which ways are tried by default, at every so many moments."""
CHOSEN = [(way, every) for every, ways in SOME.values() for way in ways]


@pytest.fixture(scope="module")
def worker():
    with harness.scratch() as folder, harness.Worker(folder) as worker:
        yield worker


@needs_shim
@pytest.mark.parametrize(("way", "every"), CHOSEN, ids=[way for way, _ in CHOSEN])
def test_a_failing_disk_leaves_the_old_file_or_the_new_one(worker, way, every):
    found = list(harness.moments(worker, way, every))
    assert {moment.fault for moment in found} == set(harness.FAULTS)
    assert [moment for moment in found if moment.verdict not in harness.GOOD] == []


def test_every_suffix_that_is_written_is_tried():
    written = {
        f"{format.name} {suffix}" for format in installed().formats for suffix in format.written_suffixes
    }
    assert {name for name in written if not name.startswith("mla ")} <= set(format_paths.WAYS)
    assert {way for way, _ in CHOSEN} <= {way for group in GROUPS.values() for way in group}


def test_what_is_judged_is_noticed():
    """The judge knows a mix, a loss, a bare error and a false promise when it sees one."""
    ended = {"raised": "WriteError", "ours": True, "text": ""}
    found = {"left": [], "state": {"v": 1}, "again": {"v": 2}, "files": ["a"]}
    versions = Versions({"v": 1}, {"v": 2}, False, ["a"], [])
    assert verdict(ended, found, versions) == "old"
    assert verdict(ended, found | {"state": {"v": 2}}, versions) == "new"
    assert verdict(ended, found | {"state": "CorruptError: short"}, versions) == "clear"
    assert verdict({"signal": 9}, found | {"state": None}, versions) == "clear"
    assert verdict(ended, found | {"state": {"v": 3}}, versions) == "mixed"
    assert verdict(ended, found | {"again": "CorruptError"}, versions) == "lost"
    assert verdict(ended | {"raised": "OSError", "ours": False}, found, versions) == "bare"
    unchanged = ended | {"text": "The target is unchanged"}
    assert verdict(unchanged, found | {"state": {"v": 2}}, versions) == "false"
    same = versions._replace(old=versions.new)
    assert verdict(unchanged, found | {"state": {"v": 2}}, same) == "new"
    assert verdict(ended | {"raised": None}, found, versions) == "silent"
    assert verdict({"signal": 11, "died": True}, found, versions) == "died"
    assert verdict(ended, found | {"left": [".a.tmp-1"]}, versions) == "left"
    assert verdict(ended, found | {"files": ["a", "a.raw"]}, versions) == "left"
    assert verdict({"signal": 9}, found | {"left": [".a.tmp-1"]}, versions) == "old"


def test_images_of_a_batch_are_judged_one_by_one():
    versions = Versions({"a": None, "b": None}, {"a": {"v": 1}, "b": {"v": 2}}, True, [], [])
    found = {"left": [], "again": versions.new, "files": []}
    failed = {"raised": "WriteError", "ours": True, "text": ""}
    assert verdict(failed, found | {"state": {"a": {"v": 1}, "b": None}}, versions) == "clear"
    assert verdict(failed, found | {"state": {"a": {"v": 9}, "b": None}}, versions) == "mixed"
    assert (
        verdict(failed | {"raised": None}, found | {"state": {"a": {"v": 1}, "b": None}}, versions)
        == "silent"
    )
