"""nnU-Net v2: raw images, predictions and preprocessed cases are what they are with NIfTI and Blosc2."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core import geometry
from mlarray_core.errors import ArgumentError, UnsupportedError
from tests.consumers import volumes

pytest.importorskip("nnunetv2", reason="nnU-Net isn't installed: pip install 'mlarray[consumers]'")
pytestmark = pytest.mark.consumers

from nnunetv2.imageio.nibabel_reader_writer import NibabelIO  # noqa: E402
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO  # noqa: E402
from nnunetv2.training.dataloading.nnunet_dataset import (  # noqa: E402
    comp_blosc2_params,
    nnUNetDatasetBlosc2,
)

from mlarray.nnunet import MLArrayDataset, MLArrayIO, pack, register, unpack, unregister  # noqa: E402


@pytest.mark.parametrize("kind", ["oblique", "labels", "series"])
def test_arrays_and_spacing_are_those_of_simpleitk(kind, pairs):
    pair = pairs(kind)
    theirs, their_properties = SimpleITKIO().read_images([str(pair.nifti)])
    ours, properties = MLArrayIO().read_images([str(pair.mla)])
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(properties["spacing"], their_properties["spacing"], rtol=1e-6)
    assert MLArrayIO().read_seg(str(pair.mla))[0].shape == ours.shape


def test_a_sheared_image_is_that_of_nibabel(pairs):
    """SimpleITK refuses it."""
    pair = pairs("sheared")
    theirs, _ = NibabelIO().read_images([str(pair.nifti)])
    ours, _ = MLArrayIO().read_images([str(pair.mla)])
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["oblique", "sheared", "labels"])
def test_predictions_lie_where_the_image_does(kind, pairs, tmp_path):
    pair = pairs(kind)
    array, properties = MLArrayIO().read_images([str(pair.mla)])
    seg = np.rint(np.abs(array[0])).astype("i2")
    MLArrayIO().write_seg(seg, str(tmp_path / "a.mla"), pickle.loads(pickle.dumps(properties)))
    written, image = MLArray.open(tmp_path / "a.mla"), MLArray.open(pair.mla)
    assert written.meta.is_seg == True  # noqa: E712 - a section that behaves like its value
    assert written.meta.spatial == image.meta.spatial
    assert written.dtype == (np.uint16 if kind != "labels" else np.uint8)
    np.testing.assert_array_equal(written, np.abs(image.to_numpy()))


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared"])
def test_predictions_at_the_same_points_are_equal(kind, pairs, tmp_path):
    """nnU-Net's own writers keep the header of the NIfTI file; ours keeps the place of the `.mla` file."""
    pair, theirs = pairs(kind), NibabelIO() if kind == "sheared" else SimpleITKIO()
    array, properties = MLArrayIO().read_images([str(pair.mla)])
    seg = np.rint(np.abs(array[0])).astype("i2")
    MLArrayIO().write_seg(seg, str(tmp_path / "a.mla"), properties)
    theirs.write_seg(seg, str(tmp_path / "a.nii.gz"), theirs.read_images([str(pair.nifti)])[1])
    image, nifti = MLArray.open(tmp_path / "a.mla"), nibabel.load(tmp_path / "a.nii.gz")
    affine = geometry.to_world(image.affine, image.meta.spatial.coord_system, "RAS")[:, [2, 1, 0, 3]]
    ours = volumes.at(volumes.points(kind), image.to_numpy().T, affine)
    np.testing.assert_array_equal(ours, np.abs(volumes.expected(kind)))
    np.testing.assert_array_equal(
        ours, volumes.at(volumes.points(kind), np.asarray(nifti.dataobj), nifti.affine)
    )


def test_predictions_have_the_order_of_axes_that_the_image_has(tmp_path):
    voxels = np.arange(2 * 3 * 4, dtype="u1").reshape(2, 3, 4)
    labels = ["spatial_x", "spatial_z", "spatial_y"]
    meta = Meta(spatial={"axis_labels": labels, "spacing": [0.5, 3, 0.7], "coord_system": "LPS"})
    MLArray(voxels, meta=meta).save(tmp_path / "a.mla")
    array, properties = MLArrayIO().read_images([str(tmp_path / "a.mla")])
    np.testing.assert_array_equal(array[0], voxels.transpose(1, 2, 0))
    assert properties["spacing"] == [3, 0.7, 0.5]
    MLArrayIO().write_seg(array[0].astype("u1"), str(tmp_path / "b.mla"), properties)
    np.testing.assert_array_equal(MLArray.open(tmp_path / "b.mla"), voxels)
    assert list(MLArray.open(tmp_path / "b.mla").meta.spatial.axis_labels) == labels


def test_two_axes_have_one_slice(tmp_path):
    voxels = np.arange(12, dtype="u1").reshape(3, 4)
    MLArray(voxels, spacing=(2, 0.5)).save(tmp_path / "a.mla")
    array, properties = MLArrayIO().read_images([str(tmp_path / "a.mla")])
    assert array.shape == (1, 1, 3, 4)
    assert properties["spacing"] == [1998, 2, 0.5]
    MLArrayIO().write_seg(array[0].astype("u1"), str(tmp_path / "b.mla"), properties)
    np.testing.assert_array_equal(MLArray.open(tmp_path / "b.mla"), voxels)
    assert MLArray.open(tmp_path / "b.mla").meta.spatial.coord_system is None


def test_colours_are_channels(pairs):
    array, _ = MLArrayIO().read_images([str(pairs("colours").mla)])
    assert array.shape == (3, *volumes.SHAPE[::-1])
    np.testing.assert_array_equal(array[1].T, volumes.voxels("colours")[..., 1])


def test_channels_that_do_not_fit(pairs, tmp_path):
    oblique = str(pairs("oblique").mla)
    image = MLArray.open(oblique)
    image.meta.spatial.origin = [0, 0, 0]
    MLArray(image.to_numpy(), meta=image.meta).save(tmp_path / "moved.mla")
    with pytest.warns(UserWarning, match=r"moved\.mla doesn't lie where .*oblique\.mla does"):
        assert MLArrayIO().read_images([oblique, str(tmp_path / "moved.mla")])[0].shape[0] == 2
    MLArray(image.to_numpy()[:5], meta=Meta(spatial={"spacing": image.spacing})).save(tmp_path / "short.mla")
    with pytest.raises(ArgumentError, match=r"short\.mla.*its shape .* is not that of .*oblique\.mla"):
        MLArrayIO().read_images([oblique, str(tmp_path / "short.mla")])
    MLArray(image.to_numpy(), spacing=(1, 1, 1)).save(tmp_path / "wide.mla")
    with pytest.raises(ArgumentError, match=r"wide\.mla.*its spacing .* is not that of"):
        MLArrayIO().read_images([oblique, str(tmp_path / "wide.mla")])
    labels = ["temporal", "channel", "spatial_y", "spatial_x"]
    MLArray(np.zeros((2, 3, 4, 5)), axis_labels=labels).save(tmp_path / "both.mla")
    with pytest.raises(UnsupportedError, match="nnU-Net has one axis of channels"):
        MLArrayIO().read_images([str(tmp_path / "both.mla")])


@pytest.fixture
def registered():
    path = register()
    yield path
    unregister()


def test_nnunet_finds_the_reader_in_another_process(registered, tmp_path):
    code = (
        "from nnunetv2.imageio.reader_writer_registry import *;"
        "find = determine_reader_writer_from_dataset_json;"
        "print(find({'overwrite_image_reader_writer': 'MLArrayIO', 'file_ending': '.mla'}, verbose=False))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert found.stdout.strip() == "<class 'mlarray.nnunet.reader_writer.MLArrayIO'>"
    unregister()
    unregister()
    assert not registered.exists()


def cases(folder, count=2, shape=(1, 30, 40, 36)):
    """Write preprocessed cases with nnU-Net's own class; return what was written."""
    folder.mkdir()
    random, written = np.random.default_rng(0), {}
    for number in range(count):
        data = random.normal(size=shape).astype("f4")
        seg = (random.random(shape) > 0.9).astype("i1") * random.integers(1, 3, shape).astype("i1")
        seg[:, 0] = -1
        places = {label: np.argwhere(seg == label)[:500] for label in (1, 2)}
        properties = {"spacing": [3.0, 1.1, 0.7], "class_locations": places | {(1, 2): places[1]}}
        block, chunk = comp_blosc2_params(shape, (16, 24, 24))
        name = f"case_{number}"
        nnUNetDatasetBlosc2.save_case(data, seg, properties, str(folder / name), chunk, block, chunk, block)
        written[name] = data, seg, properties
    return written


def test_preprocessed_cases_go_there_and_back(tmp_path):
    written = cases(tmp_path / "blosc2")
    assert pack(tmp_path / "blosc2", tmp_path / "mla", (16, 24, 24)) == ["case_0", "case_1"]
    assert unpack(tmp_path / "mla", tmp_path / "again") == ["case_0", "case_1"]
    ours, again = MLArrayDataset(str(tmp_path / "mla")), nnUNetDatasetBlosc2(str(tmp_path / "again"))
    assert ours.identifiers == sorted(again.identifiers) == ["case_0", "case_1"]
    for name, (data, seg, properties) in written.items():
        for found in (ours.load_case(name), again.load_case(name)):
            assert found[0].dtype == data.dtype
            assert found[1].dtype == seg.dtype
            np.testing.assert_array_equal(found[0][:], data)
            np.testing.assert_array_equal(found[1][:], seg)
            assert found[2] is None
            assert found[3]["spacing"] == properties["spacing"]
            for label, places in properties["class_locations"].items():
                np.testing.assert_array_equal(found[3]["class_locations"][label], places)
    assert (tmp_path / "again" / "case_0.pkl").read_bytes() == (
        tmp_path / "blosc2" / "case_0.pkl"
    ).read_bytes()
    assert MLArray.open(tmp_path / "mla" / "case_0_seg.mla").meta.is_seg == True  # noqa: E712
    with pytest.raises(ArgumentError, match="the same folder"):
        pack(tmp_path / "mla", tmp_path / "mla")
    (tmp_path / "blosc2" / "case_1_seg.b2nd").unlink()
    with pytest.raises(FileNotFoundError, match=r"case_1_seg\.b2nd.*case_1 has only its \.pkl"):
        pack(tmp_path / "blosc2", tmp_path / "third")


def test_the_loader_gives_the_same_batches(tmp_path):
    from types import SimpleNamespace

    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

    cases(tmp_path / "blosc2")
    pack(tmp_path / "blosc2", tmp_path / "mla")
    labels = SimpleNamespace(all_labels=[1, 2], has_ignore_label=False)
    batches = []
    for dataset in (nnUNetDatasetBlosc2(str(tmp_path / "blosc2")), MLArrayDataset(str(tmp_path / "mla"))):
        dataset.identifiers.sort()
        np.random.seed(0)
        loader = nnUNetDataLoader(dataset, 2, (32, 32, 32), (32, 32, 32), labels, 0.5)
        drawn = [loader.generate_train_batch() for _ in range(6)]
        batches.append([(batch["data"].clone(), batch["target"].clone(), batch["keys"]) for batch in drawn])
    for (data, seg, keys), (our_data, our_seg, our_keys) in zip(*batches, strict=True):
        assert list(keys) == list(our_keys)
        np.testing.assert_array_equal(our_data, data)
        np.testing.assert_array_equal(our_seg, seg)
    assert any((seg == -1).any() for _, seg, _ in batches[0]), "some patches hang over the border"


def test_a_dataset_travels_without_open_files_and_keeps_few_open(tmp_path):
    cases(tmp_path / "blosc2", count=3, shape=(1, 8, 9, 10))
    pack(tmp_path / "blosc2", tmp_path / "mla")
    dataset = MLArrayDataset(str(tmp_path / "mla"))
    dataset.kept.most = 4  # files: data and segmentation of two cases
    first = dataset.load_case("case_0")
    assert dataset.load_case("case_0").data is first.data
    dataset.load_case("case_1")
    dataset.load_case("case_2")
    assert dataset.load_case("case_0").data is not first.data
    again = pickle.loads(pickle.dumps(dataset))
    assert len(pickle.dumps(dataset)) < 2000
    np.testing.assert_array_equal(again.load_case("case_2").data[:], dataset.load_case("case_2").data[:])


def test_a_cascade_reads_what_the_stage_before_wrote(tmp_path):
    written = cases(tmp_path / "blosc2", count=1)
    pack(tmp_path / "blosc2", tmp_path / "mla")
    (tmp_path / "before").mkdir()
    _, seg, _ = written["case_0"]
    MLArrayDataset.save_seg(seg[0], str(tmp_path / "before" / "case_0"))
    dataset = MLArrayDataset(str(tmp_path / "mla"), ["case_0"], str(tmp_path / "before"))
    np.testing.assert_array_equal(dataset.load_case("case_0").seg_prev[:], seg[0])


def test_saved_cases_are_loaded(tmp_path):
    data, seg = np.ones((2, 5, 6, 7), "f4"), np.zeros((1, 5, 6, 7), "i1")
    MLArrayDataset.save_case(data, seg, {"class_locations": {}}, str(tmp_path / "a"), chunks=(1, 5, 6, 7))
    assert MLArrayDataset.get_identifiers(str(tmp_path)) == ["a"]
    np.testing.assert_array_equal(MLArrayDataset(str(tmp_path)).load_case("a").data[:], data)


def raw(folder, kind, ending, pairs):
    """Lay out a raw dataset of three cases."""
    dataset = folder / "nnUNet_raw" / "Dataset001_Test"
    for name in ("imagesTr", "labelsTr"):
        (dataset / name).mkdir(parents=True)
    for number in range(3):
        for source, target in (
            ("oblique", f"imagesTr/case{number}_0000"),
            ("labels", f"labelsTr/case{number}"),
        ):
            content = getattr(pairs(source), kind).read_bytes()
            (dataset / f"{target}{ending}").write_bytes(content)
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{f"class {value}": value for value in range(1, 5)}},
        "numTraining": 3,
        "file_ending": ending,
    }
    if kind == "mla":
        description["overwrite_image_reader_writer"] = "MLArrayIO"
    (dataset / "dataset.json").write_text(json.dumps(description), encoding="utf-8")


def run_nnunet(folder, code, *arguments, **variables):
    """Run code in a process that has nnU-Net's folders below one; return what it prints."""
    folders = {
        f"nnUNet_{name}": str(folder / f"nnUNet_{name}") for name in ("raw", "preprocessed", "results")
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | folders | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def preprocessed(folder):
    """Have nnU-Net plan and preprocess the raw dataset in a folder; return where its cases are."""
    entry = (
        "from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry"
    )
    run_nnunet(folder, f"{entry} as run; run()", *["-d", "1", "-c", "3d_fullres", "-np", "1", "-npfp", "1"])
    return folder / "nnUNet_preprocessed/Dataset001_Test/nnUNetPlans_3d_fullres"


@pytest.mark.slow
def test_preprocessing_in_spawned_workers_and_training(registered, pairs, tmp_path):
    for kind, ending in (("nifti", ".nii.gz"), ("mla", ".mla")):
        raw(tmp_path / kind, kind, ending, pairs)
    their_folder, our_folder = (preprocessed(tmp_path / kind) for kind in ("nifti", "mla"))
    theirs, ours = (nnUNetDatasetBlosc2(str(folder)) for folder in (their_folder, our_folder))
    assert sorted(theirs.identifiers) == sorted(ours.identifiers) == ["case0", "case1", "case2"]
    for name in theirs.identifiers:
        for mine, other in zip(ours.load_case(name)[:2], theirs.load_case(name)[:2], strict=True):
            np.testing.assert_array_equal(mine[:], other[:])
    pack(our_folder, tmp_path / "packed")
    shutil.rmtree(our_folder)
    (tmp_path / "packed").rename(our_folder)
    folder = subprocess.run(
        [sys.executable, "-m", "mlarray.nnunet", "trainers"], capture_output=True, text=True, check=True
    ).stdout.strip()
    printed = run_nnunet(tmp_path / "mla", TRAINING, nnUNet_extTrainer=folder, nnUNet_n_proc_DA="0")
    assert "MLArrayDataset 3 torch.float32" in printed


TRAINING = """
import sys
import types

import torch

try:
    import timm
except ImportError:  # searching imports all trainers, and these need timm, which needs torchvision
    name = "nnunetv2.training.nnUNetTrainer.primus.primus_trainers"
    sys.modules[name] = types.ModuleType(name)
from nnunetv2.run.run_training import get_trainer_from_args

trainer = get_trainer_from_args("1", "3d_fullres", "all", "nnUNetTrainerMLArray", device=torch.device("cpu"))
trainer.initialize()
dataset, _ = trainer.get_tr_and_val_datasets()
batches, _ = trainer.get_dataloaders()
print(type(dataset).__name__, len(dataset.identifiers), next(batches)["data"].dtype)
"""
