"""Images of ITK's formats: by SimpleITK where it writes them, else by their rules; and as it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK

if TYPE_CHECKING:
    from pathlib import Path

VISU_PARS = """##TITLE=Parameter List
##JCAMPDX=4.24
##DATATYPE=Parameter Values
##ORIGIN=made by a test
##OWNER=nobody
$$ 2026-01-01 00:00:00.000 +0000
$$ /data/visu_pars
$$ process 1
##$VisuCoreFrameCount=1
##$VisuCoreDim=3
##$VisuCoreSize=( 3 )
5 4 3
##$VisuCoreExtent=( 3 )
10 12 9
##$VisuCoreOrientation=( 1, 9 )
0 1 0 1 0 0 0 0 -1
##$VisuCorePosition=( 1, 3 )
-5 -6 -4.5
##$VisuCoreDataSlope=( 1 )
0.5
##$VisuCoreDataOffs=( 1 )
10
##$VisuCoreWordType=_16BIT_SGN_INT
##$VisuCoreByteOrder=littleEndian
##END=
"""
"""By the rules that ITK reads them by; no scanner's file is at hand that may be passed on."""


def bruker(folder: Path) -> Path:
    """Write a ``2dseq`` and its parameters to a new folder."""
    folder.mkdir()
    (folder / "visu_pars").write_text(VISU_PARS, encoding="utf-8")
    (folder / "2dseq").write_bytes(np.arange(-7, 53, dtype="<i2").tobytes())
    return folder / "2dseq"


def by_simpleitk(path: Path, dtype: str = "i2", shape: tuple[int, ...] = (3, 4, 5)) -> Path:
    """Have SimpleITK write an image of voxels that count up."""
    image = SimpleITK.GetImageFromArray(np.arange(np.prod(shape)).astype(dtype).reshape(shape))
    image.SetSpacing((1.5, 2, 3)[: len(shape)])
    image.SetOrigin((-10, 20, 5)[: len(shape)])
    SimpleITK.WriteImage(image, str(path))
    return path


def text_vtk(path: Path) -> Path:
    """Write an image as VTK writes text."""
    lines = [
        "# vtk DataFile Version 3.0", "made by a test", "ASCII", "DATASET STRUCTURED_POINTS",
        "DIMENSIONS 5 4 3", "SPACING 1.5 2 3", "ORIGIN -10 20 5", "POINT_DATA 60", "SCALARS scalars short 1",
        "LOOKUP_TABLE default",
    ]  # fmt: skip
    numbers = [" ".join(map(str, range(start - 30, start - 21))) for start in range(0, 60, 9)]
    numbers[-1] = " ".join(map(str, range(24, 30)))
    path.write_text("\n".join([*lines, *numbers]) + "\n", encoding="utf-8")
    return path


def as_read(path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Return voxels and affine, slowest axis first, as SimpleITK reads them, and its world."""
    image = SimpleITK.ReadImage(str(path))
    count = image.GetDimension()
    directions = np.array(image.GetDirection()).reshape(count, count) * image.GetSpacing()
    affine = np.eye(count + 1)
    affine[:-1, :-1] = directions[:, ::-1]
    affine[:-1, -1] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image), affine, "LPS"
