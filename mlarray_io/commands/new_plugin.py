"""The command ``new-plugin``: writes a package that adds a format, works, and passes its own tests."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from mlarray_core.errors import ArgumentError
from mlarray_core.publish import atomic
from mlarray_io.printing.text import printable, say

TEMPLATE = ("README.md", "pyproject.toml", "mlarray_acme.py.txt", "test_acme.py.txt")
"""Files of the package; ``acme`` in names and texts is replaced, and those that end in ``.txt`` lose that."""


def run(name: str, folder: str | None) -> None:
    """Write a package for a format of one's own, and say how to go on.

    Parameters
    ----------
    name
        Of the format: lower-case letters and digits, letters first.
    folder
        Where the package is put; ``mlarray-NAME`` for None.

    Raises
    ------
    ArgumentError
        The name can't be that of a format, or is one of ours.
    ExistsError
        The folder is there.
    WriteError
        The system refuses to write.
    """
    target, content = Path(folder or f"mlarray-{name}"), package(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic(target) as made:
        made.mkdir()
        for path, text in content.items():
            (made / path).write_text(text, encoding="utf-8")
    shown = printable(str(target))
    say(f"{shown}: a package that reads and writes .{name} files of a made-up format.")
    say(f"Try it:  cd {shown} && pip install -e '.[test]' && python -m pytest")
    say("Then turn it into yours, as its README.md says.")


def package(name: str) -> dict[str, str]:
    """Return the files of a package for a format, by their names.

    Parameters
    ----------
    name
        Of the format.

    Raises
    ------
    ArgumentError
        The name can't be that of a format, or is one of ours.
    """
    from mlarray_io.engine.registry import installed

    if not re.fullmatch(r"[a-z][a-z0-9]{0,30}", name):
        raise ArgumentError(
            f"{name!r} can't be the name of a format", hint="Use lower-case letters and digits, such as acme"
        )
    if any(name == format.name for format in installed().formats):
        raise ArgumentError(f"there is a format {name} already", hint="Choose another name")
    template = files("mlarray_io") / "template"
    return {
        path.replace("acme", name).removesuffix(".txt"): (template / path)
        .read_text("utf-8")
        .replace("acme", name)
        .replace("Acme", name.capitalize())
        .replace("ACME", name.upper())
        for path in TEMPLATE
    }
