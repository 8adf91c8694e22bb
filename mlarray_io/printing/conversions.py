"""What conversions did: one line each for a person, one object of JSON for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.printing.errors import error_json, error_text
from mlarray_io.printing.text import amount, printable, say, smaller, strict_json

if TYPE_CHECKING:
    from collections.abc import Sequence


def done(conversion: Conversion, *, as_json: bool, quiet: bool) -> None:
    """Print what a conversion did.

    Parameters
    ----------
    conversion
        What was done.
    as_json
        Print strict JSON.
    quiet
        Print nothing for a person.
    """
    if as_json:
        say(strict_json(_with_checksum(conversion)))
    elif not quiet:
        _summary(conversion)


def all_done(results: Sequence[Conversion | Failure], *, as_json: bool, quiet: bool) -> int:
    """Print what several conversions did; return how many failed.

    Parameters
    ----------
    results
        What was done and what failed, in order.
    as_json
        Print strict JSON.
    quiet
        Print nothing but failures for a person.
    """
    failed = [result for result in results if isinstance(result, Failure)]
    if as_json:
        good = [_with_checksum(result) for result in results if isinstance(result, Conversion)]
        bad = [{"image": result.image, **json.loads(error_json(result.error))} for result in failed]
        say(strict_json({"converted": good, "failed": bad}))
        return len(failed)
    for result in results:
        if isinstance(result, Failure):
            say(error_text(result.error), err=True)
        elif not quiet:
            _summary(result)
    if not quiet:
        say(f"{len(results) - len(failed)} of {len(results)} images converted")
    return len(failed)


def _summary(conversion: Conversion) -> None:
    spacing = conversion.spacing
    facts = [
        " x ".join(map(str, conversion.shape)) or "()",
        conversion.dtype,
        "no spacing" if spacing is None else "spacing " + " x ".join(f"{step:.4g}" for step in spacing),
        f"{amount(conversion.target_bytes)} ({smaller(conversion.target_bytes, conversion.voxel_bytes)})",
        f"{conversion.seconds:.2f} s",
    ]
    say(printable(f"{conversion.source} -> {conversion.target}: {', '.join(facts)}"))
    for warning in conversion.warnings:
        say(f"note: {printable(warning)}", err=True)
    for skipped in conversion.skipped:
        say(f"skipped: {printable(str(skipped))}", err=True)
    for loss in conversion.losses:
        say(f"lost: {printable(str(loss))}", err=True)


def conversion_json(conversion: Conversion) -> dict[str, object]:
    """Return what a conversion did as JSON can hold it: the same keys for one image and for many."""
    plain: dict[str, object] = {name: getattr(conversion, name) for name in conversion.__dataclass_fields__}
    plain["source"], plain["target"] = str(conversion.source), str(conversion.target)
    plain["losses"] = [{"what": loss.what, "why": loss.why} for loss in conversion.losses]
    plain["skipped"] = [{"what": one.what, "why": one.why, "lost": one.lost} for one in conversion.skipped]
    return {"state": "converted", **plain, "ratio": conversion.ratio}


def _with_checksum(conversion: Conversion) -> dict[str, object]:
    """Return a conversion as a batch prints it, which knows the checksum."""
    from mlarray_io.places.digests import digest
    from mlarray_io.places.place import place_of

    here = place_of(str(conversion.target)).local
    checksum = digest(here) if here is not None and here.exists() else None
    return {**conversion_json(conversion), "checksum": checksum}
