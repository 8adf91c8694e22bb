"""A part of the moments at which the disk can fail; all of them: ``python -m tests.faults.harness``."""

from __future__ import annotations

import pytest

from tests.faults import harness
from tests.faults.write_paths import WAYS

pytestmark = pytest.mark.skipif(not harness.is_able(), reason="needs Linux and a C compiler")


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with harness.Worker(tmp_path_factory.mktemp("faults")) as worker:
        yield worker


@pytest.mark.parametrize("way", WAYS)
def test_a_failing_disk_leaves_the_old_file_or_the_new_one(worker, way):
    found = list(harness.moments(worker, way, every=9))
    assert len(found) >= 4
    assert [moment for moment in found if moment.verdict not in harness.GOOD] == []


def test_what_is_judged_is_noticed(tmp_path):
    """The judge knows a mix, a loss, a bare error and a false promise when it sees one."""
    ended, found = {"raised": None, "ours": True, "text": ""}, {"left": [], "state": "old", "again": "new"}
    judge = harness._verdict
    assert judge(ended, found, "old", "new") == "old"
    assert judge(ended, found | {"state": {"voxels": 1}}, "old", "new") == "mixed"
    assert judge(ended, found | {"again": "CorruptError"}, "old", "new") == "lost"
    assert judge({"raised": "OSError", "ours": False}, found, "old", "new") == "bare"
    unchanged = {"raised": "WriteError", "ours": True, "text": "The target is unchanged"}
    assert judge(unchanged, found | {"state": "new"}, "old", "new") == "false"
    assert judge(ended, found | {"left": [".a.tmp-1"]}, "old", "new") == "left"
    assert judge({"signal": 9}, found | {"left": [".a.tmp-1"]}, "old", "new") == "old"
