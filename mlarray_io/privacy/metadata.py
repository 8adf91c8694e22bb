"""The metadata of an image without what identifies a person, whatever format they came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlarray_core.meta import KEY, Additions, Channel
from mlarray_io.privacy.sidecar import clean_sidecar, identifying_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.meta import Meta
    from mlarray_io.privacy.profile import Privacy
    from mlarray_io.sdk.format import Format

RECORD = "deidentified"
"""The key below ``extra["mlarray"]`` that says how somebody was kept out."""
MOST_NAMES = 10_000
_PERSON = re.compile(r"(?i)patient|subject|birth|physician|operator")
"""What the names of fields are called after whose texts are about people, such as MINC's ``patient``."""
_OF_CHANNEL = frozenset({"name", "label", "color", "number", "value", "active", "window"})
"""What stays of the description of a channel."""


@dataclass(frozen=True)
class Findings:
    """What metadata say about a person, by the names of the fields, never by their values.

    Attributes
    ----------
    identifying
        Fields that their standard names as identifying.
    other
        Other fields that de-identification leaves out, as they may hold anything.
    voxels
        Why the voxels themselves may show who it is.
    deidentified
        How somebody was kept out already, empty when that wasn't done.
    """

    identifying: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    voxels: tuple[str, ...] = ()
    deidentified: tuple[str, ...] = ()


def findings(meta: Meta, format: Format | None) -> Findings:
    """Return what there is in metadata about a person.

    Parameters
    ----------
    meta
        Of the image.
    format
        The format of the header in `meta.source`; None when it isn't installed.
    """
    source, additions = meta.source.to_plain(), Additions.of(meta)
    named = list(format.identifying(source)) if format is not None and source else []
    fields = [f"bids.{name}" for name in identifying_fields(additions.bids)]
    complete = format is not None and format.names_identifying
    if not complete:  # a header that names them gave the sidecar
        named += fields
    texts = [] if complete else list(dict.fromkeys(_leaves(source, "source")))
    named += [name for name in texts if _PERSON.search(name.rpartition(".")[2])]
    other = [name for name in texts if name not in named]
    other += [f"extra.{name}" for name in meta.extra if name != KEY]
    record = additions.unknown.get(RECORD)
    done = tuple(str(one) for one in record.get("method", ())) if isinstance(record, dict) else ()
    risks = tuple(format.recognisable(source)) if format is not None and source else ()
    return Findings(tuple(named), tuple(other[:MOST_NAMES]), risks, done)


def deidentified(meta: Meta, format: Format | None, privacy: Privacy) -> Meta:
    """Return the metadata of an image without what identifies a person, with a record of what was done.

    The header of a format that isn't installed is left out whole, as are fields of `meta.extra` that are not
    ours. Names of labels and channels stay, as they are what a label map means, but for those that the header
    had where the profile wants none, as those of structures (ROI Name).

    Parameters
    ----------
    meta
        Of the image; stays as it is.
    format
        The format of the header in `meta.source`.
    privacy
        How it is asked for.
    """
    clean, source = meta.copy(), meta.source.to_plain()
    patient = format.patient(source) if format is not None and source else ""
    kept = format.deidentify(source, privacy) if format is not None and source else {}
    clean.source = kept
    additions = Additions.of(meta)
    additions.bids = clean_sidecar(additions.bids, privacy, patient)
    additions.losses = []
    gone = _texts(source) - _texts(kept) if additions.labels or additions.channels else set()
    additions.labels = [
        replace(one, name=f"label {one.value}") if one.name in gone else one for one in additions.labels
    ]
    additions.channels = [
        Channel({n: v for n, v in one.items() if n in _OF_CHANNEL and not (isinstance(v, str) and v in gone)})
        for one in additions.channels
    ]
    additions.unknown = {RECORD: {"method": privacy.method, "codes": [list(code) for code in privacy.codes]}}
    clean.extra = {}
    additions.store(clean)
    return clean


def _texts(value: Any) -> set[str]:
    """Return the texts in a header."""
    if isinstance(value, dict):
        return set().union(*(_texts(part) for part in value.values()))
    if isinstance(value, list):
        return set().union(*(_texts(part) for part in value))
    return {value} if isinstance(value, str) else set()


def _leaves(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of the texts in a header."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}")
    elif isinstance(value, list):
        if any(isinstance(part, str) and part.strip() for part in value):
            yield path
        for part in value:
            if isinstance(part, dict | list):
                yield from _leaves(part, path)
    elif isinstance(value, str) and value.strip():
        yield path
