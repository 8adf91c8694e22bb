"""What SimpleITK writes as one format, converted to another and read by SimpleITK, is the same, or a loss.

Eleven kinds of image: one to six components, two to four dimensions, upright and oblique; directly and over
``.mla``.
"""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

import mlarray

SUFFIXES = (".nii", ".nrrd", ".mha")
COS, SIN = np.cos(0.3), np.sin(0.3)
OBLIQUE = [COS, -SIN, 0, SIN, COS, 0, 0, 0, 1]
PLANE = [COS, -SIN, SIN, COS]
KINDS = {
    "scalar": ((3, 4, 5), 1, "i2", None), "real": ((3, 4, 5), 1, "f4", None),
    "oblique": ((3, 4, 5), 1, "u1", OBLIQUE),
    "two parts": ((3, 4, 5), 2, "f4", None), "three parts": ((3, 4, 5), 3, "f4", OBLIQUE),
    "colours": ((3, 4, 5), 3, "u1", None), "four parts": ((3, 4, 5), 4, "u1", None),
    "six parts": ((3, 4, 5), 6, "f8", None), "plane": ((4, 5), 1, "i2", None),
    "oblique plane": ((4, 5), 1, "i2", PLANE), "series": ((2, 3, 4, 5), 1, "i2", None),
}  # fmt: skip
"""Shape, components, type and direction."""


def made(kind, path):
    shape, parts, dtype, direction = KINDS[kind]
    voxels = np.arange(np.prod(shape) * parts).reshape(*shape, *((parts,) if parts > 1 else ())).astype(dtype)
    image = SimpleITK.GetImageFromArray(voxels, isVector=parts > 1)
    image.SetSpacing((1.5, 2, 3, 2.5)[: len(shape)])
    image.SetOrigin((-10, 20, 5, 0)[: len(shape)])
    if direction is not None:
        image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path))
    return SimpleITK.ReadImage(str(path))


def places(image):
    """Return where the corners are, in three dimensions."""
    count = min(image.GetDimension(), 3)
    index = np.array(np.meshgrid(*([0, size - 1] for size in image.GetSize()[:count]))).reshape(count, -1).T
    found = [
        image.TransformIndexToPhysicalPoint([*map(int, at), *[0] * (image.GetDimension() - count)])
        for at in index
    ]
    return np.array([[*point, 0, 0, 0][:3] for point in found])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_or_a_loss_is_told(tmp_path, kind, source, target):
    before = made(kind, tmp_path / f"a{source}")
    mlarray.convert(tmp_path / f"a{source}", tmp_path / "a.mla")
    for name, way in (("b", tmp_path / f"a{source}"), ("c", tmp_path / "a.mla")):
        done = mlarray.convert(way, tmp_path / f"{name}{target}")
        losses = " ".join(str(loss) for loss in done.losses)
        after = SimpleITK.ReadImage(str(tmp_path / f"{name}{target}"))
        one, other = (SimpleITK.GetArrayFromImage(image) for image in (before, after))
        assert one.dtype == other.dtype
        if one.shape != other.shape:
            # a series that is no time is a vector in NRRD for ITK; a plane of NIfTI has a z of one
            assert sorted(filter(lambda size: size > 1, one.shape)) == sorted(
                filter(lambda size: size > 1, other.shape)
            )
            if before.GetDimension() == 4 and after.GetNumberOfComponentsPerPixel() > 1:
                other = np.moveaxis(other, -1, 0)
        np.testing.assert_array_equal(np.squeeze(one), np.squeeze(other))
        if "position" not in losses:
            old, new = places(before), places(after)
            np.testing.assert_allclose(
                np.unique(new.round(3), axis=0), np.unique(old.round(3), axis=0), atol=2e-3
            )
        if before.GetDimension() == after.GetDimension() == 4 and "positions" not in losses:
            assert after.GetSpacing()[3] == pytest.approx(before.GetSpacing()[3])
