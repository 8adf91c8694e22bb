"""The rules of the house find what breaks them: each sees a small checkout that does."""

from __future__ import annotations

import pytest

from tests import house


@pytest.fixture
def checkout(tmp_path):
    """Return a function that writes files, by path, into a checkout with empty packages."""

    def write(**texts):
        house.tree.cache_clear()
        for package in ("mlarray_core", "mlarray_io", "plugins/mlarray_x"):
            (tmp_path / package).mkdir(parents=True, exist_ok=True)
            (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs/architecture.md").write_text("")
        for name, text in texts.items():
            path = tmp_path / (name.replace("__", "/") + ("" if "docs" in name else ".py"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def found(rule, root):
    return [(breach.file, breach.line) for breach in house.RULES[rule](root)]


def test_a_circle_through_a_late_import(checkout):
    root = checkout(
        mlarray_core__array__a="from mlarray_core.array.b import B\n",
        mlarray_core__array__b="def b():\n    from mlarray_core.array import c\n",
        mlarray_core__array__c="import mlarray_core.array.a\n",
    )
    assert found("circle", root) == [
        ("mlarray_core/array/a.py", 1),
        ("mlarray_core/array/b.py", 2),
        ("mlarray_core/array/c.py", 1),
    ]


def test_imports_for_types_make_no_circle(checkout):
    root = checkout(
        mlarray_core__array__a="from mlarray_core.array.b import B\n",
        mlarray_core__array__b="if TYPE_CHECKING:\n    from mlarray_core.array.a import A\n",
    )
    assert found("circle", root) == []


def test_a_circle_through_names_that_are_loaded_on_first_use(checkout):
    root = checkout(
        mlarray_io__sdk__a="from mlarray_io import B\n", mlarray_io__sdk__b="import mlarray_io.sdk.a\n"
    )
    (root / "mlarray_io/__init__.py").write_text('_HOME = {"B": "sdk.b"}\n')
    assert [file for file, _ in found("circle", root)] == ["mlarray_io/sdk/a.py", "mlarray_io/sdk/b.py"]


@pytest.mark.parametrize(
    ("lower", "upper", "broken"),
    [
        ("errors", "array.a", True),
        ("array.b", "errors", False),
        ("geometry", "headers", True),
        ("attic", "meta", True),
    ],
)
def test_wings_import_downwards(checkout, lower, upper, broken):
    texts = {"mlarray_core__" + one.replace(".", "__"): "" for one in (lower, upper)}
    texts["mlarray_core__" + lower.replace(".", "__")] = f"def late():\n    import mlarray_core.{upper}\n"
    assert bool(found("wings", checkout(**texts))) is broken


def test_folders_hold_fifteen_modules(checkout):
    fifteen = {f"mlarray_io__sdk__m{number}": "" for number in range(15)}
    assert found("crowded", checkout(**fifteen)) == []
    assert found("crowded", checkout(**fifteen, mlarray_io__sdk__one_more="")) == [("mlarray_io/sdk", 1)]


@pytest.mark.parametrize(
    "code",
    [
        "length = int.from_bytes(head[16:24], 'big')",
        "identity = header[:16] + metadata",
        "rest = trailer[:-17]",
        "file.seek(at + 12)",
        "kind = chunk[31]",
        "mine = head.startswith(b'b2frame\\0')",
    ],
)
def test_positions_in_headers_stay_at_home(checkout, code):
    root = checkout(mlarray_core__container__seal=code, mlarray_core__container__frame=code)
    assert {file for file, _ in found("offset", root)} == {"mlarray_core/container/seal.py"}


def test_cuts_of_text_are_no_positions(checkout):
    code = "import mlarray_core.container.frame\nraise E(f'{head[:80]!r}')\nrest = counts[axis + 1 :]\n"
    assert found("offset", checkout(mlarray_core__container__seal=code)) == []
    assert found("offset", checkout(mlarray_io__sdk__a="magic = head[4:8]")) == []


def test_layouts_are_planned_in_one_place(checkout):
    assert found("plan_layout", checkout(mlarray_core__a="plan_layout(1)")) == []
    twice = checkout(mlarray_core__a="plan_layout(1)", mlarray_io__b="plan.plan_layout(2)")
    assert len(found("plan_layout", twice)) == 2
    assert house.RULES["plan_layout"] is house.planners


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("def f(a: Any, b: dict[str, Any]) -> Any: ...", 3),
        ("def f(a: np.ndarray[Any, Any], b: NDArray[Any], c: np.dtype[Any]) -> None: ...", 0),
        ("a = cast('Any', b)", 1),
        ("a: typing.Any = 1", 1),
    ],
)
def test_any_is_counted_outside_of_arrays(checkout, code, uses):
    breaches = found("any", checkout(mlarray_core__a=code))
    assert len([one for one in breaches if one[0] == "mlarray_core/a.py"]) == uses


def test_any_may_be_used_a_little(checkout):
    text = "a: Any\n" + "\n" * 99
    assert found("any", checkout(mlarray_core__a=text)) == []


THREE = "def f(a, b, c):\n    '''Do.{}'''\n    {}\n"
PARAMETERS = "\n\n    Parameters\n    ----------\n    a, b, c\n        Numbers.\n    "
RAISES = "\n\n    Raises\n    ------\n    ValueError\n        If not.\n    "


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        (THREE.format("", "return 1"), ["parameters"]),
        (THREE.format(PARAMETERS, "raise ValueError"), ["raises"]),
        (THREE.format(PARAMETERS + RAISES, "raise ValueError"), []),
        (THREE.format("", "return 1").replace("def f", "def _f"), []),
        (THREE.format("", "return 1").replace("a, b, c", "a, b"), []),
        (THREE.format("", "return 1").replace("a, b, c", "a, *b, **c"), ["parameters"]),
        ("class C:\n    '''Hold.'''\n    def __init__(self, a, b, c): ...\n", ["parameters"]),
        (f"class C:\n    '''Hold.{PARAMETERS}'''\n    def __init__(self, a, b, c): ...\n", []),
        ("class C:\n    '''Hold.'''\n    def put(self, a, b): ...\n    def _put(self, a, b, c): ...\n", []),
        ("class C:\n    '''Hold.'''\n    def put(self, a):\n        raise ValueError\n", ["raises"]),
        ("@cli.command()\ndef f(a, b, c):\n    raise ValueError\n", []),
    ],
)
def test_public_functions_are_described(checkout, code, rules):
    breaches = house.RULES["documented"](checkout(mlarray_core__a=code))
    assert [breach.rule for breach in breaches] == rules


def test_every_module_has_a_row(checkout):
    text = "## `mlarray_core`\n\n| module | holds |\n|---|---|\n| `{}` | x |\n## `mlarray_io`\n"
    root = checkout(mlarray_core__array__a="", docs__architecture="")
    page = root / "docs/architecture.md"
    page.write_text(text.format("array/b.py"))
    missing = [("mlarray_core/array/a.py", 1), ("docs/architecture.md", 5)]
    inits = [(f"{folder}/__init__.py", 1) for folder in ("mlarray_core", "mlarray_io", "plugins/mlarray_x")]
    assert sorted(found("architecture", root)) == sorted(missing + inits)
    page.write_text(text.format("array/a.py`, `__init__.py"))
    assert sorted(found("architecture", root)) == sorted(inits[1:])


def test_breaches_are_printed_by_file_and_line(checkout, capsys):
    assert house.main([str(checkout(mlarray_core__attic="x = 1\n"))]) == 1
    assert "mlarray_core/attic.py:1: wings: attic has no place" in capsys.readouterr().out
