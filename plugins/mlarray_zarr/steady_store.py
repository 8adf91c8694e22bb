"""A folder that Zarr's library writes to, and that is at rest when writing has ended, however it ended."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zarr.storage import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.core.buffer import Buffer


class SteadyStore(LocalStore):
    """Counts what is being written: the library's other tasks go on when one of them fails.

    They would make files, and their folders, anew that have been removed by then.
    """

    _writes = 0
    _over = False

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, unless writing is over.

        Raises
        ------
        OSError
            It is.
        """
        with self._counted():
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file that isn't there, unless writing is over.

        Raises
        ------
        OSError
            It is.
        """
        with self._counted():
            await super().set_if_not_exists(key, value)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._over:
            raise OSError("writing has ended")
        self._writes += 1  # in the one thread of the library's loop
        try:
            yield
        finally:
            self._writes -= 1

    def close(self) -> None:
        """Let nothing more be written, and wait for what is being written."""
        self._over = True
        while self._writes:
            time.sleep(0.001)
        super().close()
