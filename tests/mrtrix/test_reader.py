"""What an MRtrix header means, rule by rule; mrconvert is asked where it is installed."""

from __future__ import annotations

import gzip
import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MLArrayError,
    NotFoundError,
    UnsafeError,
    UnsupportedError,
)
from mlarray_io.testing import specimens
from mlarray_mrtrix import MrtrixFormat
from tests.mrtrix.known import DATA, SCHEME

COUNT = np.arange(24, dtype="<i2")
DATA_OF_COUNT = COUNT.tobytes()
TRANSFORM = ("transform: 1,0,0,5", "transform: 0,1,0,6", "transform: 0,0,1,7")


@pytest.fixture
def make(tmp_path):
    def made(*lines, dim="2,3,4", layout="+0,+1,+2", data=DATA_OF_COUNT, name="a.mif", end="END\n"):
        fields = [f"dim: {dim}", "vox: 1,2,3", f"layout: {layout}", "datatype: Int16LE", *TRANSFORM]
        names = {line.partition(":")[0] for line in lines}
        fields = [line for line in fields if line.partition(":")[0] not in names]
        text = "\n".join(["mrtrix image", *fields, *(line for line in lines if line[-1] != ":")]) + "\n"
        text += "" if "file" in names else "file: . 1024\n"
        path = tmp_path / name
        path.write_bytes((text + end).encode().ljust(1024, b"\0") + data)
        return path

    return made


def affine(image):
    return geometry.to_world(geometry.affine_of(image.meta.spatial, 3), "LPS", "RAS")


def opened(path):
    return specimens.opened(MrtrixFormat(), path)


def whole(path):
    with opened(path) as reader:
        return specimens.whole(reader)


def test_strides_are_those_of_the_named_axes(make):
    """x is the slowest axis of the file and runs backwards: its first voxel is the last one of x."""
    with opened(make(layout="-2,+0,+1")) as reader:
        assert reader.shape == (2, 4, 3)
        np.testing.assert_array_equal(specimens.whole(reader).ravel(), COUNT)
        wanted = [[-1, 0, 0, 6], [0, 0, 2, 6], [0, 3, 0, 7], [0, 0, 0, 1]]
        np.testing.assert_array_equal(affine(reader), wanted)


def test_volumes_that_are_stored_backwards_come_in_their_order(make):
    """Volumes have no direction that could be turned: their numbers belong to the diffusion scheme."""
    path = make("vox: 1,1,1,nan", dim="1,2,3,4", layout="+0,+1,+2,-3")
    with opened(path) as reader:
        np.testing.assert_array_equal(specimens.whole(reader), COUNT.reshape(4, 3, 2, 1)[::-1])
        one = reader[(slice(1, 2), slice(0, 3), slice(0, 2), slice(0, 1))]
        np.testing.assert_array_equal(one, COUNT.reshape(4, 3, 2, 1)[2:3])


def test_gradients_are_those_of_the_scanner():
    with opened(DATA / "packed.mif.gz") as reader:
        additions = Additions.of(reader.meta)
        assert additions.bids["bval"] == SCHEME[:, 3].tolist()
        assert additions.axes[0].values == SCHEME[:, 3].tolist()
        # x is stored backwards, so the axes are left-handed and nothing is inverted
        own = affine(reader)[:3, :3][:, ::-1]
        vectors = own / np.linalg.norm(own, axis=0) @ np.array(additions.bids["bvec"])
        np.testing.assert_allclose(vectors.T, SCHEME[:, :3], atol=1e-6)


def test_bits_begin_with_the_highest(make):
    bits = np.array([0b10100000, 0b00000001, 0b11000000], "u1")
    with opened(make("datatype: Bit", data=bits.tobytes())) as reader:
        voxels = specimens.whole(reader).ravel()
        assert voxels.dtype == bool
        assert np.flatnonzero(voxels).tolist() == [0, 2, 15, 16, 17]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("scaling: 0,1", COUNT),
        ("scaling: -1000,1", COUNT.astype("i4") - 1000),
        ("scaling: 10,0.5", (COUNT * 0.5 + 10).astype("f4")),
    ],
)
def test_scaling_is_offset_then_multiplier(make, line, values):
    voxels = whole(make(line)).ravel()
    np.testing.assert_array_equal(voxels, values)
    assert voxels.dtype == values.dtype


@pytest.mark.parametrize(
    "lines",
    [
        ("Vox: 1,2,3", "LAYOUT: +0,+1,+2", "vox:", "layout:"),
        ("vox: 1, 2, 3 # mm",),
        ("dim: 2,3,4", "a line that says nothing", "key without value:", "comments: one", "comments: two"),
        ("datatype: int16le",),
    ],
)
def test_spellings(make, lines):
    np.testing.assert_array_equal(whole(make(*lines)).ravel(), COUNT)


def test_a_key_that_comes_twice_keeps_both_lines(make):
    with opened(make("comments: one", "comments: two", "Name: a: b")) as reader:
        assert reader.meta.source["comments"] == ["one", "two"]
        assert reader.meta.source["Name"] == "a: b"


def test_a_plane_lies_in_space(make):
    with opened(make(dim="4,6", layout="-0,+1")) as reader:
        assert reader.shape == (1, 6, 4)
        assert affine(reader)[:3, 3].tolist() == [5 + 3, 6, 7]


def test_without_transform_there_is_no_world(make):
    """MRtrix centres such an image at the origin, which nobody measured."""
    with opened(make("transform:")) as reader:
        assert reader.meta.spatial.coord_system is None
        assert list(reader.meta.spatial.spacing) == [3, 2, 1]


def test_time_has_a_step_where_the_axis_is_named(make):
    path = make(
        "vox: 1,1,1,2.5",
        "mlarray_axes: spatial_x,spatial_y,spatial_z,temporal",
        "mlarray_units: mm,mm,mm,s",
        dim="1,2,3,4",
        layout="+0,+1,+2,+3",
    )
    with opened(path) as reader:
        assert reader.labels[0] == "temporal"
        assert Additions.of(reader.meta).axes[0].values == [0, 2.5, 5, 7.5]


def test_header_and_data_apart(make, tmp_path):
    (tmp_path / "voxels").write_bytes(b"abcd" + COUNT.tobytes())
    for end in ("END\n", ""):  # MRtrix 0.3 writes no END into a .mih
        path = make("file: voxels 4", data=b"", name="a.mih", end=end)
        path.write_bytes(path.read_bytes().rstrip(b"\0"))
        np.testing.assert_array_equal(whole(path).ravel(), COUNT)


def test_files_outside_the_folder(make, tmp_path):
    (tmp_path / "secret").write_bytes(COUNT.tobytes())
    (tmp_path / "inner").mkdir()
    for name in ("../secret", str(tmp_path / "secret")):
        path = make(f"file: {name}", data=b"", name="inner/a.mih")
        with pytest.raises(UnsafeError):
            whole(path)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["dim: 2,3,0"], CorruptError),
        (["dim: 2,3,-4"], CorruptError),
        (["dim: " + ",".join(["1"] * 17)], CorruptError),
        (["dim: 30000,30000,30000"], CorruptError),
        (["dim:"], CorruptError),
        (["layout: +0,+1,+1"], CorruptError),
        (["layout: +0,+1"], CorruptError),
        (["layout: +0,+1,+3"], CorruptError),
        (["layout: +0,+1,x"], CorruptError),
        (["vox: 1,2"], CorruptError),
        (["vox: 1,2,-3"], CorruptError),
        (["transform: 1,0,0,0"], CorruptError),
        (["transform: 1,0,0,nan"] * 3, CorruptError),
        (["transform: 1,0,0,0"] * 3, CorruptError),
        (["scaling: 1"], CorruptError),
        (["scaling: 0,nan"], CorruptError),
        (["datatype: Float16LE"], UnsupportedError),
        (["file: ."], CorruptError),
        (["file: a b c"], CorruptError),
        (["file: gone.dat"], NotFoundError),
        (["file: part[0:3].dat"], UnsupportedError),
    ],
)
def test_headers_that_make_no_sense(make, lines, error):
    with pytest.raises(error, match=r"a\.mif"):
        whole(make(*lines))


def test_a_small_file_that_claims_much(make, tmp_path):
    packed = tmp_path / "a.mif.gz"
    packed.write_bytes(gzip.compress(make("dim: 4000,4000,4000").read_bytes()))
    with pytest.raises(CorruptError):
        whole(packed)
    with pytest.raises(LimitError):
        specimens.opened(MrtrixFormat(), make(), largest=40)


def test_a_header_that_goes_on_and_on(tmp_path):
    path = tmp_path / "long.mif"
    path.write_bytes(b"mrtrix image\n" + b"comments: again\n" * (1 << 21))
    with pytest.raises(LimitError):
        whole(path)


def test_a_wrong_checksum(tmp_path):
    content = bytearray((DATA / "packed.mif.gz").read_bytes())
    content[-6] ^= 1
    path = tmp_path / "a.mif.gz"
    path.write_bytes(content)
    with pytest.raises(MLArrayError):
        whole(path)


def test_convert(tmp_path):
    """From the data of a header, by the command's own way."""
    for name in ("split.mih", "split.dat"):
        shutil.copyfile(DATA / name, tmp_path / name)
    result = mlarray.convert(tmp_path / "split.mih", tmp_path / "out.nii.gz")
    assert [loss.what for loss in result.losses] == ["the header of the source"]
    before, after = mlarray.read(tmp_path / "split.mih"), mlarray.read(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(after.to_numpy(), before.to_numpy())
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-5)


def test_what_follows_the_voxels_is_told(make, tmp_path):
    """As in a file whose header says floats and whose data are doubles."""
    result = mlarray.convert(make(data=DATA_OF_COUNT * 2), tmp_path / "a.mla")
    assert [warning for warning in result.warnings if "48 bytes of the file follow" in str(warning)]
    quiet = mlarray.convert(make(), tmp_path / "b.mla")
    assert not [warning for warning in quiet.warnings if "follow the voxels" in str(warning)]
