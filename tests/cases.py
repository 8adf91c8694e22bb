"""The shared case files of a kind: found, converted, and compared with what a reference says of them.

What must hold is asserted by the tests of each plugin; nothing is asserted of an image here.
"""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mlarray
from mlarray_core import MLArray
from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = os.environ.get("MLARRAY_CASES")
ROOT = Path(FOLDER or ".")
MARKS = [
    pytest.mark.skipif(not FOLDER, reason="the shared cases are not here (MLARRAY_CASES is unset)"),
    # the reference parsers leave files open
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""For ``pytestmark`` of a module whose tests all need the cases."""
POINTS = 4000
"""World positions at which an image is compared, as the reference has it."""


def found(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return each file of a kind with what its reference says, in the order of their names."""
    references = ROOT / "refs"
    paths = sorted((references / kind).rglob("*.json"))
    return [
        (ROOT / path.relative_to(references).with_suffix(""), loads(path.read_text(encoding="utf-8")))
        for path in paths
    ]


def name(source: Path) -> str:
    """Return the path of a case inside the folder of its kind, which is how passing lists name it."""
    return Path(*source.relative_to(ROOT).parts[1:]).as_posix()


def refused(reference: Mapping[str, Any]) -> bool:
    """Say whether the reference wants an error for the file and not an image."""
    return "error" in reference or "expect" in reference


def load_check_meta() -> Any:
    """Import the reference parsers, a script that lies with the cases."""
    spec = importlib.util.spec_from_file_location("check_meta", ROOT / "check_meta.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def difference(check_meta: Any, source: Path, image: MLArray, points_without_space: int = POINTS) -> str:
    """Compare by world position, the non-spatial axes in either order; return what is wrong, "" for nothing.

    `points_without_space` is how many positions are compared in an image that has no spatial axis.
    """
    spatial, array = image.meta.spatial, image.to_numpy()
    labels, why = list(spatial.axis_labels), ""
    others = [axis for axis, label in enumerate(labels) if not label.startswith("spatial")]
    points = points_without_space if len(others) == array.ndim else POINTS
    turned = list(range(array.ndim))
    for one, other in zip(others, others[::-1], strict=True):
        turned[one] = other
    names = ("affine", "spacing", "origin", "direction", "coord_system")
    geometry = {name: getattr(spatial, name) for name in names}
    reference = check_meta.load_reference(str(source))
    for order in (list(range(array.ndim)), turned):
        seen = {**geometry, "axis_labels": [labels[axis] for axis in order]}
        result = check_meta.compare_spatial(array.transpose(order), seen, reference, n=points)
        if result["ok"]:
            return ""
        why = why or result["why"]
    return why


def verdict(check_meta: Any, source: Path, refuse: bool, target: Path, points_without_space: int) -> str:
    """Convert one case; return what is wrong with the result, "" for nothing."""
    try:
        mlarray.convert(source, target)
    except MLArrayError as error:
        return "" if refuse and str(error) and not target.exists() else f"refused: {error}"
    if refuse:
        return "converted, though it must be refused"
    with MLArray.open(target) as image:
        return difference(check_meta, source, image, points_without_space)


def verdicts(
    check_meta: Any,
    cases: Iterable[tuple[Path, Mapping[str, Any]]],
    folder: Path,
    points_without_space: int = POINTS,
) -> tuple[list[str], dict[str, str]]:
    """Convert cases into a folder; return the names of the right ones, and what is wrong with each other."""
    passing, wrong = [], {}
    for number, (source, reference) in enumerate(cases):
        target = folder / f"{number}.mla"
        why = verdict(check_meta, source, refused(reference), target, points_without_space)
        if why:
            wrong[name(source)] = why
        else:
            passing.append(name(source))
    return passing, wrong


def write_if_asked(path: Path, passing: list[str]) -> None:
    """Replace a passing list when WRITE_PASSING is set, so that its change can be reviewed."""
    if os.environ.get("WRITE_PASSING"):
        path.write_text("\n".join(passing) + "\n", encoding="utf-8")


def same_fields(
    before: Mapping[str, str], after: Mapping[str, str], storage: Iterable[str]
) -> dict[str, bool]:
    """Say for each field of a header, and for their order, whether a copy has it; `storage` may differ."""
    fields = {name: text for name, text in before.items() if name not in storage}
    same = {name: after.get(name) == text for name, text in fields.items()}
    same["fields in order"] = [name for name in after if name in fields] == list(fields)
    return same


def print_kept(what: str, kept: Mapping[str, Mapping[str, bool]]) -> dict[str, list[str]]:
    """Print how often each part of a file came back; return the parts that were lost, by file."""
    seen = Counter(part for parts in kept.values() for part in parts)
    whole = Counter(part for parts in kept.values() for part, same in parts.items() if same)
    lost = {file: [part for part, same in parts.items() if not same] for file, parts in kept.items()}
    bad = {file: parts for file, parts in lost.items() if parts}
    print(f"\n{len(kept) - len(bad)} of {len(kept)} {what} come back with nothing lost")
    for part in sorted(seen):
        print(f"  {part}: {whole[part]} of {seen[part]}")
    return bad
