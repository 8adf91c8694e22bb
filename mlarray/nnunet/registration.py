"""Makes nnU-Net find the reader by its name, in spawned processes too.

nnU-Net looks for a reader among the modules in its own folder ``nnunetv2/imageio`` and nowhere else, in each
process anew (``recursive_find_reader_writer_by_name``): a module there that imports ours is what it finds.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from mlarray_core.errors import MissingDependencyError, WriteError

NAME = "mlarray_reader_writer.py"
CONTENT = '''"""Written by `python -m mlarray.nnunet register`; nnU-Net finds readers in this folder only."""

from mlarray.nnunet.reader_writer import MLArrayIO

__all__ = ["MLArrayIO"]
'''


def register() -> Path:
    """Put a module that imports `MLArrayIO` into the installed nnU-Net; return its path.

    Raises
    ------
    MissingDependencyError
        nnU-Net isn't installed.
    WriteError
        Its folder is read-only.
    """
    path = _folder() / NAME
    try:
        path.write_text(CONTENT, encoding="utf-8")
    except OSError as error:
        raise WriteError(
            "nnU-Net's folder can't be written to",
            path=path,
            hint="Register as the user who installed nnU-Net",
        ) from error
    return path


def unregister() -> None:
    """Take the module out again. Doing it twice is harmless.

    Raises
    ------
    MissingDependencyError
        nnU-Net isn't installed.
    """
    (_folder() / NAME).unlink(missing_ok=True)


def _folder() -> Path:
    found = find_spec("nnunetv2")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            "nnU-Net v2 isn't installed", hint="Install it with: pip install nnunetv2"
        )
    return Path(found.submodule_search_locations[0]) / "imageio"
