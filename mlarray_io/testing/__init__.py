"""The compliance suite of formats: `FormatTests`, which needs pytest, and what its samples are."""

from __future__ import annotations

from mlarray_io.testing.format_tests import OTHERS, FormatTests, Reference

__all__ = ["OTHERS", "FormatTests", "Reference"]
