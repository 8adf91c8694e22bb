"""Rows to files: CSV, JSON, Parquet, and the HTML report."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING

from mlarray_core.disk import naming
from mlarray_core.errors import MissingDependencyError, OptionError
from mlarray_core.publish import atomic
from mlarray_io.scan.rows import COLUMNS, STATISTICS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io.scan.rows import Row

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


def write(rows: Sequence[Row], path: Path, title: str, *, overwrite: bool = False) -> None:
    """Write rows to a file whose suffix says how.

    Parameters
    ----------
    rows, path
        What to write, and where.
    title
        Of the report.
    overwrite
        Replace an existing file.
    """
    suffix = check_suffix(path)
    with atomic(path, overwrite=overwrite) as temporary, naming(temporary):
        if suffix == ".csv":
            _csv(rows, temporary)
        elif suffix == ".json":
            temporary.write_text(strict(rows), encoding="utf-8")
        elif suffix == ".parquet":
            _parquet(rows, temporary)
        else:
            from mlarray_io.scan.report import report

            temporary.write_text(report(rows, title), encoding="utf-8", errors="replace")


def strict(rows: Sequence[Row]) -> str:
    """Return rows as strict JSON, one a line: NaN and infinities are text."""
    lines = (json.dumps(_finite(row.to_json()), sort_keys=True, allow_nan=False) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _finite(row: dict[str, object]) -> dict[str, object]:
    odd = (name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value))
    return {**row, **{name: str(row[name]) for name in odd}}


def _csv(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row in rows:
            table.writerow([_cell(value) for value in row.to_json().values()])


def _cell(value: object) -> object:
    """Spell a list as ``4x5x6``, which no spreadsheet takes for anything else, and names as ``1 liver``."""
    if isinstance(value, dict):
        return "; ".join(f"{key} {name}".rstrip() for key, name in value.items())
    if isinstance(value, list):
        return "x".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
    return value


def _parquet(rows: Sequence[Row], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    text, number, count = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    kinds = {"shape": pyarrow.list_(count), "spacing": pyarrow.list_(number), "labels": pyarrow.bool_()}
    kinds["label_names"] = pyarrow.map_(text, text)
    kinds |= {name: count for name in ("source_bytes", "voxel_bytes", "files")}
    kinds |= {name: number for name in STATISTICS}
    schema = pyarrow.schema([(name, kinds.get(name, text)) for name in COLUMNS])
    plain = [row.to_json() for row in rows]
    for row in plain:
        names = row["label_names"]
        row["label_names"] = list(names.items()) if isinstance(names, dict) else None
    parquet.write_table(pyarrow.Table.from_pylist(plain, schema=schema), path)
