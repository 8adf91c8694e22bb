"""Settings of all tests, and what several of them need."""

import locale
import pickle

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_make_parametrize_id(val):
    """Name bytes by their number: compressed ones hold the time, and workers must agree on names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def own_locale():
    """Take back what a library made of the locale: it says how Python decodes the output of commands."""
    before = locale.setlocale(locale.LC_CTYPE)
    yield
    if locale.setlocale(locale.LC_CTYPE) != before:
        locale.setlocale(locale.LC_CTYPE, before)


@pytest.fixture
def here(monkeypatch):
    """Have jobs done in this process; work, jobs and answers are pickled all the same."""
    from mlarray_io.batch.workers import Workers

    def run(workers, jobs):
        work = pickle.loads(pickle.dumps(workers._work))
        for job in jobs:
            yield job, pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(job)))))

    monkeypatch.setattr(Workers, "run", run)
