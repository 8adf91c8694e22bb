"""GE's protocol data block (0025,101B): the settings of a scan, and what they say of its slices.

The block is text packed with gzip, ``NAME "VALUE"`` in lines. How slices follow one another is known from
dcm2niix (`geProtocolBlock`, `sliceTimingGE`) and what it cites: every second slice first, but for ``FMRI``
with SLICEORDER 0, MBACCEL slices at once, and one excitation more where early releases of simultaneous slices
have an even number of them (Figure 3 of doi:10.1002/mrm.25897).
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from mlarray_dicom.elements import loose_number, text_of, texts_of
from mlarray_dicom.frames.private import private_numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LARGEST = 1 << 20
"""Bytes of text; real ones have some 20,000."""
_LONGEST = 3600
"""Seconds: a delay that is longer is none."""
_LINE = re.compile(rb'^\s*(?:set\s+)?(\w+)\s+"([^"]*)"', re.MULTILINE)
_RELEASE = re.compile(r"[A-Z]{2}(\d+)\.(\d+)_(R|EA)(\d*)")
"""In Software Versions: ``RX27.0_R02_1831.a``, ``MR29.1_EA_2039.g``."""
_SIMULTANEOUS, _PADDED = (26, 0, 0), (27, 0, 3)
"""Releases since which slices excited at once are timed, and since which no excitation is added."""


def settings_of(dataset: Dataset) -> dict[str, str]:
    """Return the settings by name; none where there is no block, or one of XML, as newer scanners write.

    Parameters
    ----------
    dataset
        Header of a file.
    """
    block = private_value(dataset, 0x0025, 0x101B)
    start = block.find(b"\x1f\x8b\x08", 0, 16) if isinstance(block, bytes) else -1
    if start < 0 or not isinstance(block, bytes):
        return {}
    try:
        text = zlib.decompressobj(31).decompress(block[start:], _LARGEST)
    except zlib.error:
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in _LINE.findall(text)}


def group_delay(dataset: Dataset) -> float:
    """Return how long GE's scanner waits between volumes beside the repetition time, in s.

    ``FMRI`` says it in (0043,107C), multi-phase imaging in DELACQNOAV, but not where DELACQ is Minimum.
    """
    if "GE" not in text_of(dataset, "Manufacturer").upper().split():
        return 0.0
    found = private_numbers(dataset, 0x0043, 0x107C)
    if found:
        return max(0.0, found[0])
    settings = settings_of(dataset)
    if "MPh" not in settings.get("IOPT", "") or settings.get("DELACQ") == "Minimum":
        return 0.0
    try:
        delay = float(settings.get("DELACQNOAV", "0"))
    except ValueError:
        return 0.0
    return delay if 0 < delay < _LONGEST else 0.0


def slice_times(dataset: Dataset, count: int) -> list[float] | None:
    """Return when slices are excited, in s after the volume begins, in the order of their numbers.

    Only of echo-planar imaging of many volumes (``FMRI``, ``MPh``), whose repetition time is that of a volume
    without its delay. Of diffusion, and where delays vary (``MPhVar``), it isn't known.

    Parameters
    ----------
    dataset
        Header of the first file.
    count
        Number of slices.
    """
    settings = settings_of(dataset)
    kinds = settings.get("IOPT", "")
    repetition = loose_number(dataset, "RepetitionTime")
    if not ("FMRI" in kinds or "MPh" in kinds) or "MPhVar" in kinds or not repetition or count < 2:
        return None
    order = _whole(settings, "SLICEORDER") if "FMRI" in kinds else 1
    at_once = max(_whole(settings, "MBACCEL") or 1, 1)
    if order is None:
        return None
    excitations = _excitations(dataset, count, at_once)
    if excitations is None:
        return None
    places = list(range(excitations))
    if order:
        places = _interleaved(excitations, swapped=at_once > 1 and _release(dataset) >= _PADDED)
    step = repetition / 1000 / excitations
    return [places[number % excitations] * step for number in range(count)]


def _excitations(dataset: Dataset, count: int, at_once: int) -> int | None:
    """Return how many there are in a volume; None for releases of which that isn't known."""
    needed, release = -(-count // at_once), _release(dataset)
    if at_once == 1:
        return needed
    if release < _SIMULTANEOUS:
        return None
    return needed + (needed % 2 == 0 and release < _PADDED)


def _interleaved(count: int, *, swapped: bool) -> list[int]:
    """Return the place in time of each excitation, counted from 0: the even ones come first."""
    first = -(-count // 2)
    places = [number // 2 if number % 2 == 0 else first + number // 2 for number in range(count)]
    if swapped and count > 2 and count % 2 == 0:
        places[-1], places[-3] = places[-3], places[-1]
    return places


def _release(dataset: Dataset) -> tuple[int, int, int]:
    """Return the release of the scanner's software, such as (27, 0, 3); zeros where it isn't said."""
    found = _RELEASE.search("\\".join(texts_of(dataset, "SoftwareVersions")))
    if found is None:
        return 0, 0, 0
    major, minor, kind, number = found.groups()
    return int(major), int(minor), int(number or 0) if kind == "R" else 0


def _whole(settings: dict[str, str], name: str) -> int | None:
    text = settings.get(name, "").strip()
    return int(text) if text.isdigit() and len(text) < 4 else None
