"""What a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_gdal.raster import check_file, explained, names_of, open_checked
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from pathlib import Path


def list_rasters(path: Path, context: Context) -> list[ImageRef]:
    """List the rasters of a file by their number. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Isn't needed.
    """
    with explained(path), open_checked(check_file(path)) as raster:
        names = names_of(raster)
        if not names:
            facts = {"shape": [raster.count, raster.height, raster.width]}
            return [ImageRef(key="0", primary=True, facts=facts)]
        return [ImageRef(key=str(number), title=name.split(":")[0]) for number, name in enumerate(names)]
