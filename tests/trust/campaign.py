"""Damage files of every format and count what comes of it.

``python -m tests.trust.campaign [FORMAT...] [--mutants 2000] [--seed 1] [--keep FOLDER]`` prints a line for
each format, and one for each mutant that ended the process, hung, took too much memory, left files behind,
failed without an explanation, or was read, without a warning, otherwise than by the format's own library.
What differs is for a person to judge: libraries are wrong too.

One of three mutants is watched: where it reaches lines of our code that none before it reached, it is damaged
further, and half of the later ones are made of such. The same seed and number make the same mutants again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import mutants
from tests.trust import mutate
from tests.trust.child import Child
from tests.trust.seeds import LARGEST, Seed, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10
"""After which a mutant counts as one that hangs, unless it ends when it is given more time."""
PATIENCE = 6
"""How much more: on a busy machine a process may take longer to start."""
MEMORY = 1024
"""MB that reading a mutant may take beyond what the process had: the seeds are of some kB."""
MEMORY_DISK = next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)
"""Where files are put: on a disk, half of the time would be waiting for it."""
SHOWN = 20
"""Mutants of a format that are printed."""
WRONG = ("crash", "hang", "memory", "files", "unexplained", "foreign", "unstable", "silent")
COLUMNS = ("refused", "right", "unknown", *WRONG)
WATCHED = 3
"""One of so many mutants is watched, which takes twice the time."""
KEPT = 200
"""Mutants of a file that later ones are made of."""
HEADER = f"{'':10} mutants{''.join(f'{name:>{len(name) + 2}}' for name in COLUMNS)}  most MB  slowest"


def damaged(content: bytes, noise: random.Random) -> tuple[str, bytes]:
    """Return a mutant of a file's bytes and how it was made; of a gzipped one often of its content."""
    if noise.random() < 0.5:
        return "text or number", mutants.packed_again(
            content, lambda plain: mutants.mutate(plain, noise), noise
        )

    def change(plain: bytes) -> bytes:
        data, end = bytearray(plain), len(plain)
        reach = min(end, noise.choice([64, 512, 4096, end])) or 1
        start = noise.choice([0, 0, end - reach])
        name, way = noise.choice(list(mutate.MUTATIONS.items()))
        ways.append(f"{name} in {start}-{start + reach}")
        if data:
            way(data, start, start + reach, noise)
        return bytes(data)

    ways: list[str] = []
    result = mutants.packed_again(content, change, noise)
    return ways[0], result


class Campaign:
    """Mutants of one format.

    Parameters
    ----------
    format
        Its name.
    folder
        Where seeds and mutants are put.
    seed
        Of the generator.
    keep
        Where mutants that did wrong are kept; None to keep none.
    pattern
        Of the names of files that are damaged.
    """

    def __init__(self, format: str, folder: Path, seed: int, keep: Path | None, pattern: str = "*") -> None:
        self.format, self.folder, self.seed, self.keep = format, folder, seed, keep
        self.pattern = pattern
        self.count: Counter[str] = Counter()
        self.pool: dict[tuple[Path, Path], list[bytes]] = defaultdict(list)
        self.told: dict[Path, set[str]] = {}
        self.otherwise: set[Path] = set()
        self.wrong: list[str] = []
        self.peak, self.slowest = 0, 0.0
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        os.environ["TMPDIR"] = str(self.temporary)
        self.ours = Child("tests.trust.campaign_worker", "ours", timeout=SECONDS)
        self.theirs = Child("tests.trust.campaign_worker", "theirs", timeout=SECONDS)

    def run(self, number: int) -> None:
        """Try `number` mutants of the seeds in turn, and print what came of them."""
        started = time.perf_counter()
        wholes = list(self._wholes())
        for at in range(number if wholes else 0):
            self._one(at, *wholes[at % len(wholes)])
        self.ours.stop()
        self.theirs.stop()
        took = time.perf_counter() - started
        counts = "".join(f"{self.count[name]:>{len(name) + 2}}" for name in COLUMNS)
        seeds = f"{len(wholes)} seeds"
        if self.otherwise:
            seeds += f", {len(self.otherwise)} of which its library reads otherwise"
        print(
            f"{self.format:10} {self.count.total():>7}{counts}  {self.peak:>7}  {self.slowest:>5.1f} s"
            f"  [{seeds}, {sum(map(len, self.pool.values()))} found, {took:.0f} s]"
        )
        print("".join(f"  {line}\n" for line in self.wrong[:SHOWN]), end="", flush=True)
        if len(self.wrong) > SHOWN:
            print(f"  ... and {len(self.wrong) - SHOWN} more")

    def _wholes(self) -> Iterator[tuple[Seed, Path]]:
        """Yield the seeds that can be read, each with its conversion."""
        for number, seed in enumerate(seeds(self.format, self.folder / "seeds", self.pattern)):
            target = self.folder / f"whole{number}.mla"
            said = self._ask(self.ours, seed.opened, target, Path())
            if said["what"] != "read":  # some cases lack files that they name
                continue
            self.told[target] = set(said["told"])
            # what the library reads otherwise without any damage tells nothing of a mutant
            if (
                self.format != "mla"
                and self._ask(self.theirs, seed.opened, target, target)["what"] == "differs"
            ):
                self.otherwise.add(target)
            yield seed, target

    def _ask(
        self, child: Child, path: Path, target: Path, whole: Path, *, guided: bool = False
    ) -> dict[str, Any]:
        asked: dict[str, Any] = {"path": str(path), "target": str(target), "whole": str(whole)}
        asked |= {"format": self.format, "guided": guided}
        answer = child.ask(json.dumps(asked))
        if answer == "hang":  # perhaps for what others do on this machine: asked once more, with patience
            for left in (target, *target.parent.glob(f".{target.name}.tmp-*")):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
            child.timeout = PATIENCE * SECONDS
            answer = child.ask(json.dumps(asked))
            child.timeout = SECONDS
        if answer.startswith("{"):
            return dict(json.loads(answer))
        return {"what": answer.split()[0], "text": answer}

    def _one(self, number: int, seed: Seed, whole: Path) -> None:
        noise = random.Random(f"{self.format}/{self.seed}/{number}")
        work = self.folder / "work"
        shutil.copytree(seed.folder, work)
        hit = noise.choice(seed.files())
        found = self.pool[seed.folder, hit]
        base = noise.choice(found) if found and noise.random() < 0.5 else (work / hit).read_bytes()
        how, content = damaged(base, noise)
        (work / hit).write_bytes(content)
        opened = work / seed.opened.relative_to(seed.folder)
        target = self.folder / "target" / "out.mla"
        target.parent.mkdir()
        before = _listing(work)
        said = self._ask(self.ours, opened, target, whole, guided=number % WATCHED == 0)
        self.peak, self.slowest = max(self.peak, said.get("mb", 0)), max(self.slowest, said.get("seconds", 0))
        what, text = said["what"], said.get("text", "")
        if said.get("new") and len(found) < KEPT and 0 < len(content) < LARGEST:
            found.append(content)
        left = set(_listing(self.temporary)) | set(_listing(target.parent))
        if what in ("read", "unstable"):
            left -= {target.name}
        if what == "read":
            what, text = self._judged(said, opened, target, whole)
        if what not in ("crash", "hang") and (left or _listing(work) != before):
            what, text = "files", f"{sorted(left)} left behind"
        elif said.get("mb", 0) > MEMORY:
            what, text = "memory", f"{said['mb']} MB"
        self.count[what] += 1
        if what in WRONG:
            self._note(number, f"{seed.opened.name}, {hit}, {how}: {what}: {text}", work)
        for folder in (work, target.parent, self.temporary):
            shutil.rmtree(folder)
        self.temporary.mkdir()

    def _judged(self, said: dict[str, Any], path: Path, target: Path, whole: Path) -> tuple[str, str]:
        """Return what an image that was read is: right, silently different, or not to be known."""
        compared = self._ask(self.theirs, path, target, whole)
        what = compared["what"]
        if what in ("as undamaged", "as the library"):
            return "right", ""
        warned = said["warned"] or set(said.get("told", ())) - self.told.get(whole, set())
        if what == "differs" and not warned and whole not in self.otherwise:
            return "silent", compared["text"]
        return "unknown", what

    def _note(self, number: int, text: str, work: Path) -> None:
        self.wrong.append(f"{self.format} {self.seed}/{number}: {text}"[:300])
        if self.keep is not None:
            shutil.copytree(work, self.keep / f"{self.format}-{self.seed}-{number}", dirs_exist_ok=True)


def _listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


def main() -> int:
    """Run the campaign of each format; 1 if a mutant did wrong."""
    from mlarray_io.engine.registry import installed

    names = [format.name for format in installed().formats if format.reads]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "formats", nargs="*", metavar="FORMAT", help=f"{', '.join(names)}; all if none is given"
    )
    parser.add_argument("--mutants", type=int, default=2000, metavar="N", help="of each format (2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default="*", metavar="PATTERN", help="names of files to damage, as *.dm3")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to keep mutants that did wrong")
    asked = parser.parse_args()
    if unknown := set(asked.formats) - set(names):
        parser.error(f"no format that can be read: {', '.join(sorted(unknown))}")
    failed = False
    print(HEADER, flush=True)
    for name in asked.formats or names:
        with tempfile.TemporaryDirectory(prefix="campaign-", dir=MEMORY_DISK) as folder:
            campaign = Campaign(name, Path(folder), asked.seed, asked.keep, asked.files)
            campaign.run(asked.mutants)
            failed |= bool(campaign.wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
