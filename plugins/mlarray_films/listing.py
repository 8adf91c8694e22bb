"""What a film holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_films.container import explained, open_container
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from pathlib import Path


def list_streams(path: Path, context: Context) -> list[ImageRef]:
    """List the streams of pictures, without reading frames. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Is told of what isn't read.
    """
    with explained(path), open_container(path) as film:
        for stream in film.streams:
            if stream.type != "video":
                context.skip(f"stream {stream.index}", f"it holds no pictures ({stream.type})")
        pictures = film.streams.video
        return [
            ImageRef(
                key=str(stream.index),
                primary=len(pictures) == 1,
                facts={"shape": [int(stream.frames or 0), int(stream.height), int(stream.width)]},
            )
            for stream in pictures
        ]
