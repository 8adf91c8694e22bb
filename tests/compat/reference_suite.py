"""Run the public part of the reference's own test suite against this package.

    python -m pip download --no-deps --no-binary :all: mlarray==0.0.54   # or any copy of its sdist
    tar xf mlarray-0.0.54.tar.gz
    python -m tests.compat.reference_suite mlarray-0.0.54/tests

Prints how many tests passed, and fails when a test fails that `docs/reference-compatibility.md` doesn't name,
or when one passes that it names.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import unittest
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "reference-compatibility.md"
LEFT_OUT = ("test_cli.py",)
PRIVATE = re.compile(r"\._(?:store|support_metadata|write_metadata|comp_and_validate)\b|patch\(\"mlarray\.")


def differing() -> dict[str, str]:
    """Return the tests that the page names as different on purpose, and why."""
    rows = re.findall(r"^\| `(test_\w+\.\w+\.test_\w+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.M)
    return dict(rows)


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the single tests of a suite."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def is_private(test: unittest.TestCase) -> bool:
    """Whether a test looks at what isn't public."""
    return bool(PRIVATE.search(inspect.getsource(getattr(test, test.id().rpartition(".")[2], test.run))))


def lend_private_names() -> None:
    """Give the one private helper that a test module imports, so that its public tests can run."""
    import mlarray.meta

    mlarray.meta._meta_internal_write = unlocked  # type: ignore[attr-defined]


@contextmanager
def unlocked() -> Iterator[None]:
    """Let the reference's tests set what is read-only, as its `_meta_internal_write` does."""
    from mlarray_core.meta import schema
    from mlarray_core.meta.base import BaseMeta

    with (
        patch.object(BaseMeta, "_guard", lambda self, name: None),
        patch.object(BaseMeta, "_user_names", lambda self: list(self._names())),
        patch.object(schema, "_with_shape", lambda section, before: section),
    ):
        yield


def collect(folder: Path) -> tuple[unittest.TestSuite, int]:
    """Return the public tests of a folder, and how many were left out for being private."""
    sys.path.insert(0, str(folder))
    chosen, left_out = unittest.TestSuite(), 0
    for path in sorted(folder.glob("test_*.py")):
        if path.name in LEFT_OUT:
            continue
        for test in cases(unittest.defaultTestLoader.loadTestsFromName(path.stem)):
            if is_private(test):
                left_out += 1
            else:
                chosen.addTest(test)
    return chosen, left_out


def main() -> int:
    """Run the suite and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="the reference's tests")
    lend_private_names()
    suite, left_out = collect(parser.parse_args().folder)
    known = differing()
    result = unittest.TextTestRunner(verbosity=0, stream=sys.stdout).run(suite)
    failed = {test.id() for test, _ in [*result.failures, *result.errors]}
    ran = result.testsRun
    surprising = sorted(failed - known.keys())
    print(f"{ran - len(failed)} of {ran} tests of the reference pass; {left_out} private ones left out")
    for name in sorted(failed & known.keys()):
        print(f"  differs on purpose: {name}: {known[name]}")
    for name in surprising:
        print(f"  FAILS: {name}")
    gone = sorted(known.keys() - failed)
    for name in gone:
        print(f"  named as different, but passes or is gone: {name}")
    return 1 if surprising or gone or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
