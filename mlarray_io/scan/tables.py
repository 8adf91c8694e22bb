"""Rows to files: CSV, JSON, Parquet, and the HTML report."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, OptionError
from mlarray_core.publish import atomic
from mlarray_io.scan.facts import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Rows = Sequence[dict[str, Any]]

SUFFIXES = (".csv", ".json", ".parquet", ".html")


def check_suffix(path: Path) -> str:
    """Return the suffix of a table that can be written.

    Raises
    ------
    OptionError
        It is another.
    MissingDependencyError
        Parquet needs pyarrow.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OptionError("no table has this suffix", path=path, hint=f"End it in {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        from importlib.util import find_spec

        if find_spec("pyarrow") is None:
            what = "a Parquet table needs pyarrow, which isn't installed"
            raise MissingDependencyError(what, path=path, hint="Install it with: pip install 'mlarray[scan]'")
    return suffix


def write(rows: Rows, path: Path, title: str, *, overwrite: bool = False) -> None:
    """Write rows to a file whose suffix says how."""
    suffix = check_suffix(path)
    with atomic(path, overwrite=overwrite) as temporary:
        if suffix == ".csv":
            _csv(rows, temporary)
        elif suffix == ".json":
            temporary.write_text(strict(rows), encoding="utf-8")
        elif suffix == ".parquet":
            _parquet(rows, temporary)
        else:
            from mlarray_io.scan.report import report

            temporary.write_text(report(rows, title), encoding="utf-8", errors="replace")


def strict(rows: Rows) -> str:
    """Return rows as strict JSON, one a line."""
    from mlarray_io.printing.text import strict_json

    lines = (json.dumps(json.loads(strict_json(_told(row)))) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in COLUMNS}


def _csv(rows: Rows, path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row in rows:
            table.writerow([_cell(value) for value in _told(row).values()])


def _cell(value: Any) -> Any:
    """Spell a list as ``4x5x6``, which no spreadsheet takes for anything else."""
    if isinstance(value, list):
        return "x".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
    return value


def _parquet(rows: Rows, path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    text, number, count = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    kinds = {"shape": pyarrow.list_(count), "spacing": pyarrow.list_(number)}
    kinds |= {"source_bytes": count, "voxel_bytes": count}
    kinds |= {name: number for name in COLUMNS[COLUMNS.index("min") : COLUMNS.index("outlier")]}
    schema = pyarrow.schema([(name, kinds.get(name, text)) for name in COLUMNS])
    parquet.write_table(pyarrow.Table.from_pylist([_told(row) for row in rows], schema=schema), path)
