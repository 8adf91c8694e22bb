"""Label tables written for other programs, beside images whose format has no place for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlarray_core.meta import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlarray_io.sdk.context import Context

_ITK_SNAP_HEADING = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""
"""As ITK-SNAP writes it (ColorLabelTable.cxx, ``SaveToFile``)."""


class Kind(NamedTuple):
    """How a program has its label tables.

    Attributes
    ----------
    title
        What the program is called.
    suffix
        What follows the name of the image.
    heading
        Before the first label.
    line
        Spells a label.
    largest
        The largest value that the program has labels of.
    holds
        Keys of `Label.others` that the table holds.
    """

    title: str
    suffix: str
    heading: str
    line: Callable[[Label], str]
    largest: int
    holds: frozenset[str] = frozenset()


def table_path(target: Path, suffixes: Sequence[str], kind: str) -> Path:
    """Return where the label table of an image belongs: beside it, by its name without suffix.

    Parameters
    ----------
    target
        The image.
    suffixes
        How files of its format end.
    kind
        A key of `KINDS`.
    """
    low = target.name.lower()
    own = max((one for one in suffixes if low.endswith(one)), key=len, default="")
    return target.with_name(target.name[: len(target.name) - len(own)] + KINDS[kind].suffix)


def write_label_table(labels: Sequence[Label], path: Path, kind: str, context: Context) -> None:
    """Write a label table as another program has it; a background that isn't in it is added, as they expect.

    Parameters
    ----------
    labels
        The table.
    path
        Where to.
    kind
        A key of `KINDS`.
    context
        Where to report what the program has no place for.
    """
    program = KINDS[kind]
    held = [label for label in labels if 0 <= label.value <= program.largest]
    if len(held) < len(labels):
        why = f"{program.title} has labels from 0 to {program.largest:,}"
        context.loss(f"{len(labels) - len(held)} entries of the label table", why)
    coded = sum(any((one.code, one.category, one.modifier, one.region)) for one in held)
    if coded:
        context.loss(
            f"the codes of {coded} {'label' if coded == 1 else 'labels'}",
            f"{program.title} has no place for them",
        )
    others = sorted({key for label in held for key in label.others} - program.holds)
    if others:
        context.loss(f"of labels: {', '.join(others)}", f"{program.title} has no place for it")
    if all(label.value for label in held):
        held.append(Label(0, "", "#00000000"))
    lines = (program.line(label) for label in sorted(held, key=lambda one: one.value))
    path.write_text(program.heading + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def _freesurfer(label: Label) -> str:
    """Spell a line of a lookup table; names have no blanks, the last number is 255 minus opacity."""
    name = "_".join((label.name or _nameless(label, "Unknown")).split()) or "_"
    red, green, blue, opacity = _rgba(label)
    last = 0 if label.value == 0 else 255 - opacity  # FreeSurfer's own background is written so, too
    return f"{label.value:<6d}  {name:<40} {red:<3d} {green:<3d} {blue:<3d} {last}"


def _itk_snap(label: Label) -> str:
    name = (label.name or _nameless(label, "Clear Label")).replace('"', "'")
    red, green, blue, opacity = _rgba(label)
    clear = opacity == 0
    shown = (int(label.others.get(key) is not False and not clear) for key in ("visible", "mesh"))
    numbers = (f"{label.value:5d} {red:4d} {green:4d} {blue:4d}", f"{opacity / 255:8.3g}")
    return f'{"  ".join((*numbers, *map(str, shown)))}    "{" ".join(name.split())}"'


def _nameless(label: Label, background: str) -> str:
    return f"Label {label.value}" if label.value else background


def _rgba(label: Label) -> tuple[int, int, int, int]:
    from mlarray_core.exchange.notebook import color_for

    return label.rgba or (*color_for(label.value), 255 if label.value else 0)


KINDS: dict[str, Kind] = {
    "freesurfer": Kind(
        "FreeSurfer",
        "_LUT.txt",
        f"#{'No.':<6} {'Label Name:':<40} R   G   B   A\n",
        _freesurfer,
        2**31 - 1,
    ),
    "itksnap": Kind(
        "ITK-SNAP", ".label", _ITK_SNAP_HEADING, _itk_snap, 65535, frozenset(("visible", "mesh"))
    ),
}
"""The programs whose label tables can be written."""
