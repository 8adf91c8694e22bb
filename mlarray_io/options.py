"""A format's settings: one frozen dataclass, from which parsing, checking and help all follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Options:
    """A format's settings. Subclasses add fields, each made by `option`."""


def option(default: Any, help: str) -> Any:
    """Declare one setting of a format: its default and a sentence of help."""
    return field(default=default, metadata={"help": help})
