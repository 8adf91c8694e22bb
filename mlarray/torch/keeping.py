"""Open cases, as many as the system lets a process have open, those used last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray.kept import Kept
from mlarray.torch.cases import OpenCase

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray.torch.cases import Case


class OpenCases(Kept[int, OpenCase]):
    """Cases that are open in this process, by their number; they are opened anew in others.

    Parameters
    ----------
    cases
        All of them.
    prepare
        What is done with a case when it has been opened.
    keep
        Files that may be open; None for `MOST_FILES`. Fewer are where the system allows fewer.
    verify
        As `MLArray.open` takes it.
    """

    def __init__(
        self,
        cases: list[Case],
        prepare: Callable[[int, OpenCase], None],
        keep: int | None = None,
        verify: str = "touch",
    ) -> None:
        super().__init__(self._ready, self._files_of, OpenCase.close, keep)
        self.cases, self.verify = cases, verify
        self._prepare = prepare
        self._known: dict[int, OpenCase] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "_known": {}}

    def forget(self) -> None:
        """Close all of them, and forget what is known of them."""
        self.close()
        self._known = {}

    def _files_of(self, number: int) -> int:
        return self.cases[number].files

    def _ready(self, number: int) -> OpenCase:
        """Return a case, open; what was known of it when it was open before is not found out again."""
        case = self._known.get(number)
        if case is not None:
            case.reopen()
            return case
        case = OpenCase(self.cases[number], self.verify)
        self._prepare(number, case)
        self._known[number] = case
        return case
