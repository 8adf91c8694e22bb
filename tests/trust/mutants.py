"""Damaged files: each must be refused, warned of, or right."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.trust import samples
from tests.trust.child import Child
from tests.trust.mutate import mutant

BAD = ("silent", "foreign", "memory", "crash", "hang", "opaque")


def run(kind: str, count: int, seed: int, keep: Path | None = None) -> list[str]:
    """Try `count` mutants of ``sealed`` or ``unsealed`` files; return what went wrong."""
    classes: Counter[str] = Counter()
    failures: list[str] = []
    rss = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = getattr(samples, kind)(folder)
        child = Child("tests.trust.mutant_worker", name)
        path = folder / "sub" / "mutant.mla"
        path.parent.mkdir()
        for number in range(count):
            draw = random.Random(f"{seed}/{number}")
            sample = draw.choice(originals)
            how, data = mutant(sample.data, draw)
            path.write_bytes(data)
            said = child.ask(f"{path}\t{sample.name}")
            answer = {"info": said, "read": said, "rss": 0} if said[0] != "{" else json.loads(said)
            rss = max(rss, answer["rss"])
            for part in ("info", "read"):
                word = answer[part].split()[0]
                classes[f"{part}: {word}"] += 1
                if word in BAD and not (kind == "unsealed" and word == "silent"):
                    failures.append(f"{kind} {number} ({how}, {sample.name}): {part}: {answer[part]}")
                    if keep is not None:
                        (keep / f"{kind}-{seed}-{number}.mla").write_bytes(data)
        child.stop()
        largest = max(sample.logical for sample in originals)
    print(f"{kind} mutants: {count}, seed {seed}, from {len(originals)} files")
    for word, times in sorted(classes.items()):
        print(f"  {word:16} {times}")
    print(f"  memory: {rss / 1024:.1f} MiB at most for images of up to {largest / 2**20:.1f} MiB")
    if rss * 1024 > 3 * largest:
        failures.append(f"{kind}: {rss} KiB more than before, over 3 times {largest} bytes")
    return failures
