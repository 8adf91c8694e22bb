"""Batches whose workers are none, for tests of what comes out of a batch rather than of its processes."""

from __future__ import annotations

import pickle

import pytest

from mlarray_io.batch.workers import Workers


@pytest.fixture
def here(monkeypatch):
    """Have jobs done in this process, work, jobs and answers pickled as those of workers are."""

    def run(workers, jobs):
        work = pickle.loads(pickle.dumps(workers._work))
        for job in jobs:
            yield job, pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(job)))))

    monkeypatch.setattr(Workers, "run", run)
