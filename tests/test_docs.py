"""The documentation names everything that exists. Run this module to write its generated tables anew."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import warnings
from pathlib import Path

import fsspec
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # as a script, it finds its own folder there only

from mlarray_io.commands import overview  # noqa: E402
from tests import house, schema_tables  # noqa: E402
from tests.real import coverage  # noqa: E402

DOCS = ROOT / "docs"
FORMATS = DOCS / "formats.md"
TABLE = re.compile(r"(<!-- table -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
REAL = re.compile(r"(<!-- real files -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
ARCHITECTURE = DOCS / "architecture.md"
SCHEMA = DOCS / "schema.md"
MODULES = re.compile(r"(<!-- modules: (\w+) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
BUILT_IN = ROOT / "mlarray_io/engine/suffixes.py"
BUILT_IN_TABLE = re.compile(r"(\nBUILT_IN.*?= \{\n)(.*?)(\n?\}\n)", re.DOTALL)
WINGS = re.compile(r"(<!-- wings -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def installed_formats():
    from mlarray_io.engine.registry import Registry

    registry = Registry.load()
    assert not registry.broken
    ours = [one for one in registry.formats if type(one).__module__.startswith("mlarray_")]
    return sorted(ours, key=lambda format: format.name)


def page_of(format):
    """Return the page that says of itself, in its first lines, that it is about this format."""
    for page in sorted((DOCS / "formats").glob("*.md")):
        marks = re.findall(r"<!-- formats: (.*?) -->", page.read_text(encoding="utf-8"))
        if any(format.name in mark.split() for mark in marks):
            return page
    return None


def format_row(format):
    page = page_of(format)
    name = f"[{format.title}](formats/{page.name})" if page else format.title
    read = "read (at URLs in place)" if format.reads_urls else "read"
    can = [word for word, able in ((read, format.reads), ("write", format.writes)) if able]
    written = format.written_suffixes
    suffixes = " ".join(f"`{suffix}`" for suffix in written or format.suffixes)
    others = " ".join(f"`{suffix}`" for suffix in format.suffixes if written and suffix not in written)
    suffixes += f"; only read: {others}" if others else ""
    return f"| `{format.name}` | {name} | {', '.join(can)} | {suffixes} | `{format.install or 'mlarray'}` |"


def option_rows(format):
    from mlarray_io.sdk.options import describe

    for option in describe(format.options_type):
        default = "" if option.default is None else f"`{option.default}`"
        kind = option.type.replace("|", "or")
        yield f"| `{format.name}` | `-o {option.name}` | {kind} | {default} | {option.help} |"


def filled(text):
    formats = installed_formats()
    table = ["| format | title | can | suffixes | install |", "|---|---|---|---|---|"]
    table += map(format_row, formats)
    options = ["| format | option | value | default | what it does |", "|---|---|---|---|---|"]
    options += [row for format in formats for row in option_rows(format)]
    tables = iter(["\n".join(table) + "\n", "\n".join(options) + "\n"])
    text = REAL.sub(lambda match: match[1] + coverage.table() + match[3], text)
    return TABLE.sub(lambda match: match[1] + next(tables) + match[3], text)


def built_in_row(name, suffixes):
    """Return the lines of one format, as ruff would have them."""
    spelt = [f'"{suffix}"' for suffix in suffixes]
    row = f'        "{name}": ({", ".join(spelt)}{"," if len(spelt) == 1 else ""}),'
    if len(row) <= 110:
        return [row]
    return [f'        "{name}": (', *(f"            {one}," for one in spelt), "        ),"]


def built_in_table(text):
    """Return the text of `mlarray_io.engine.suffixes`, its table as the plugins are."""
    from mlarray_io.engine.registry import Registry

    registry = Registry.load()
    brought: dict[str, dict[str, tuple[str, ...]]] = {}
    for format in installed_formats():
        brought.setdefault(registry.plugins[format.name], {})[format.name] = format.suffixes
    lines = []
    for plugin, formats in sorted(brought.items()):
        rows = [row for name, suffixes in formats.items() for row in built_in_row(name, suffixes)]
        lines += [f'    "{plugin}": {{', *rows, "    },"]
    return BUILT_IN_TABLE.sub(lambda match: match[1] + "\n".join(lines) + match[3], text)


def test_what_plugins_bring_is_known_before_they_are_loaded():
    text = BUILT_IN.read_text(encoding="utf-8")
    assert text == built_in_table(text), f"run `python tests/{Path(__file__).name}` to write the table anew"


def help_of_all(columns):
    """Return what the parser says of all commands on a terminal of this width."""
    from mlarray_io.commands.cli import cli

    settings = {**cli.context_settings, "terminal_width": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        return cli.make_context("mlarray", [], resilient_parsing=True, **settings).get_help() + "\n"


@pytest.mark.parametrize("columns", [overview.USUAL, overview.WIDEST])
def test_the_help_that_is_kept_is_that_of_the_parser(columns):
    kept = Path(overview.path_of(columns)).read_text(encoding="utf-8")
    assert kept == help_of_all(columns), f"run `python tests/{Path(__file__).name}` to write the help anew"


def module_table(package):
    """Return a row for each module of a package: its path and the first sentence of its docstring."""
    folder = house.packages(ROOT)[package]
    rows = ["| module | holds |", "|---|---|"]
    for path in sorted(
        folder.rglob("*.py"), key=lambda path: (path.parent != folder, path.parent, path.name)
    ):
        docstring = ast.get_docstring(house.tree(path)) or ""
        sentence = re.split(r"(?<=[.!?])\s", docstring.split("\n\n")[0].replace("\n", " "))[0].rstrip(".")
        name = path.relative_to(folder)
        if path.name == "__init__.py" and path.parent != folder:
            rows.append(f"| **`{name.parent}/`** | **{sentence}** |")
        else:
            rows.append(f"| `{name}` | {sentence.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def wings_table():
    rows = [
        f"| `{package}` | {' > '.join(', '.join(f'`{wing}`' for wing in row) for row in order)} |"
        for package, order in house.WINGS.items()
    ]
    return "\n".join(["| package | from the top down |", "|---|---|", *rows]) + "\n"


def with_modules(text):
    text = WINGS.sub(lambda match: match[1] + wings_table() + match[3], text)
    return MODULES.sub(lambda match: match[1] + module_table(match[2]) + match[4], text)


def test_module_tables_are_what_the_modules_say():
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert [match[2] for match in MODULES.finditer(text)] == list(house.packages(ROOT))
    assert text == with_modules(text), f"run `python tests/{Path(__file__).name}` to write the tables anew"


def test_format_tables_are_what_is_installed():
    text = FORMATS.read_text(encoding="utf-8")
    assert len(TABLE.findall(text)) == 2
    assert len(REAL.findall(text)) == 1
    assert text == filled(text), f"run `python tests/{Path(__file__).name}` to write the tables anew"


def test_schema_tables_are_what_the_classes_say():
    text = SCHEMA.read_text(encoding="utf-8")
    assert text == schema_tables.filled(text), f"run `python tests/{Path(__file__).name}` to write them anew"


def test_every_class_of_the_schema_has_a_table():
    from mlarray_core import meta

    kinds = {name for name in meta.__all__ if name.startswith("Meta") and name != "Meta"}
    others = {"Additions", "AxisLabel", "Code", "CoordSystem", "Label", "Rescale"}
    assert schema_tables.tables(SCHEMA.read_text(encoding="utf-8")) == kinds | others


@pytest.mark.parametrize("format", installed_formats(), ids=lambda format: format.name)
def test_every_format_has_a_page(format):
    assert page_of(format) is not None


def commands():
    from mlarray_io.commands.cli import cli

    return sorted(cli.commands.items())


@pytest.mark.parametrize(
    ("name", "command"), commands(), ids=lambda value: str(getattr(value, "name", value))
)
def test_every_command_and_option_is_described(name, command):
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    assert f"mlarray {name}" in text
    for parameter in command.params:
        for flag in parameter.opts:
            if flag.startswith("-"):
                assert f"`{flag}" in text, f"mlarray {name} {flag}"


def test_the_synopsis_of_a_command_names_all_its_options():
    """But for those of ``convert``, which stand in a table."""
    import click

    described = dict(commands())
    block = re.search(
        r"```sh\n(mlarray convert SOURCE.*?)```", (DOCS / "convert.md").read_text("utf-8"), re.S
    )
    lines = re.sub(r"\n +", " ", block[1]).splitlines()
    for line in lines[1:]:
        given = [one for one in described[line.split()[1]].params if isinstance(one, click.Option)]
        names = {name for one in given for name in (*one.opts, *one.secondary_opts)}
        named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", line))
        assert named <= names, line
        assert all(named & {*one.opts, *one.secondary_opts} for one in given), line
    shown = {line.split()[1] for line in lines} | {"view"}  # which has a page of its own
    assert shown == set(described)


def test_every_error_is_described():
    from mlarray_core import errors

    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.MLArrayError):
            assert f"`{name}`" in text or f".{name}`" in text, name


def test_every_profile_is_described():
    from mlarray_core.layout.shapes import PROFILES

    text = (DOCS / "profiles.md").read_text(encoding="utf-8")
    for name in PROFILES:
        assert f"--profile {name}`" in text or name == "default", name
    assert "the default" in text


def test_every_hook_is_described():
    from mlarray_io.sdk import hookspecs

    hooks = [name for name, one in vars(hookspecs).items() if hasattr(one, "mlarray_spec")]
    assert hooks
    for name in hooks:
        assert f"def {name}(" in (DOCS / "write-a-plugin.md").read_text(encoding="utf-8"), name


def test_every_name_of_the_plugin_interface_is_described():
    import mlarray_io

    text = (DOCS / "write-a-plugin.md").read_text(encoding="utf-8") + (
        ROOT / "mlarray_io/template/mlarray_acme.py.txt"
    ).read_text(encoding="utf-8")
    for name in ("Format", "Reader", "Options", "Source", "Confidence", "ImageRef", "Context", "hookimpl"):
        assert name in mlarray_io.__all__
        assert name in text, name


def test_every_helper_of_plugins_is_described():
    from mlarray_io import sdk

    helpers = (DOCS / "write-a-plugin.md").read_text(encoding="utf-8").split("## Helpers")[1]
    assert set(re.findall(r"`(\w+)`", helpers)) >= set(sdk.__all__)


def test_every_picture_is_made_by_a_command_and_shown():
    from tests.viewer.figures import FIGURES

    plots = re.findall(
        r'docs / "([\w-]+\.svg)"',
        "".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").rglob("report.py")),
    )
    made = {*plots, *(f"images/{name}.png" for name in FIGURES)}
    there = [path for path in DOCS.rglob("*") if path.suffix in (".png", ".svg", ".jpg", ".gif", ".webp")]
    assert {path.relative_to(DOCS).as_posix() for path in there} == made
    shown = "".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    assert set(re.findall(r"!\[.*?\]\((.*?)\)", shown)) == made


def test_every_decision_is_listed():
    listed = re.findall(
        r"^\| \[(.+?)\]\(\1\) \|", (DOCS / "decisions/README.md").read_text("utf-8"), re.MULTILINE
    )
    assert listed == sorted(
        path.name for path in (DOCS / "decisions").glob("*.md") if path.name != "README.md"
    )


def test_every_page_is_in_the_index():
    links = re.findall(r"^\| \[(.+?)\]\(\1\) \|", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE)
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= set(links)


def test_every_page_is_in_the_navigation_of_the_site_once():
    """`scripts/site` fails for a page that isn't; FOLDER/* are all pages of a folder."""
    listed = re.findall(r"^ +- (\S+)$", (ROOT / "mkdocs.yml").read_text("utf-8").split("nav:")[1], re.M)
    pages = [name for name in listed if name.endswith(".md")]
    assert len(set(pages)) == len(pages)
    folders = {name.removesuffix("/*") for name in listed if name.endswith("/*")}
    own = {
        path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.parent.name not in folders
    }
    expected = own | {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "decisions/README.md"}
    assert {name for name in pages if not name.startswith("- ")} >= expected


@pytest.mark.parametrize(
    "script", sorted(path.name for path in (ROOT / "scripts").iterdir() if path.suffix == "")
)
def test_every_script_is_described(script):
    assert f"`scripts/{script}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_pre_commit_runs_what_the_check_runs():
    check = (ROOT / "scripts/check").read_text(encoding="utf-8")
    entries = re.findall(
        r"entry: \.venv/bin/(.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE
    )
    assert len(entries) == 4
    for entry in entries:
        assert re.search(rf"^{re.escape(entry)}( \.)?$", check, re.MULTILINE), entry


def python_blocks():
    """Yield the examples of each page: those that need nothing, and with these those of each library.

    ``<!-- needs: library -->`` stands before one example, or by itself for all of a page.
    """
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = re.findall(
            r"^(?:<!-- needs: (\w+) -->\n)?```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE
        )
        if found and "<!-- include:" not in text:
            whole = re.findall(r"^<!-- needs: (\w+) -->\n(?!```)", text, re.MULTILINE)
            for one in dict.fromkeys(["", *(library for library, _ in found)]):
                blocks = [block for library, block in found if library in ("", one)]
                needs, name = [*whole, *([one] if one else [])], str(page.relative_to(ROOT))
                marks = [pytest.mark.torch] if "torch" in needs else []
                yield pytest.param(blocks, needs, id=f"{name}: {one}" if one else name, marks=marks)


@pytest.mark.parametrize(("blocks", "needs"), list(python_blocks()))
def test_examples_run(blocks, needs, tmp_path, monkeypatch, capsys):
    for library in needs:
        pytest.importorskip(library, reason=f"{library} isn't installed")
    fsspec.filesystem("memory").store.clear()  # which other tests fill too
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "example"}
    with warnings.catch_warnings():
        if needs:  # what other libraries warn of is their own
            warnings.simplefilter("default")
        for block in blocks:
            exec(compile(block, "example", "exec"), names)


if __name__ == "__main__":
    for columns in (overview.USUAL, overview.WIDEST):
        Path(overview.path_of(columns)).write_text(help_of_all(columns), encoding="utf-8")
    BUILT_IN.write_text(built_in_table(BUILT_IN.read_text(encoding="utf-8")), encoding="utf-8")
    FORMATS.write_text(filled(FORMATS.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(schema_tables.filled(SCHEMA.read_text(encoding="utf-8")), encoding="utf-8")
    ARCHITECTURE.write_text(with_modules(ARCHITECTURE.read_text(encoding="utf-8")), encoding="utf-8")
