"""Ways to damage bytes, each chosen and done by a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1]
Mutation = Callable[[bytearray, int, int, Random], None]


def mutant(data: bytes, random: Random) -> tuple[str, bytes]:
    """Return the name of a mutation and its result, which differs from `data`."""
    while True:
        name, change = random.choice(list(MUTATIONS.items()))
        region, start, stop = random.choice(regions(data))
        changed = bytearray(data)
        change(changed, start, stop, random)
        if bytes(changed) != data:
            return f"{name} in {region}", bytes(changed)


def regions(data: bytes) -> list[tuple[str, int, int]]:
    """Return the parts of a file that mutations aim at: most bytes are voxels, most harm is elsewhere."""
    size = len(data)
    header = min(size, int.from_bytes(data[11:15], "big"))
    cbytes = int.from_bytes(data[39:47], "big")
    end = min(size, header + cbytes)
    parts = [
        ("header", 0, header),
        ("voxels", header, end),
        ("index and trailer", end, size),
        ("all", 0, size),
    ]
    return [part for part in parts if part[2] - part[1] > 1]


def _span(start: int, stop: int, random: Random) -> tuple[int, int]:
    at = random.randrange(start, stop)
    return at, min(stop, at + random.choice([1, 2, 4, 8, 16, 64, 256, 4096]))


def flip(data: bytearray, start: int, stop: int, random: Random) -> None:
    data[random.randrange(start, stop)] ^= 1 << random.randrange(8)


def flips(data: bytearray, start: int, stop: int, random: Random) -> None:
    for _ in range(random.randrange(2, 9)):
        flip(data, start, stop, random)


def put(data: bytearray, start: int, stop: int, random: Random) -> None:
    data[random.randrange(start, stop)] = random.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF, random.randrange(256)])


def zero(data: bytearray, start: int, stop: int, random: Random) -> None:
    at, end = _span(start, stop, random)
    data[at:end] = bytes(end - at)


def noise(data: bytearray, start: int, stop: int, random: Random) -> None:
    at, end = _span(start, stop, random)
    data[at:end] = random.randbytes(end - at)


def extreme(data: bytearray, start: int, stop: int, random: Random) -> None:
    width = random.choice([2, 4, 8])
    at = random.randrange(start, max(start + 1, stop - width))
    value = random.choice(EXTREMES) & ((1 << 8 * width) - 1)
    data[at : at + width] = value.to_bytes(width, random.choice(["big", "little"]))


def nudge(data: bytearray, start: int, stop: int, random: Random) -> None:
    at = random.randrange(start, stop)
    data[at] = (data[at] + random.choice([-2, -1, 1, 2])) % 256


def cut(data: bytearray, start: int, stop: int, random: Random) -> None:
    del data[random.randrange(start, stop) :]


def remove(data: bytearray, start: int, stop: int, random: Random) -> None:
    at, end = _span(start, stop, random)
    del data[at:end]


def repeat(data: bytearray, start: int, stop: int, random: Random) -> None:
    at, end = _span(start, stop, random)
    data[end:end] = data[at:end]


def move(data: bytearray, start: int, stop: int, random: Random) -> None:
    at, end = _span(start, stop, random)
    to = random.randrange(start, stop)
    piece = data[at:end]
    data[to : to + len(piece)] = piece


def append(data: bytearray, start: int, stop: int, random: Random) -> None:
    data += random.randbytes(random.choice([1, 16, 300]))


MUTATIONS: dict[str, Mutation] = {
    "flip": flip, "flips": flips, "put": put, "zero": zero, "noise": noise, "extreme": extreme,
    "nudge": nudge, "cut": cut, "remove": remove, "repeat": repeat, "move": move, "append": append,
}  # fmt: skip
