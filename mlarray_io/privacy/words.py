"""Descriptions cleaned: only words that are known to be technical stay (PS3.15, E.3.5)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_TOKEN = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+")
MOST_DIGITS = 4
"""Of one word: ``T2``, ``b1000``; a number without letters may be a date or an identifier."""


@cache
def vocabulary() -> frozenset[str]:
    """Return the words that may stay."""
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def cleaned_text(text: str) -> str:
    """Return the known words of a description, one blank between them."""
    return " ".join(token for token in _TOKEN.findall(text) if _is_known(token))


def _is_known(token: str) -> bool:
    parts = _PART.findall(token)
    digits = sum(letter.isdigit() for letter in token)
    return bool(parts) and digits <= MOST_DIGITS and all(part.lower() in vocabulary() for part in parts)
