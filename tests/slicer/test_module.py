"""The module of 3D Slicer: what it hands to Slicer lies where nibabel says. Slicer is a stand-in here."""

import importlib.util
import types
from pathlib import Path

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core import Label
from tests.consumers import volumes
from tests.slicer import fake

MODULE = Path(__file__).parents[2] / "integrations/slicer/MLArrayIO/MLArrayIO.py"

SERIES = {"axis_labels": ["temporal", "spatial_z", "spatial_y", "spatial_x"], "coord_system": "LPS"}


@pytest.fixture
def slicer(monkeypatch):
    return fake.install(monkeypatch)


@pytest.fixture
def module(slicer):
    """Return the module as Slicer loads it: by its path."""
    spec = importlib.util.spec_from_file_location(MODULE.stem, MODULE)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def opened(module, slicer, path):
    """Open a file as Slicer does, and return its nodes."""
    parent = fake.Parent()
    assert module.MLArrayIOFileReader(parent).load({"fileName": str(path)}), parent.messages
    return [slicer.mrmlScene.GetNodeByID(one) for one in parent.loadedNodes]


@pytest.mark.parametrize("kind", ["oblique", "sheared", "flat", "colours"])
def test_voxels_at_points_of_the_world_are_those_of_nibabel(kind, module, slicer, tmp_path):
    (node,) = opened(module, slicer, volumes.pair(kind, tmp_path).mla)
    assert node.kind == ("vtkMRMLVectorVolumeNode" if kind == "colours" else "vtkMRMLScalarVolumeNode")
    assert (node.name, node.display) == (kind, True)
    assert node.array.flags.c_contiguous
    ijk = np.moveaxis(node.array, (0, 1, 2), (2, 1, 0))
    found = volumes.at(volumes.points(kind), ijk, node.matrix)
    np.testing.assert_array_equal(found, volumes.expected(kind))


def test_every_volume_of_a_series_is_one_of_its_own(module, slicer, tmp_path):
    nodes = opened(module, slicer, volumes.pair("series", tmp_path).mla)
    assert [node.name for node in nodes] == ["series 0", "series 1", "series 2", "series 3"]
    for index, node in enumerate(nodes):
        found = volumes.at(volumes.points("series"), node.array.transpose(2, 1, 0), node.matrix)
        np.testing.assert_array_equal(found, volumes.expected("series")[:, index])


def test_labels_are_segments_with_names_and_colours(module, slicer, tmp_path):
    image = MLArray.load(volumes.pair("labels", tmp_path).mla)
    image.meta.labels = [Label(1, "liver", "#ff8000"), Label(3, "spleen"), Label(9, "absent")]
    image.save(tmp_path / "organs.mla")
    (node,) = opened(module, slicer, tmp_path / "organs.mla")
    assert slicer.mrmlScene.nodes == [node]  # the label map is gone
    assert node.kind == "vtkMRMLSegmentationNode"
    assert [one.name for one in node.segments] == ["liver", "Segment_2", "spleen", "Segment_4"]
    np.testing.assert_allclose(node.segments[0].color, (1, 128 / 255, 0))
    mask = volumes.at(volumes.points("labels"), node.segments[2].mask.transpose(2, 1, 0), node.matrix)
    np.testing.assert_array_equal(mask, volumes.expected("labels") == 3)


def saved(module, node, path):
    parent = fake.Parent()
    writer = module.MLArrayIOFileWriter(parent)
    assert writer.canWriteObject(node)
    assert writer.extensions(node) == ["MLArray (*.mla)"]
    assert writer.write({"nodeID": node.GetID(), "fileName": str(path)}), parent.messages
    assert parent.writtenNodes == [node.GetID()]
    return MLArray.open(path)


@pytest.mark.parametrize("kind", ["oblique", "sheared", "colours"])
def test_a_volume_is_saved_where_it_lies(kind, module, slicer, tmp_path):
    pair = volumes.pair(kind, tmp_path)
    (node,) = opened(module, slicer, pair.mla)
    again = saved(module, node, tmp_path / "again.mla")
    np.testing.assert_array_equal(again, MLArray.open(pair.mla))
    mlarray.convert(tmp_path / "again.mla", tmp_path / "again.nii.gz")
    theirs = nibabel.load(tmp_path / "again.nii.gz")
    np.testing.assert_allclose(theirs.affine, nibabel.load(pair.nifti).affine, atol=1e-4)
    assert again.meta.spatial.coord_system == "LPS"


def test_a_segmentation_is_saved_with_its_names_and_colours(module, slicer, tmp_path):
    image = MLArray.load(volumes.pair("labels", tmp_path).mla)
    image.meta.labels = [Label(2, "liver", "#ff8000")]
    image.save(tmp_path / "organs.mla")
    (node,) = opened(module, slicer, tmp_path / "organs.mla")
    del node.segments[0]
    again = saved(module, node, tmp_path / "again.mla")
    assert again.meta.is_seg == True  # noqa: E712
    assert again.meta.labels[0] == Label(1, "liver", "#ff8000")
    np.testing.assert_array_equal(np.asarray(again) == 1, np.asarray(image) == 2)
    assert slicer.mrmlScene.nodes == [node]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (MLArray(np.zeros((3, 4, 5))), "world"),
        (MLArray(np.zeros((3, 4, 5), complex), meta=Meta(spatial={"coord_system": "LPS"})), "complex"),
        (MLArray(np.zeros((65, 3, 4, 5), "u1"), meta=Meta(spatial=SERIES)), "65 volumes"),
    ],
)
def test_what_slicer_can_not_hold_is_a_message_and_leaves_no_node(image, words, module, slicer, tmp_path):
    image.save(tmp_path / "image.mla")
    parent = fake.Parent()
    assert not module.MLArrayIOFileReader(parent).load({"fileName": str(tmp_path / "image.mla")})
    ((event, text),) = parent.messages
    assert event == 39
    assert words in text
    assert "image.mla" in text
    assert not slicer.mrmlScene.nodes


def test_a_damaged_file_is_a_message(module, slicer, tmp_path):
    (tmp_path / "bad.mla").write_bytes(b"no frame")
    parent = fake.Parent()
    assert not module.MLArrayIOFileReader(parent).load({"fileName": str(tmp_path / "bad.mla")})
    assert "bad.mla" in parent.messages[0][1]


def test_without_mlarray_the_message_says_how_to_install_it(module, monkeypatch):
    def missing(*_):
        raise ModuleNotFoundError("No module named 'mlarray'", name="mlarray")

    monkeypatch.setattr(module, "load", missing)
    parent = fake.Parent()
    assert not module.MLArrayIOFileReader(parent).load({"fileName": "x.mla"})
    assert "slicer.util.pip_install(" in parent.messages[0][1]


def test_what_slicer_asks_before_it_opens_a_file(module):
    reader = module.MLArrayIOFileReader(fake.Parent())
    assert reader.canLoadFileConfidence("/data/SCAN.MLA") > 0.5
    assert reader.canLoadFileConfidence("/data/scan.nii") == 0
    assert (reader.extensions(), reader.fileType()) == (["MLArray (*.mla)"], "MLArrayFile")
    parent = types.SimpleNamespace()
    module.MLArrayIO(parent)
    assert parent.hidden
