"""Scores a reader of `.mla` against the kit: `python -m conformance.score COMMAND...`."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CASES = Path(__file__).parent / "cases"
SECTIONS = ("source", "extra", "spatial", "stats", "bbox", "is_seg")
"""Of the metadata, those that are compared; the others are a matter of the program that writes."""
_COUNTED = ("_num_spatial_axes", "_num_non_spatial_axes", "shape")
_SINGLE = {"source": "data", "extra": "data", "is_seg": "is_seg"}
_SECONDS = 60
_CLOSE = 1e-9


@dataclass(frozen=True)
class Result:
    """How a reader did on one file.

    Attributes
    ----------
    name
        Of the file.
    kind
        The class that asks for it: ``basic`` or ``sealed``.
    faults
        What was wrong; nothing for a file that was read, or refused, as it should be.
    """

    name: str
    kind: str
    faults: tuple[str, ...]


def score(command: Sequence[str], folder: Path = CASES) -> Iterator[Result]:
    """Run a reader on each file of a folder, and say how it did.

    Parameters
    ----------
    command
        The reader; the file and the indices of some voxels, as ``i,j,k``, are added. It prints JSON as
        README.md says, or prints why not and exits with another code than 0.
    folder
        With files, and beside each a JSON file of what it holds.
    """
    for note in sorted(folder.glob("*.json")):
        holds = json.loads(note.read_text("utf-8"))
        indices = [",".join(map(str, point["index"])) for point in holds.get("points", ())]
        run = subprocess.run(
            [*command, str(note.with_suffix(".mla")), *indices],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        yield Result(note.stem, holds["class"], tuple(faults(holds, run)))


def faults(holds: dict[str, Any], run: subprocess.CompletedProcess[bytes]) -> Iterator[str]:
    """Yield what a run of a reader got wrong.

    Parameters
    ----------
    holds
        What the file holds.
    run
        Of the reader on it, with what was printed.
    """
    if "refuse" in holds:
        if run.returncode == 0:
            yield f"was read, though {holds['refuse']}"
        elif run.returncode < 0:
            yield f"the reader was ended by signal {-run.returncode}"
        return
    if run.returncode:
        last = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        yield f"was refused: {''.join(last)[:200]}"
        return
    try:
        said = json.loads(run.stdout)
    except ValueError:
        yield "what was printed is no JSON"
        return
    for part in ("shape", "dtype", "crc32"):
        if said.get(part) != holds.get(part):
            yield f"{part} is {said.get(part)}, not {holds.get(part)}"
    for part in ("affine", "points"):
        if not alike(said.get(part, []), holds.get(part, [])):
            yield f"{part} differ"
    for name in SECTIONS:
        if not alike(section(said.get("meta", {}), name), section(holds["meta"], name)):
            yield f"meta.{name} differs"


def section(meta: dict[str, Any], name: str) -> Any:
    """Return a section of the metadata as it is compared: unset fields left out, single values bare."""
    value = meta.get(name)
    single = _SINGLE.get(name)
    if single is not None and isinstance(value, dict) and value.keys() == {single}:
        value = value[single]
    if isinstance(value, dict) and single is None:
        value = {key: item for key, item in value.items() if item is not None and key not in _COUNTED}
    return value or None


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same: numbers by value, NaN like NaN, to nine digits."""
    if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, (int, float, list, dict)):
        return type(one) is type(other) and bool(one == other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(alike(one[k], other[k]) for k in one)
        )
    if not isinstance(other, (int, float)):
        return False
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE) or (math.isnan(one) and math.isnan(other))


def report(results: Sequence[Result]) -> str:
    """Return a score for each class, and every fault, as text."""
    lines = []
    for kind in sorted({result.kind for result in results}):
        asked = [result for result in results if result.kind == kind]
        right = sum(not result.faults for result in asked)
        lines.append(f"{kind}: {right} of {len(asked)} files ({100 * right / len(asked):.0f} %)")
    lines += [f"  {result.name}: {'; '.join(result.faults)}" for result in results if result.faults]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the reader that the command line names; return how the process ends."""
    parser = argparse.ArgumentParser(prog="python -m conformance.score", description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES, help="another folder of files")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the reader, with what it is started by")
    given = parser.parse_args(arguments)
    if not given.command:
        parser.error("name the reader, such as: python conformance/readers/ours.py")
    results = list(score(given.command, given.cases))
    print(report(results))
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main())
