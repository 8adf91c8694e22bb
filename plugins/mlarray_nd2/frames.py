"""Frames of an ND2: which loops the experiment ran, and which frame lies where in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_nd2.private_names import frame_bytes, frame_places

if TYPE_CHECKING:
    from pathlib import Path

    from nd2 import ND2File

POSITION = "P"


@dataclass
class Frames:
    """The frames of a file.

    Parameters
    ----------
    file
        Open.
    path
        Where it is, for errors.
    """

    file: ND2File
    path: Path

    @cached_property
    def loops(self) -> dict[str, int]:
        """How often each loop ran, the outermost first; positions of the stage are one of them.

        Raises
        ------
        UnsupportedError
            One of them ran over what each frame holds.
        """
        sizes: dict[str, int] = {}
        for place in self.file.loop_indices:
            for letter, index in place.items():
                sizes[str(letter)] = max(sizes.get(str(letter), 0), int(index) + 1)
        strange = sizes.keys() & set("CYXS")
        if strange:
            raise UnsupportedError(f"has a loop over {min(strange)}, which isn't read", path=self.path)
        return sizes

    @property
    def positions(self) -> int:
        """How many positions of the stage there are."""
        return self.loops.get(POSITION, 1)

    @property
    def outer(self) -> dict[str, int]:
        """Loops within a position that ran more than once."""
        return {letter: size for letter, size in self.loops.items() if letter != POSITION and size > 1}

    def numbers(self, position: int) -> dict[tuple[int, ...], int]:
        """Return the number of each frame of a position, by its index along `outer`."""
        found = {}
        for number, place in enumerate(self.file.loop_indices or ({},)):
            if int(place.get(POSITION, 0)) == position:
                found[tuple(int(place.get(letter, 0)) for letter in self.outer)] = number
        return found

    @property
    def colours(self) -> int:
        """Samples of a pixel that make a colour: 3, or 1 for greys."""
        return 3 if self.file.components_per_channel == 3 else 1

    @property
    def channels(self) -> int:
        """How many channels a frame has."""
        return int(self.file.attributes.componentCount) // self.colours

    def missing(self, numbers: list[int]) -> int:
        """Return how many frames aren't stored: an experiment that was stopped has fewer than it planned.

        Raises
        ------
        CorruptError
            The file ends before a frame that it says it has.
        """
        places = frame_places(self.file)
        if places is None:
            return 0
        size, most = frame_bytes(self.file), self.path.stat().st_size
        if size is not None and any(at < 0 or at + size > most for at in places.values()):
            raise CorruptError(
                "ends before a plane that its index names", path=self.path, hint="Was it copied whole?"
            )
        return sum(number not in places for number in numbers)
