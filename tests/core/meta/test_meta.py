"""The schema's behaviour as users see it: wrappers, copies, mappings, read-only fields."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import mlarray.meta
from mlarray_core.errors import MLArrayError, ReadOnlyError
from mlarray_core.meta import (
    AxisLabelEnum,
    CoordSystemEnum,
    Meta,
    MetaBbox,
    MetaBlosc2,
    MetaExtra,
    MetaHasArray,
    MetaImageFormat,
    MetaIsSeg,
    MetaSource,
    MetaSpatial,
    MetaStatistics,
    MetaVersion,
)

KINDS = [
    Meta,
    MetaSource,
    MetaExtra,
    MetaSpatial,
    MetaStatistics,
    MetaBbox,
    MetaIsSeg,
    MetaBlosc2,
    MetaHasArray,
    MetaImageFormat,
    MetaVersion,
]


def full():
    return Meta(
        source={"PatientID": "1", "nested": {"a": [1, 2.5, None, True]}, "bad": float("nan")},
        extra={"k": [1, {"z": 2}]},
        spatial={
            "spacing": (1.0, 2.0, 3.0),
            "origin": [1, 2, 3],
            "direction": np.eye(3),
            "shape": [2, 4, 5, 6],
            "axis_labels": ["channel", AxisLabelEnum.spatial_z, "spatial_y", "spatial_x"],
            "axis_units": [None, "mm", "mm", "mm"],
            "coord_system": CoordSystemEnum.LPS,
        },
        stats={"min": np.float32(0.5), "max": float("inf")},
        bbox={"bboxes": [[[0, 1], [2, 3], [4, 5]]], "scores": [0.5], "labels": ["lesion"]},
        is_seg=np.bool_(True),
        blosc2={"chunk_size": (1, 4, 5, 6), "patch_size": [4, 5, 6], "cparams": {"codec": 1}},
        _has_array=True,
        _image_meta_format="nifti",
        _mlarray_version="v0",
    )


def test_importing_the_schema_imports_neither_numpy_nor_blosc2():
    code = "import mlarray_core.meta, sys; sys.exit(bool({'numpy', 'blosc2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_facade_gives_the_same_classes():
    names = set(mlarray.meta.__all__) - {"is_serializable"}
    core = sys.modules["mlarray_core.meta"]
    assert {name: getattr(mlarray.meta, name) for name in names} == {
        name: getattr(core, name) for name in names
    }
    assert mlarray.meta.is_serializable is mlarray.is_serializable
    assert {kind.__name__ for kind in KINDS} <= set(mlarray.meta.__all__)


def test_values_are_stored_plain():
    meta = full()
    assert meta.spatial.spacing == [1.0, 2.0, 3.0]
    assert type(meta.spatial.spacing) is list
    assert meta.spatial.direction == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert [type(label) for label in meta.spatial.axis_labels] == [str] * 4
    assert meta.spatial.axis_units == ["", "mm", "mm", "mm"]
    assert type(meta.spatial.coord_system) is str
    assert type(meta.stats.min) is float
    assert meta.is_seg.value is True
    assert (meta.spatial._num_spatial_axes, meta.spatial._num_non_spatial_axes) == (3, 1)
    json.dumps(meta.to_plain())


def test_wrappers_behave_like_their_value():
    meta = full()
    assert meta.is_seg == True  # noqa: E712
    assert meta.is_seg != False  # noqa: E712
    assert meta.is_seg
    assert not Meta(is_seg=False).is_seg
    assert Meta().is_seg == None  # noqa: E711
    assert str(meta.is_seg) == "True"
    assert f"{meta._image_meta_format:>6}" == " nifti"
    assert meta._image_meta_format == "nifti"
    assert meta.extra == {"k": [1, {"z": 2}]}
    assert {"k": [1, {"z": 2}]} == meta.extra  # noqa: SIM300
    assert str(meta.extra) == repr(meta.extra) == "{'k': [1, {'z': 2}]}"


def test_source_has_the_methods_of_a_dict():
    source = Meta(source={"a": 1, "b": 2}).source
    assert list(source) == list(source.keys()) == ["a", "b"]
    assert list(source.items()) == [("a", 1), ("b", 2)]
    assert dict(source) == {**source} == source.data
    assert (source.get("c"), source.get("c", 3), source.pop("b"), len(source)) == (None, 3, 2, 1)
    assert source.setdefault("d", []) == []
    source["d"].append(4)
    source.update({"e": 5}, f=6)
    assert "e" in source
    assert source | {"g": 7} == {"a": 1, "d": [4], "e": 5, "f": 6, "g": 7}
    del source["a"]
    source.clear()
    assert not source
    assert source == {}


def test_what_json_spells_differently_is_stored_as_json_would():
    source = Meta(
        source={1: (1, 2), False: np.arange(3), None: np.float64(2), 2.5: AxisLabelEnum.channel}
    ).source
    assert source == {"1": [1, 2], "false": [0, 1, 2], "null": 2.0, "2.5": "channel"}
    assert source.data == json.loads(json.dumps(source.data))


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), Meta.copy]
)
def test_copies_are_equal_and_share_nothing(twin):
    meta = full()
    other = twin(meta)
    assert other == meta
    assert other is not meta
    other.source["nested"]["a"].append("new")
    other.spatial.spacing[0] = 9.0
    other.bbox.bboxes[0][0][0] = -1
    assert meta == full()
    with pytest.raises(AttributeError):
        other.blosc2.chunk_size.append(1)
    with pytest.raises(AttributeError):
        other.blosc2.cparams["codec"] = 2


def test_nothing_is_shared_with_what_goes_in_or_comes_out():
    header, boxes, spatial = {"a": [1]}, [[[0, 1]]], MetaSpatial(spacing=[1])
    meta = Meta(source=header, bbox=boxes, spatial=spatial)
    header["a"].append(2)
    boxes[0][0][0] = 5
    spatial.spacing[0] = 5
    meta.to_mapping()["source"]["data"]["a"].append(3)
    meta.to_plain()["spatial"]["spacing"].append(3)
    assert meta == Meta(source={"a": [1]}, bbox=[[[0, 1]]], spatial={"spacing": [1]})
    other = Meta()
    other.spatial = meta.spatial
    other.copy_from(meta)
    other.spatial.spacing[0] = 7
    other.source["a"].append(7)
    assert meta.spatial.spacing == [1]
    assert meta.source == {"a": [1]}


def test_equality_treats_nan_as_equal_and_sees_differences():
    assert Meta(source={"x": [float("nan")]}) == Meta(source={"x": [float("nan")]})
    assert Meta(source={"x": 1}) != Meta(source={"x": 2})
    assert MetaSpatial() != MetaStatistics()
    assert Meta() != {}


@pytest.mark.parametrize("include_none", [True, False])
def test_mapping_round_trip(include_none):
    meta = full()
    assert Meta.from_mapping(meta.to_mapping(include_none=include_none)) == meta
    assert Meta.ensure(meta) == meta
    assert Meta.ensure(meta) is not meta
    assert Meta.ensure(None).is_default()


def test_a_source_whose_only_key_is_data_survives():
    meta = Meta()
    meta.source["data"] = {"data": 1}
    assert Meta.from_mapping(meta.to_mapping()) == meta


def test_to_plain_leaves_out_what_is_unset():
    assert Meta().to_plain() == {}
    assert set(Meta().to_plain(include_none=True).values()) == {None}
    assert Meta(is_seg=False).to_plain() == {"is_seg": False}
    assert Meta(stats={"min": 1}).to_plain() == {"stats": {"min": 1}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_starts_as_default_and_can_be_reset(kind):
    section = kind()
    assert section.is_default()
    assert kind.ensure(None) == section
    if set(kind._names()) <= kind._READ_ONLY:
        with pytest.raises(ReadOnlyError):
            section.reset()
    else:
        section.reset()
    assert section.is_default()


def test_reset_leaves_what_only_the_library_sets():
    meta = full()
    meta.reset()
    assert meta.to_plain() == {
        "spatial": {"shape": [2, 4, 5, 6]},
        "blosc2": full().blosc2.to_plain(),
        "_has_array": True,
        "_image_meta_format": "nifti",
        "_mlarray_version": "v0",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "blosc2", {}),
        lambda m: setattr(m, "_has_array", False),
        lambda m: setattr(m, "_image_meta_format", "x"),
        lambda m: setattr(m, "_mlarray_version", "x"),
        lambda m: setattr(m.blosc2, "chunk_size", [1]),
        lambda m: setattr(m.blosc2, "cparams", None),
        lambda m: setattr(m._has_array, "has_array", False),
        lambda m: m._image_meta_format.set("x"),
        lambda m: setattr(m._mlarray_version, "value", "x"),
        lambda m: setattr(m.spatial, "shape", [1]),
        lambda m: setattr(m.spatial, "_num_spatial_axes", 1),
        lambda m: setattr(m, "spatial", {"shape": [9, 9]}),
        lambda m: m.set_spatial(MetaSpatial(shape=[9])),
        lambda m: m.spatial.shape.append(1),
        lambda m: m.spatial.shape.__setitem__(0, 1),
        lambda m: m.blosc2.cparams.update(codec=3),
        lambda m: m.blosc2.reset(),
    ],
)
def test_read_only_fields(change):
    meta = full()
    with pytest.raises(AttributeError) as caught:
        change(meta)
    assert isinstance(caught.value, MLArrayError)
    assert meta == full()


def test_the_library_sets_read_only_fields():
    meta = Meta()
    meta._set_by_library(
        has_array=True, image_meta_format="nrrd", shape=(2, 3), blosc2={"chunk_size": [1, 2]}
    )
    assert meta.to_plain() == {
        "spatial": {"shape": [2, 3]},
        "blosc2": {"chunk_size": [1, 2]},
        "_has_array": True,
        "_image_meta_format": "nrrd",
    }
    with pytest.raises(AttributeError):
        meta._has_array = False


def test_assigning_a_spatial_section_keeps_the_shape():
    meta = full()
    meta.spatial = {"spacing": [3, 4, 5], "axis_labels": full().spatial.axis_labels}
    assert meta.spatial.shape == [2, 4, 5, 6]
    meta.spatial = full().spatial
    assert meta == full()


def test_unknown_attributes_are_refused():
    meta = Meta()
    with pytest.raises(AttributeError, match="did you mean 'spacing'"):
        meta.spatial.spacin = [1]
    with pytest.raises(AttributeError):
        meta.nothing = 1


def test_chained_setters():
    meta = (
        Meta()
        .set_source({"a": 1})
        .update_source({"b": 2})
        .set_extra({"c": 3})
        .update_extra({"d": 4})
        .set_spatial({"spacing": [1, 2]})
        .set_stats({"min": 0})
        .set_bbox([[[0, 1], [2, 3]]])
        .set_is_seg(True)
    )
    assert meta.to_plain() == {
        "source": {"a": 1, "b": 2},
        "extra": {"c": 3, "d": 4},
        "spatial": {"spacing": [1, 2]},
        "stats": {"min": 0},
        "bbox": {"bboxes": [[[0, 1], [2, 3]]]},
        "is_seg": True,
    }


def test_add_bbox():
    meta = Meta().add_bbox([[0, 1], [2, 3]], score=0.5, label="a").add_bbox(np.ones((2, 2)), 1, 7)
    assert meta.bbox.bboxes == [[[0, 1], [2, 3]], [[1.0, 1.0], [1.0, 1.0]]]
    assert meta.bbox.scores == [0.5, 1]
    assert meta.bbox.labels == ["a", 7]
    before = meta.copy()
    for arguments in [
        ([[0, 1], [2, 3]],),
        ([[0, 1], [2, 3]], 1),
        ([[0, 1], [2, 3]], None, 1),
        ([[0, 1]], 1, 1),
    ]:
        with pytest.raises(ValueError, match="bbox"):
            meta.add_bbox(*arguments)
    assert meta == before
    with pytest.raises(ValueError, match=r"bbox\.scores"):
        Meta().add_bbox([[0, 1]]).add_bbox([[0, 1]], score=1)


def test_copy_from_fills_what_is_unset():
    meta = Meta(source={"mine": 1}, spatial={"spacing": [1, 1, 1]}, is_seg=False)
    meta.copy_from(full())
    assert meta.source == {"mine": 1}
    assert meta.is_seg == False  # noqa: E712
    assert meta.spatial.spacing == [1, 1, 1]
    assert meta.spatial.origin == [1, 2, 3]
    assert meta.spatial.shape is None
    assert meta.stats == full().stats
    assert meta._image_meta_format == None  # noqa: E711


def test_copy_from_overwrites_when_asked():
    meta = Meta(source={"mine": 1}, is_seg=False)
    meta.copy_from(full(), overwrite=True)
    assert meta.source == full().source
    assert meta.is_seg == True  # noqa: E712


def test_copy_from_never_mixes_an_affine_with_parts():
    affine = [[0.0, 2.0, 5.0], [-3.0, 0.0, 6.0], [0.0, 0.0, 1.0]]
    parts = MetaSpatial(spacing=[7, 8])
    parts.copy_from(MetaSpatial(affine=affine))
    assert parts == MetaSpatial(spacing=[7, 8], origin=[5.0, 6.0], direction=[[0.0, 1.0], [-1.0, 0.0]])
    whole = MetaSpatial(affine=affine)
    whole.copy_from(MetaSpatial(spacing=[7, 8], coord_system="RAS"))
    assert whole == MetaSpatial(affine=affine, coord_system="RAS")


def test_copy_from_wants_the_same_class_and_leaves_no_trace_of_failure():
    meta = Meta(spatial={"axis_labels": ["spatial_y", "spatial_x"]})
    with pytest.raises(TypeError):
        meta.copy_from(MetaSpatial())
    with pytest.raises(ValueError, match=r"spatial\.spacing"):
        meta.copy_from(Meta(source={"a": 1}, spatial={"spacing": [1, 2, 3]}))
    assert meta == Meta(spatial={"axis_labels": ["spatial_y", "spatial_x"]})


def test_blosc2_parameters_may_be_objects():
    blosc2 = pytest.importorskip("blosc2")
    meta = MetaBlosc2(cparams=blosc2.CParams(codec=blosc2.Codec.ZSTD), dparams=blosc2.DParams(nthreads=1))
    assert meta.cparams["codec"] == int(blosc2.Codec.ZSTD.value)
    json.dumps(meta.to_plain())
