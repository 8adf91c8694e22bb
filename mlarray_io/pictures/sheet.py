"""Planes side by side: as a picture with the patient's sides and a scale, or as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, OptionError
from mlarray_io.printing.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from PIL import ImageDraw
    from rich.text import Text

    from mlarray_io.pictures.planes import Plane

    Array = np.ndarray[Any, Any]

GAP, GAP_COLUMNS = 8, 2
"""Pixels between two planes of a picture, characters in a terminal."""
MOST_LABELS = 40
"""Labels that a legend explains."""
FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF",
    ".bmp": "BMP",
}  # fmt: skip
"""What Pillow calls the format of each suffix."""
SCALES = [number * 10.0**power for power in range(5, -7, -1) for number in (5, 2, 1)]
"""Round lengths of the bar, longest first, in the world's unit."""


def save(shown: list[Plane], target: Path, height: int = 512) -> None:
    """Write planes side by side, a millimetre as long in each direction, with sides and a scale.

    The suffix says the format, of those that Pillow writes.

    Parameters
    ----------
    shown
        The planes, from left to right.
    target
        Where to.
    height
        Pixels from top to bottom.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    OptionError
        The suffix is none of a picture.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingDependencyError(
            "writing a picture needs Pillow", path=target, hint="Install it with: pip install 'mlarray[show]'"
        ) from error
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        hint = f"End it in {', '.join(FORMATS)}"
        raise OptionError("a picture can't have this name", path=target, hint=hint)
    scale = height / max(plane.height for plane in shown)
    sizes = [(max(1, round(plane.width * scale)), max(1, round(plane.height * scale))) for plane in shown]
    sheet = Image.new("RGB", (sum(w for w, _ in sizes) + GAP * (len(sizes) - 1), height))
    left = 0
    for plane, size in zip(shown, sizes, strict=True):
        how = Image.Resampling.NEAREST if plane.labels else Image.Resampling.BILINEAR
        sheet.paste(Image.fromarray(plane.pixels).resize(size, how), (left, (height - size[1]) // 2))
        left += size[0] + GAP
        _mark(ImageDraw.Draw(sheet), plane, left - size[0] - GAP, size, height, scale)
    sheet.save(target, kind)


def _mark(
    draw: ImageDraw.ImageDraw, plane: Plane, left: int, size: tuple[int, int], height: int, scale: float
) -> None:
    """Write the letters of the patient's sides at the edges of a plane, and a bar of a round length below."""
    top, (wide, high) = (height - size[1]) // 2, size
    if plane.sides:
        places = ((left + 3, height // 2), (left + wide - 9, height // 2),
                  (left + wide // 2 - 3, top + 2), (left + wide // 2 - 3, top + high - 13))  # fmt: skip
        for letter, place in zip(plane.sides, places, strict=True):
            draw.text(place, letter, fill=(255, 255, 0))
    length = next((one for one in SCALES if one * scale <= wide / 3), None)
    if length is not None:
        line = top + high - 4
        draw.line((left + 4, line, left + 4 + round(length * scale), line), fill=(255, 255, 0), width=2)
        draw.text((left + 4, line - 14), f"{length:g}", fill=(255, 255, 0))


def publish(shown: list[Plane], target: str, *, overwrite: bool) -> None:
    """Write a picture that appears whole or not at all.

    Parameters
    ----------
    shown
        The planes.
    target
        Where to.
    overwrite
        Replace an existing picture.
    """
    from mlarray_core.disk import naming
    from mlarray_core.publish import atomic

    with atomic(target, overwrite=overwrite) as path, naming(path):
        save(shown, path)


def print_planes(shown: list[Plane]) -> None:
    """Print planes in the terminal, as large as it is."""
    from rich.console import Console

    console = Console()
    below = [_sides(shown), _legend(shown)]
    taken = sum(-(-len(text) // console.width) for text in below)
    console.print(blocks(shown, console.width - 1, max(4, console.height - 2 - taken)))  # 2 for the prompts
    for text in filter(None, below):
        console.print(text)


def described(shown: list[Plane]) -> list[str]:
    """Return a line for each plane: its size, where the patient's sides are, and which labels it shows."""
    lines = []
    for one in shown:
        rows, columns = one.pixels.shape[:2]
        names = [printable(f"{value} {name}".rstrip()) for value, _, name in one.legend]
        many = f" and {len(names) - MOST_LABELS} more" if len(names) > MOST_LABELS else ""
        facts = [f"{rows} x {columns}", _side(one), ", ".join(names[:MOST_LABELS]) + many]
        lines.append(f"{one.title}: {'; '.join(filter(None, facts))}")
    return lines


def _side(plane: Plane) -> str:
    return f"{plane.sides[0]} left, {plane.sides[2]} up" if plane.sides else ""


def _sides(shown: list[Plane]) -> Text:
    from rich.text import Text

    return Text("; ".join(f"{one.title}: {_side(one)}" for one in shown if one.sides))


def _legend(shown: list[Plane]) -> Text:
    """Return what the colours of labels stand for, those that are to be seen."""
    from rich.text import Text

    found = sorted({entry for one in shown for entry in one.legend})
    text = Text()
    for value, (red, green, blue), name in found[:MOST_LABELS]:
        text.append("\u2588", f"rgb({red},{green},{blue})")
        text.append(printable(f" {value} {name}".rstrip() + "  "))
    return text.append(f"and {len(found) - MOST_LABELS} more") if len(found) > MOST_LABELS else text


def blocks(shown: list[Plane], columns: int, lines: int) -> Text:
    """Return planes as text for a terminal, two pixels in each character, in as many rows as show most.

    Parameters
    ----------
    shown
        The planes.
    columns, lines
        Characters of the terminal that they may take.
    """
    from rich.text import Text

    layouts = [
        [shown[start : start + count] for start in range(0, len(shown), count)]
        for count in range(1, len(shown) + 1)
    ]
    layout = max(layouts, key=lambda rows: _scale(rows, columns, lines))
    text = Text(no_wrap=True)
    for row in layout:
        _draw(text, row, _scale(layout, columns, lines))
    return text


def _scale(rows: Sequence[Sequence[Plane]], columns: int, lines: int) -> float:
    """Return how many pixels a unit of the world may take, so that rows of planes fit; a line has two."""
    width = min((columns - GAP_COLUMNS * (len(row) - 1)) / sum(plane.width for plane in row) for row in rows)
    return min(width, 2 * (lines - len(rows)) / sum(max(plane.height for plane in row) for row in rows))


def _draw(text: Text, shown: Sequence[Plane], scale: float) -> None:
    """Append planes side by side."""
    import numpy as np

    sheets = [
        _nearest(plane, max(1, int(plane.height * scale)), max(1, int(plane.width * scale)))
        for plane in shown
    ]
    rows = max(len(sheet) for sheet in sheets)
    rows += rows % 2
    sheets = [np.pad(sheet, ((0, rows - len(sheet)), (0, 0), (0, 0))) for sheet in sheets]
    for row in range(0, rows, 2):
        for index, sheet in enumerate(sheets):
            for upper, lower in zip(sheet[row], sheet[row + 1], strict=True):
                text.append(
                    "\u2580",
                    f"rgb({upper[0]},{upper[1]},{upper[2]}) on rgb({lower[0]},{lower[1]},{lower[2]})",
                )
            text.append(" " * GAP_COLUMNS if index < len(sheets) - 1 else "\n")


def _nearest(plane: Plane, height: int, width: int) -> Array:
    import numpy as np

    rows = (np.arange(height) + 0.5) * len(plane.pixels) / height
    columns = (np.arange(width) + 0.5) * plane.pixels.shape[1] / width
    picked: Array = plane.pixels[rows.astype(int)][:, columns.astype(int)]
    return picked
