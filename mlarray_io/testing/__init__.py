"""The compliance suite of formats: `FormatTests`, which needs pytest, and what its samples are."""

from __future__ import annotations

from mlarray_core.errors import MissingDependencyError

try:
    import pytest
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the tests of formats need pytest", hint="pip install 'mlarray[testing]'"
    ) from error

# before they are imported: what differs is shown as in a test's own file
pytest.register_assert_rewrite("mlarray_io.testing.format_tests", "mlarray_io.testing.specimens")

from mlarray_io.testing.format_tests import OTHERS, FormatTests, Reference  # noqa: E402

__all__ = ["OTHERS", "FormatTests", "Reference"]
