"""Planes side by side: as a picture with the patient's sides and a scale, or as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from PIL import ImageDraw

    from mlarray_io.pictures.planes import Plane

    Array = np.ndarray[Any, Any]

GAP = 8
"""Pixels between two planes."""
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
    from mlarray_core.publish import atomic

    with atomic(target, overwrite=overwrite) as path:
        save(shown, path)


def print_planes(shown: list[Plane]) -> None:
    """Print planes in the terminal, as wide as it is."""
    from rich.console import Console

    console = Console()
    console.print(blocks(shown, console.width - 1))
    sides = [f"{one.title}: {one.sides[0]} left, {one.sides[2]} up" for one in shown if one.sides]
    if sides:
        console.print("; ".join(sides))


def blocks(shown: list[Plane], columns: int) -> Any:
    """Return planes side by side as text for a terminal, two pixels in each character."""
    import numpy as np
    from rich.text import Text

    widths = sum(plane.width for plane in shown)
    scale = (columns - 2 * (len(shown) - 1)) / widths
    sheets = [
        _nearest(plane, max(1, int(plane.height * scale)), max(1, int(plane.width * scale)))
        for plane in shown
    ]
    rows = max(len(sheet) for sheet in sheets)
    rows += rows % 2
    sheets = [np.pad(sheet, ((0, rows - len(sheet)), (0, 0), (0, 0))) for sheet in sheets]
    text = Text(no_wrap=True)
    for row in range(0, rows, 2):
        for index, sheet in enumerate(sheets):
            for upper, lower in zip(sheet[row], sheet[row + 1], strict=True):
                text.append(
                    "\u2580",
                    f"rgb({upper[0]},{upper[1]},{upper[2]}) on rgb({lower[0]},{lower[1]},{lower[2]})",
                )
            text.append("  " if index < len(sheets) - 1 else "\n")
    return text


def _nearest(plane: Plane, height: int, width: int) -> Array:
    import numpy as np

    rows = (np.arange(height) + 0.5) * len(plane.pixels) / height
    columns = (np.arange(width) + 0.5) * plane.pixels.shape[1] / width
    picked: Array = plane.pixels[rows.astype(int)][:, columns.astype(int)]
    return picked
