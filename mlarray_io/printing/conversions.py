"""What conversions did: one line each for a person, one object of JSON for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.printing.errors import error_json, error_text
from mlarray_io.printing.text import amount, printable, say, smaller, strict_json

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMED = 4
"""How many identifying fields are named; ``mlarray privacy`` names all."""


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
        identified = Identified()
        identified.add(conversion)
        identified.tell()


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
    identified = Identified()
    for result in results:
        if isinstance(result, Failure):
            say(error_text(result.error), err=True)
        elif not quiet:
            _summary(result)
            identified.add(result)
    if not quiet:
        identified.tell()
        say(f"{len(results) - len(failed)} of {len(results)} images converted")
    return len(failed)


class Identified:
    """Counts what went into targets that identifies a person, and says so once."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._images = 0

    def add(self, conversion: Conversion) -> None:
        """Count the fields of one image."""
        self._images += bool(conversion.identifying)
        self._names.update(dict.fromkeys(conversion.identifying))

    def tell(self) -> None:
        """Say how many there are, and what to do, on standard error."""
        if not self._names:
            return
        names = sorted(self._names, key=_by_name)
        shown = ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
        count = f"{len(names)} identifying field{'' if len(names) == 1 else 's'}"
        where = "the file" if self._images == 1 else f"{self._images:,} files"
        say(
            f"note: {count} of headers went into {where} ({printable(shown)}): --anonymize leaves them out, "
            "'mlarray privacy FILE' lists them",
            err=True,
        )


def _by_name(name: str) -> tuple[bool, bool, str]:
    """Return what sorts names of fields: those of the patient first, private ones last."""
    return name.startswith("("), not name.startswith("Patient"), name


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
