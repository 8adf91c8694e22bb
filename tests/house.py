"""The rules of the house, read from the code: `python tests/house.py [FOLDER]` prints every breach.

`tests/test_architecture.py` enforces them. Nothing here imports the product, so that it can look at
any checkout.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

WINGS = {
    "mlarray_core": [
        ["array"],
        ["exchange"],
        ["levels"],
        ["container"],
        ["layout"],
        ["chunks"],
        ["metadata"],
        ["statistics"],
        ["geometry", "headers", "rescale"],
        ["meta"],
        ["units"],
        ["publish", "urls", "processors", "memory"],
        ["syncing"],
        ["disk", "leftovers"],
        ["errors"],
        ["url_text"],
    ],
    "mlarray_io": [
        ["commands"],
        ["viewer"],
        ["api"],
        ["datasets", "catalogue"],
        ["requests"],
        ["testing"],
        ["scan"],
        ["pictures"],
        ["cluster"],
        ["batch"],
        ["checks"],
        ["search"],
        ["printing"],
        ["mla"],
        ["engine"],
        ["privacy"],
        ["places"],
        ["sdk"],
    ],
}
"""Folders and single files of a package from the top down: each imports from itself and the rows below."""
MOST_MODULES = 15
"""In a folder of core or io, `__init__.py` apart: what one sees at a glance."""
MOST_ANY = 1.5
"""Uses of `Any` for 100 lines of a package."""
DOCUMENTED_FROM = 3
"""Parameters from which on a public function has a Parameters section."""
HOMES = {"mlarray_core/container/frame.py", "mlarray_core/chunks/header.py"}
"""The two files that know at which byte a field of a frame or of a chunk is."""
MAGIC = b"b2frame"
OFFSETS = {*range(11, 48), 53, 58, 62, 66, *range(69, 88)}
"""Where the fields of a frame's header and of a chunk's header start and end."""
LARGEST = 100
"""What cuts further back is no field of a header."""
BYTES = re.compile(r"(?i)(head|header|start|tail|trailer|frame|chunk|patched|special|raw|sums?|prefix)s?$")
SECTION = re.compile(r"^\s*(Parameters|Raises)\n\s*-{4,}", re.MULTILINE)


class Breach(NamedTuple):
    """One place where a rule is broken."""

    rule: str
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.text}"


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def packages(root: Path) -> dict[str, Path]:
    """Return the folders of core, io and the plugins, by package."""
    plugins = {
        path.parent.name: path.parent for path in sorted((root / "plugins").glob("mlarray_*/__init__.py"))
    }
    return {name: root / name for name in ("mlarray_core", "mlarray_io")} | plugins


def modules(root: Path, package: str | None = None) -> dict[str, Path]:
    """Return every file of one or of all packages, by the name it is imported with."""
    found = {}
    for name, folder in packages(root).items():
        for path in sorted(folder.rglob("*.py")) if package in (None, name) else ():
            dotted = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
            found[dotted.removesuffix(".__init__")] = path
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can be executed: everything but the blocks for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _running(child)


def _homes(path: Path, package: str) -> dict[str, str]:
    """Return where the names are that an `__init__.py` loads on first use: its table `_HOME`."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            table = ast.literal_eval(node.value)
            return {name: f"{package}.{home}" if home else package for name, home in table.items()}
    return {}


def imports(root: Path) -> dict[str, list[tuple[str, int]]]:
    """Return, by module, which of our modules it imports, on which line: inside functions too."""
    known = modules(root)
    lazy = {name: _homes(path, name) for name, path in known.items() if path.name == "__init__.py"}
    edges: dict[str, list[tuple[str, int]]] = {name: [] for name in known}
    for name, path in known.items():
        for node in _running(tree(path)):
            if isinstance(node, ast.Import):
                edges[name] += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    inside = f"{node.module}.{alias.name}"
                    home = lazy.get(node.module or "", {}).get(alias.name, node.module)
                    edges[name].append((inside if inside in known else home, node.lineno))
    return {
        name: sorted({(other, line) for other, line in others if other in known})
        for name, others in edges.items()
    }


def circles(root: Path) -> Iterator[Breach]:
    """Files that import one another around a corner, late imports counted."""
    edges, known = imports(root), modules(root)
    for group in _groups({name: [other for other, _ in others] for name, others in edges.items()}):
        for name in sorted(group):
            for other, line in edges[name]:
                if other in group:
                    yield _breach(root, "circle", known[name], line, f"imports {other}")


def _groups(edges: dict[str, list[str]]) -> list[set[str]]:
    """Return the sets of more than one module of which each reaches each (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in edges[name]:
            if other not in edges:
                continue
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            group = set()
            while name not in group:
                group.add(stack.pop())
            if len(group) > 1 or name in edges[name]:
                groups.append(group)

    sys.setrecursionlimit(10_000)
    for name in edges:
        if name not in number:
            visit(name)
    return groups


def wings(root: Path) -> Iterator[Breach]:
    """Imports from a lower row of `WINGS` to a higher one, and folders that have no row."""
    edges, known = imports(root), modules(root)
    for package, rows in WINGS.items():
        row = {wing: number for number, names in enumerate(rows) for wing in names}
        for name, path in modules(root, package).items():
            wing = _wing(name)
            if wing is None:
                continue
            if wing not in row:
                yield _breach(root, "wings", path, 1, f"{wing} has no place in tests/house.py:WINGS")
                continue
            for other, line in edges[name]:
                theirs = _wing(other) if other.startswith(f"{package}.") else None
                if theirs in row and row[theirs] < row[wing]:
                    yield _breach(
                        root, "wings", known[name], line, f"{wing} imports {other}, which is above it"
                    )
                elif theirs in row and row[theirs] == row[wing] and theirs != wing:
                    yield _breach(
                        root, "wings", known[name], line, f"{wing} imports {other}, of the same row"
                    )


def _wing(name: str) -> str | None:
    return name.split(".")[1] if "." in name else None


def crowded(root: Path) -> Iterator[Breach]:
    """Folders of core and io with more modules than one sees at a glance."""
    for package in WINGS:
        count: dict[Path, int] = defaultdict(int)
        for path in modules(root, package).values():
            count[path.parent] += path.name != "__init__.py"
        for folder, number in count.items():
            if number > MOST_MODULES:
                yield _breach(root, "crowded", folder, 1, f"{number} modules, at most {MOST_MODULES}")


def offsets(root: Path) -> Iterator[Breach]:
    """Literal positions in a frame's or a chunk's header, and the frame's magic, outside of their homes."""
    for path in modules(root).values():
        if str(path.relative_to(root)) in HOMES or not _knows_frames(path, root):
            continue
        shown = {
            inner
            for node in ast.walk(tree(path))
            if isinstance(node, ast.JoinedStr)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree(path)):
            if node not in shown and (text := _literal_offset(node)):
                yield _breach(root, "offset", path, getattr(node, "lineno", 1), text)


def _knows_frames(path: Path, root: Path) -> bool:
    """Say whether a file works on the bytes of frames: it is of core's container, or imports it."""
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    below = ("mlarray_core.container", "mlarray_core.chunks")
    used = {getattr(node, "module", None) or "" for node in ast.walk(tree(path))}
    return any(one.startswith(below) for one in {name, *used})


def _literal_offset(node: ast.AST) -> str | None:
    if isinstance(node, ast.Subscript) and BYTES.search(ast.unparse(node.value).split("(")[0]):
        bounds = [node.slice.lower, node.slice.upper] if isinstance(node.slice, ast.Slice) else [node.slice]
        numbers = [_number(bound) for bound in bounds if bound is not None]
        if any(number is not None and 2 < abs(number) < LARGEST for number in numbers):
            return ast.unparse(node)
    if isinstance(node, ast.BinOp) and {_number(node.left), _number(node.right)} & OFFSETS:
        return ast.unparse(node) if isinstance(node.op, ast.Add | ast.Sub) else None
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes) and node.value.startswith(MAGIC):
        return ast.unparse(node)
    return None


def _number(node: ast.AST) -> int | None:
    try:
        value = ast.literal_eval(node)  # type: ignore[arg-type]
    except ValueError:
        return None
    return value if type(value) is int else None


def planners(root: Path) -> Iterator[Breach]:
    """Calls of `plan_layout` beyond the first: one place writes images."""
    calls = [
        _breach(root, "plan_layout", path, node.lineno, "called")
        for path in modules(root).values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "plan_layout"
    ]
    if len(calls) != 1:
        yield from calls


def anys(root: Path, limit: float = MOST_ANY) -> Iterator[Breach]:
    """`Any` outside of arrays and dtypes, in packages that use it more than `limit` times in 100 lines."""
    for package in packages(root):
        found, lines = [], 0
        for path in modules(root, package).values():
            lines += len(path.read_text(encoding="utf-8").splitlines())
            found += [_breach(root, "any", path, line, "Any") for line in _any_lines(tree(path))]
        if 100 * len(found) > limit * lines:
            share = f"{package}: {len(found)} in {lines} lines, {100 * len(found) / lines:.2f} per 100"
            yield _breach(root, "any", packages(root)[package], 1, share)
            yield from found


def _any_lines(node: ast.AST) -> Iterator[int]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Subscript) and ast.unparse(child.value).split(".")[-1] in ARRAYS:
            continue
        if (isinstance(child, ast.Name) and child.id == "Any") or (
            isinstance(child, ast.Attribute) and child.attr == "Any"
        ):
            yield child.lineno
        if isinstance(child, ast.Call) and ast.unparse(child.func).split(".")[-1] == "cast":
            first = child.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield from (child.lineno for _ in _any_lines(ast.parse(first.value)))
        yield from _any_lines(child)


ARRAYS = {"ndarray", "NDArray", "dtype"}


def undocumented(root: Path) -> Iterator[Breach]:
    """Public functions whose docstring lacks the Parameters or the Raises that it should have."""
    for path in modules(root).values():
        for function, docstring, title in _public(tree(path)):
            sections = set(SECTION.findall(docstring))
            if _count(function) >= DOCUMENTED_FROM and "Parameters" not in sections:
                yield _breach(root, "parameters", path, function.lineno, f"{title} has no Parameters section")
            if "Raises" not in sections and any(isinstance(node, ast.Raise) for node in _own(function)):
                yield _breach(
                    root, "raises", path, function.lineno, f"{title} raises and has no Raises section"
                )


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _public(module: ast.Module) -> Iterator[tuple[Function, str, str]]:
    """Yield public functions and methods with the docstring that describes their parameters, and a name."""
    for node in module.body:
        if isinstance(node, Function) and not node.name.startswith("_") and not _exempt(node):
            yield node, ast.get_docstring(node) or "", node.name
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if not isinstance(inner, Function) or _exempt(inner):
                    continue
                if inner.name == "__init__":
                    whole = (ast.get_docstring(node) or "") + "\n" + (ast.get_docstring(inner) or "")
                    yield inner, whole, f"{node.name}"
                elif not inner.name.startswith("_"):
                    yield inner, ast.get_docstring(inner) or "", f"{node.name}.{inner.name}"


def _exempt(node: Function) -> bool:
    """Say whether it is described elsewhere: an overload, a command, whose docstring is its help, a test."""
    if node.name.startswith("test_"):
        return True
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).split(".")[-1] in ("overload", "command", "group", "setter"):
            return True
    return False


def _count(node: Function) -> int:
    given = node.args
    names = [one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
    own = [name for name in names if name not in ("self", "cls") and name.strip("_")]  # _ is given and unused
    return len(own) + (given.vararg is not None) + (given.kwarg is not None)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a function's own body holds, the functions and classes inside it apart."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.ClassDef | ast.Lambda):
            yield child
            yield from _own(child)


def unmapped(root: Path) -> Iterator[Breach]:
    """Modules that `docs/architecture.md` has no row for, and rows without a module."""
    page = root / "docs/architecture.md"
    rows = _rows(page.read_text(encoding="utf-8"))
    for package, folder in packages(root).items():
        here = {
            str(path.relative_to(folder)): path
            for path in modules(root, package).values()
            if path.name != "__init__.py" or path.parent == folder
        }
        for name in here.keys() - rows.get(package, {}).keys():
            yield _breach(root, "architecture", here[name], 1, f"no row in the table of {package}")
        for name, line in rows.get(package, {}).items():
            if name not in here and not (folder / name).is_dir():
                yield _breach(root, "architecture", page, line, f"{package} has no {name}")


def _rows(text: str) -> dict[str, dict[str, int]]:
    """Return the first cells of the tables below each heading that names a package, with their lines."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    package = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            package = next(iter(re.findall(r"`(mlarray_\w+)`", line)), "")
        elif package and line.startswith("| `"):
            cell = line.split("|")[1]
            found[package] |= dict.fromkeys(re.findall(r"`([^`]+)`", cell), number)
    return found


def _breach(root: Path, rule: str, path: Path, line: int, text: str) -> Breach:
    return Breach(rule, str(path.relative_to(root)), line, text)


RULES = {
    "circle": circles,
    "wings": wings,
    "crowded": crowded,
    "offset": offsets,
    "plan_layout": planners,
    "any": anys,
    "documented": undocumented,
    "architecture": unmapped,
}


def main(arguments: list[str]) -> int:
    """Print every breach in a checkout, sorted by file, and how many there are of each rule."""
    root = Path(arguments[0] if arguments else Path(__file__).parents[1]).resolve()
    every = [breach for rule in RULES.values() for breach in rule(root)]
    count: dict[str, int] = defaultdict(int)
    for breach in sorted(every, key=lambda one: (one.file, one.line)):
        print(breach)
        count[breach.rule] += 1
    print(", ".join(f"{rule} {number}" for rule, number in sorted(count.items())) or "no breach")
    return int(bool(every))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
