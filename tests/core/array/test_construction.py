"""Images made in memory: from arrays, from arguments, from other images."""

import blosc2
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core.errors import ArgumentError, ArgumentTypeError, MetadataError, ModeError

VOXELS = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
SHEARED = np.array([[1, 0.2, 0, 5], [0, 2, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
DTYPES = [*"?", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8", "c8", "c16"]
DTYPES += ["M8[ns]", "m8[s]", "S5", "U3", "V7"]


def saved(image, folder):
    image.save(folder / "image.mla")
    return MLArray(folder / "image.mla")


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", [*DTYPES, [("a", "<i2"), ("b", "<f4", (2,))]], ids=str)
def test_every_dtype(dtype, compressed, tmp_path):
    voxels = np.zeros((3, 50), dtype)
    if voxels.dtype.kind != "V":
        voxels[...] = np.arange(150).reshape(3, 50).astype("u1").astype(dtype)
    else:
        voxels.view("u1")[:] = np.arange(voxels.nbytes // 3) % 251
    image = saved(MLArray(voxels, compressed=compressed), tmp_path)
    assert image.dtype == voxels.dtype
    assert np.array_equal(image.to_numpy().view("u1"), voxels.view("u1"))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    "shape", [(), (1,), (0,), (3, 0, 2), (2, 3), (2, 3, 4, 5), (1,) * 16, (2,) * 16], ids=str
)
def test_every_dimension(shape, compressed, tmp_path):
    voxels = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    image = saved(MLArray(voxels, compressed=compressed), tmp_path)
    assert image.shape == shape
    assert image.ndim == len(shape)
    assert np.array_equal(image.to_numpy(), voxels)


def test_more_than_16_axes_are_refused():
    with pytest.raises(ArgumentError, match="up to 16 axes"):
        MLArray(np.zeros((1,) * 17))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        np.asfortranarray,
        lambda a: a[::-1, :, ::2],
        lambda a: a.T,
        lambda a: np.broadcast_to(a[:1], a.shape),
        lambda a: a.astype(">f4"),
        blosc2.asarray,
        MLArray,
    ],
    ids=["fortran", "strided", "transposed", "broadcast", "big endian", "Blosc2", "MLArray"],
)
def test_every_kind_of_array(make, compressed):
    given = make(VOXELS)
    image = MLArray(given, compressed=compressed)
    assert np.array_equal(image.to_numpy(), np.asarray(given[...]))
    assert image.dtype.isnative
    assert np.array_equal(MLArray.asarray(given, compressed=compressed), np.asarray(given[...]))


@pytest.mark.parametrize(
    "bad", [5, 1.5, [[1, 2]], None, "text", b"text", object()], ids=lambda bad: repr(bad).split(" at ")[0]
)
def test_asarray_refuses_what_is_no_array(bad):
    with pytest.raises(TypeError, match="array must be a NumPy array, not"):
        MLArray.asarray(bad)


@pytest.mark.parametrize("bad", [5, [[1, 2]], b"text"], ids=repr)
def test_the_constructor_refuses_what_is_no_array(bad):
    with pytest.raises(ArgumentTypeError, match="array must be a NumPy array or a path, not"):
        MLArray(bad)


@pytest.mark.parametrize("dtype", [object, [("a", object)]])
def test_objects_are_refused(dtype):
    with pytest.raises(TypeError, match="Python objects"):
        MLArray(np.zeros(3, dtype))
    with pytest.raises(TypeError, match="Python objects"):
        MLArray.zeros((3,), dtype)


def test_nothing():
    image = MLArray()
    assert (image.shape, image.dtype, image.ndim, image.spatial_ndim, len(image)) == (None,) * 4 + (0,)
    assert (image.affine, image.scale, image.rotation, image.shear, image.translation) == (None,) * 5
    assert image.meta._has_array == False  # noqa: E712 - the comparison is what is tested
    assert bool(image)
    for use in (image.to_numpy, image.compress, image.decompress, lambda: image[0], image.to_blosc2):
        with pytest.raises(TypeError, match="holds no array"):
            use()


def test_metadata_only_files(tmp_path):
    image = MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]], extra={"target": 0.5, "class": "a"}))
    loaded = saved(image, tmp_path)
    assert loaded.shape is None
    assert loaded.meta.bbox.bboxes == [[[0, 1], [2, 3]]]
    assert loaded.meta.extra == {"target": 0.5, "class": "a"}
    with MLArray.open(tmp_path / "image.mla", mmap_mode="r+") as opened:
        opened.meta.extra["target"] = 0.7
    assert MLArray(tmp_path / "image.mla").meta.extra["target"] == 0.7


def test_geometry_arguments(tmp_path):
    direction = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    image = MLArray(VOXELS, np.array([1, 2, 3]), (4, 5, 6), np.array(direction))
    assert (image.spacing, image.origin, image.direction) == ([1, 2, 3], [4, 5, 6], direction)
    assert all(type(size) is int for size in image.spacing)
    assert saved(image, tmp_path).meta.spatial == image.meta.spatial
    image = MLArray(VOXELS, affine=SHEARED)
    assert np.array_equal(saved(image, tmp_path).affine, SHEARED)


@pytest.mark.parametrize("other", ["spacing", "origin", "direction"])
def test_affine_excludes_the_others(other):
    value = np.eye(3) if other == "direction" else (1, 1, 1)
    with pytest.raises(ValueError, match="not both"):
        MLArray(VOXELS, affine=np.eye(4), **{other: value})
    with pytest.raises(ValueError, match="not both"):
        MLArray(affine=np.eye(4), **{other: value})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"spacing": (1, 2)}, "spatial.spacing"),
        ({"spacing": (1, 0, 1)}, r"spatial.spacing\[1\]"),
        ({"spacing": (1, float("nan"), 1)}, r"spatial.spacing\[1\]"),
        ({"origin": (1, float("inf"), 1)}, r"spatial.origin\[1\]"),
        ({"direction": np.zeros((3, 3))}, "spatial.direction"),
        ({"affine": np.eye(3)}, "spatial.affine"),
        ({"affine": np.zeros((4, 4))}, "spatial.affine"),
        ({"axis_labels": ["channel"]}, "spatial.axis_labels"),
        ({"spacing": (1, 1, 1), "axis_labels": ["channel", "spatial_y", "spatial_x"]}, "spatial.spacing"),
        ({"meta": Meta(bbox=[[[0, 1]]])}, r"bbox.bboxes\[0\]"),
    ],
    ids=str,
)
def test_contradictions_are_refused(arguments, field):
    with pytest.raises(MetadataError, match=f"^{field}"):
        MLArray(VOXELS, **arguments)


def test_labels():
    image = MLArray(VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(2, 3))
    assert image.spatial_ndim == 2
    assert image.affine.tolist() == [[2, 0, 0], [0, 3, 0], [0, 0, 1]]
    assert image.meta.blosc2.patch_size == [192, 192]
    assert MLArray(VOXELS).spatial_ndim == 3


@pytest.mark.parametrize("meta", [5, "text", [1]])
def test_meta_of_a_wrong_type(meta):
    with pytest.raises(ValueError, match="meta must be None, a dict or a Meta"):
        MLArray(VOXELS, meta=meta)


def test_metadata_are_copied():
    meta = Meta(source={"a": {"b": 1}})
    image = MLArray(VOXELS, meta=meta)
    meta.source["a"]["b"] = 2
    assert image.meta.source == {"a": {"b": 1}}
    assert meta.spatial.shape is None
    header = {"a": [1]}
    image = MLArray(VOXELS, meta=header)
    header["a"].append(2)
    assert image.meta.source == {"a": [1]}
    spacing = [1, 2, 3]
    image = MLArray(VOXELS, spacing=spacing)
    spacing[0] = 9
    assert image.spacing == [1, 2, 3]


def test_copy_fills_only_what_is_unset():
    base = MLArray(
        VOXELS, (1, 2, 3), (4, 5, 6), meta=Meta(source={"a": 1}, is_seg=True), patch_size=(2, 3, 4)
    )
    image = MLArray(np.zeros((6, 6, 6)), spacing=(7, 8, 9), meta={"b": 2}, copy=base)
    assert (image.spacing, image.origin, image.meta.source) == ([7, 8, 9], [4, 5, 6], {"b": 2})
    assert image.meta.is_seg == True  # noqa: E712 - the comparison is what is tested
    assert image.meta.spatial.shape == [6, 6, 6]
    assert image.meta.blosc2.patch_size == [2, 3, 4]
    base.meta.source["a"] = 9
    assert MLArray(VOXELS, copy=base).meta.source == {"a": 9}
    with pytest.raises(TypeError, match="copy must be an MLArray"):
        MLArray(VOXELS, copy=Meta())


def test_copy_and_affines():
    parts = MLArray(VOXELS, spacing=(1, 2, 3), origin=(4, 5, 6))
    image = MLArray(VOXELS, affine=SHEARED, copy=parts)
    assert np.array_equal(image.affine, SHEARED)
    image = MLArray(VOXELS, spacing=(1, 1, 1), copy=MLArray(VOXELS, affine=SHEARED))
    assert image.spacing == [1, 1, 1]
    assert np.array_equal(MLArray(VOXELS, copy=MLArray(VOXELS, affine=SHEARED)).affine, SHEARED)


def test_copying_metadata_of_another_shape():
    base = MLArray(VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(2, 3))
    with pytest.raises(MetadataError, match=r"^spatial.axis_labels"):
        MLArray(np.zeros((3, 3)), copy=base)
    assert MLArray(copy=base).shape is None


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda **k: MLArray.empty((3, 4), "i2", **k), np.zeros((3, 4), "i2")),
        (lambda **k: MLArray.zeros(5, "f4", **k), np.zeros(5, "f4")),
        (lambda **k: MLArray.ones([3, 4], **k), np.ones((3, 4))),
        (lambda **k: MLArray.ones((3, 4), "u1", **k), np.ones((3, 4), "u1")),
        (lambda **k: MLArray.full(np.array([3, 4]), 7, **k), np.full((3, 4), 7)),
        (lambda **k: MLArray.full((3,), True, **k), np.full((3,), True)),
        (lambda **k: MLArray.full((3,), b"ab", **k), np.full((3,), b"ab")),
        (lambda **k: MLArray.full((3, 4), 2.5, "f2", **k), np.full((3, 4), 2.5, "f2")),
        (lambda **k: MLArray.arange(10, **k), np.arange(10)),
        (lambda **k: MLArray.arange(2, 10, 2.5, **k), np.arange(2, 10, 2.5)),
        (lambda **k: MLArray.arange(0, 6, step=None, **k), np.arange(6)),
        (lambda **k: MLArray.arange(12, shape=(3, 4), **k), np.arange(12).reshape(3, 4)),
        (lambda **k: MLArray.arange(12, shape=(3, 4), c_order=False, **k), np.arange(12).reshape(4, 3).T),
        (lambda **k: MLArray.linspace(0, 1, 5, **k), np.linspace(0, 1, 5)),
        (lambda **k: MLArray.linspace(0, 1, 5, endpoint=False, **k), np.linspace(0, 1, 5, endpoint=False)),
        (lambda **k: MLArray.linspace(0, 1j, shape=(2, 3), **k), np.linspace(0, 1j, 6).reshape(2, 3)),
        (lambda **k: MLArray.empty_like(VOXELS, **k), np.zeros_like(VOXELS)),
        (lambda **k: MLArray.zeros_like(VOXELS, "i2", **k), np.zeros_like(VOXELS, "i2")),
        (lambda **k: MLArray.ones_like(MLArray(VOXELS), **k), np.ones_like(VOXELS)),
        (lambda **k: MLArray.full_like(VOXELS, 3, **k), np.full_like(VOXELS, 3)),
    ],
)
@pytest.mark.parametrize("compressed", [True, False])
def test_creation(make, expected, compressed, tmp_path):
    image = make(meta={"k": 1}, compressed=compressed)
    assert image.dtype == expected.dtype
    assert np.array_equal(image.to_numpy(), expected)
    assert image.meta.source == {"k": 1}
    image[...] = expected[::-1]
    assert np.array_equal(saved(image, tmp_path).to_numpy(), expected[::-1])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: MLArray.arange(10, shape=(3, 4)), ValueError),
        (lambda: MLArray.linspace(0, 1), ValueError),
        (lambda: MLArray.linspace(0, 1, 5, shape=(2, 3)), ValueError),
        (lambda: MLArray.zeros_like(5), TypeError),
        (lambda: MLArray.full_like("text", 5), TypeError),
        (lambda: MLArray.zeros((-1,), "f4"), ValueError),
        (lambda: MLArray.zeros((1.5,), "f4"), TypeError),
        (lambda: MLArray.zeros((3,), "no dtype"), TypeError),
    ],
)
def test_creation_refuses(call, error):
    with pytest.raises(error):
        call()


def test_like_copies_metadata_of_images_only():
    image = MLArray(VOXELS, spacing=(1, 2, 3), meta={"a": 1})
    twin = MLArray.zeros_like(image)
    assert (twin.spacing, twin.meta.source) == ([1, 2, 3], {"a": 1})
    twin.meta.source["a"] = 2
    assert image.meta.source == {"a": 1}
    assert MLArray.zeros_like(image, meta={"b": 1}).spacing is None
    assert MLArray.zeros_like(VOXELS).meta.source == {}


@pytest.mark.parametrize("value", [0, 1.5])
def test_large_images_of_one_value_are_encoded_once(value, monkeypatch):
    from mlarray_core.chunks import codec

    encoded = []
    plain = codec.encode
    monkeypatch.setattr(codec, "encode", lambda *how: encoded.append(1) or plain(*how))
    image = MLArray.full((20, 1000, 1000, 1000), value, "f4", patch_size=None, chunk_size=(1, 256, 256, 256),
                         block_size=64)  # fmt: skip
    assert len(encoded) <= 8
    assert image[19, -1, -1, -1] == value
    assert image[3, 250:260, 0, 0].tolist() == [value] * 10


def test_a_path_takes_no_other_arguments(tmp_path):
    MLArray(VOXELS).save(tmp_path / "a.mla")
    for arguments in ({"spacing": (1, 1, 1)}, {"meta": {}}, {"patch_size": 5}, {"cparams": {}}):
        with pytest.raises(ModeError, match="can't be combined"):
            MLArray(tmp_path / "a.mla", **arguments)
    assert MLArray(str(tmp_path / "a.mla"), compressed=False).shape == (4, 5, 6)


def test_compress_and_decompress(tmp_path):
    image = saved(
        MLArray(VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(2, 3)), tmp_path
    )
    image.decompress()
    assert image.filepath is None
    assert image.meta.blosc2.is_default()
    assert np.shares_memory(image.to_numpy(), image.to_numpy())
    image[0] = 7
    image.compress(patch_size=(2, 3), cparams={"clevel": 1})
    assert image.meta.blosc2.patch_size == [2, 3]
    assert image.meta.blosc2.cparams["clevel"] == 1
    assert image.meta.spatial.axis_labels == ["channel", "spatial_y", "spatial_x"]
    assert (image[0] == 7).all()
    assert np.array_equal(image[1:], VOXELS[1:])


def test_compressing_an_open_file_leaves_it_alone(tmp_path):
    MLArray(VOXELS).save(tmp_path / "a.mla")
    before = (tmp_path / "a.mla").read_bytes()
    for detach in (MLArray.compress, MLArray.decompress):
        image = MLArray.open(tmp_path / "a.mla")
        detach(image)
        image[...] = 0
        image.meta.source["a"] = 1
        image.close()
    assert (tmp_path / "a.mla").read_bytes() == before


def test_blosc2_arrays_out():
    image = MLArray(VOXELS, meta={"a": 1}, patch_size=None, chunk_size=(2, 5, 6), block_size=(2, 5, 3))
    array = image.to_blosc2()
    assert isinstance(array, blosc2.NDArray)
    assert np.array_equal(array[...], VOXELS)
    assert (array.chunks, array.blocks) == ((2, 5, 6), (2, 5, 3))
    assert not list(array.schunk.vlmeta)
    array[0] = 9
    assert np.array_equal(image, VOXELS)
    assert np.array_equal(MLArray(VOXELS, compressed=False).to_blosc2()[...], VOXELS)


def test_subclasses_stay_subclasses(tmp_path):
    class Scan(MLArray):
        pass

    scan = Scan.zeros((3,), "i2")
    scan.save(tmp_path / "a.mla")
    made = [scan, Scan.open(tmp_path / "a.mla"), Scan.load(tmp_path / "a.mla"), Scan.asarray(VOXELS)]
    assert all(type(image) is Scan for image in made)
