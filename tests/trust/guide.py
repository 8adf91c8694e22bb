"""Which lines of our own code a mutant reaches, so that one which reaches new ones is damaged further.

Of code that runs in another process (a library that isn't trusted) nothing is known here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

ROOT = Path(__file__).parents[2]
FOLDERS = ("plugins", "mlarray_io/sdk/files", "mlarray_io/sdk/space", "mlarray_io/pictures")
OWN = ("mlarray_io/mla.py", "mlarray_core/container", "mlarray_core/metadata", "mlarray_core/chunks")
"""Where `.mla` is read; it is written for every other format too, which says nothing of a mutant."""


class Guide:
    """Counts the lines that are reached for the first time within a ``with`` block.

    Parameters
    ----------
    format
        Whose code is looked at.
    """

    def __init__(self, format: str) -> None:
        self._folders = tuple(str(ROOT / folder) for folder in (OWN if format == "mla" else FOLDERS))
        self._left: dict[CodeType, set[int]] = {}
        self.new = 0

    def __enter__(self) -> Guide:
        self.new = 0
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        left = self._left.get(code)
        if left is None:
            ours = code.co_filename.startswith(self._folders)
            left = {line for _, _, line in code.co_lines() if line} if ours else set()
            self._left[code] = left
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        left = self._left[frame.f_code]
        if frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self.new += 1
        return self._line if left else None
