"""The command ``verify``: checksums of `.mla` files compared with what the files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.checks.verifying import verify_all
from mlarray_io.printing.text import counted, say, strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.checks.verifying import Verdict


def run(sources: Sequence[str], *, reseal: bool, as_json: bool) -> bool:
    """Check files, and print what was found of each; return whether something is wrong with one.

    Parameters
    ----------
    sources
        Files, folders, patterns and lists.
    reseal
        Accept what files without a valid seal hold.
    as_json
        Print strict JSON, when all is checked.
    """
    verdicts = verify_all(sources, reseal=reseal)
    found = list(verdicts if as_json else _said(verdicts))
    wrong = sum(verdict.failed for verdict in found)
    if as_json:
        say(strict_json([verdict.plain() for verdict in found]))
    elif len(found) > 1:
        say(f"{counted(len(found), 'file')}, something is wrong with {wrong:,} of them")
    return bool(wrong)


def _said(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    """Print each verdict as soon as it is known."""
    for verdict in verdicts:
        say(str(verdict), err=verdict.failed)
        yield verdict
