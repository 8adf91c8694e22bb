"""The secret that pseudonyms are made with: random for one run, or in a file, for as long as that is kept."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mlarray_core.disk import write_error
from mlarray_core.errors import OptionError
from mlarray_io.places.side_files import open_regular

SHORTEST = 16
LONGEST = 4096


def make_key(path: str | os.PathLike[str] | None) -> bytes:
    """Return the secret of a file, which is made when there is none; a random one without a file.

    Raises
    ------
    OptionError
        The file holds fewer than 16 bytes, too little for a secret, or more than 4096.
    WriteError
        It can't be made, or read.
    """
    if path is None:
        return secrets.token_bytes(32)
    place = Path(path)
    try:
        return _read(place) if place.exists() else _made(place)
    except OSError as error:
        raise write_error(error, place) from error


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        content: bytes = file.read(LONGEST + 1).strip()
    if not SHORTEST <= len(content) <= LONGEST:
        what = f"holds {len(content)} bytes, and a secret has {SHORTEST} to {LONGEST}"
        raise OptionError(what, path=path, field="--key", hint="Name a new file: it is made")
    return content


def _made(path: Path) -> bytes:
    """Make a file that only its owner may read."""
    key = secrets.token_hex(32).encode()
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(key + b"\n")
    return key
