"""What every format passes, on files of many kinds that tifffile wrote, compared with tifffile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from mlarray_io.testing import FormatTests, Reference
from mlarray_tiff import TiffFormat

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Format, ImageRef

VOLUME = np.random.default_rng(1).integers(0, 60000, (3, 2, 70, 90)).astype("u2")
COLOURS = np.random.default_rng(2).integers(0, 255, (40, 50, 3)).astype("u1")


class TestTiff(FormatTests):
    @pytest.fixture
    def format(self) -> Format:
        return TiffFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
        folder = tmp_path_factory.mktemp("samples")
        tile = {"tile": (32, 32), "photometric": "minisblack"}
        tifffile.imwrite(
            folder / "ome.ome.tif", VOLUME, ome=True, metadata={"axes": "ZCYX", "PhysicalSizeX": 0.5},
            compression="zlib", predictor=2, **tile,
        )  # fmt: skip
        tifffile.imwrite(folder / "imagej.tif", VOLUME, imagej=True, metadata={"axes": "ZCYX", "unit": "um"})
        tifffile.imwrite(folder / "shaped.tif", VOLUME.astype("f8"), byteorder=">", photometric="minisblack")
        tifffile.imwrite(folder / "big.tif", VOLUME[0, 0], bigtiff=True, compression="lzw", rowsperstrip=7)
        tifffile.imwrite(
            folder / "rgb.tif", COLOURS, photometric="rgb", compression="packbits", **{"tile": (16, 16)}
        )
        planar = np.moveaxis(COLOURS, -1, 0).copy()
        tifffile.imwrite(
            folder / "planar.tif", planar, photometric="rgb", planarconfig="separate", metadata=None
        )
        tifffile.imwrite(folder / "bits.tif", VOLUME[0, 0] > 30000, photometric="minisblack")
        return sorted(folder.iterdir())

    def reference(self, path: Path, image: ImageRef) -> Reference | None:
        return tifffile.imread(path), None, None


def test_starting_up_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, mlarray_tiff; mlarray_tiff.mlarray_formats(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "tifffile", "imagecodecs", "blosc2"} & set(modules.split())
