"""Label maps that nothing marks keep their classes; scans are still averaged."""

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io import Context
from mlarray_io.commands.main import main
from mlarray_io.requests.in_memory import ArrayReader
from mlarray_io.sdk.labels.maps import holds_labels


def label_map(classes=(0, 1, 5), shape=(64, 160, 160), dtype="u1"):
    """Blocks of a few classes, as a segmentation has them: the mean of 0, 1 and 5 is no class."""
    random = np.random.default_rng(1)
    coarse = random.choice(np.array(classes, dtype), [-(-size // 7) for size in shape])
    return np.kron(coarse, np.ones((7, 7, 7), dtype))[tuple(slice(0, size) for size in shape)]


def scan(shape=(64, 160, 160)):
    return np.random.default_rng(2).normal(100, 40, shape).astype("i2")


def told(voxels, **meta):
    context = Context()
    answer = holds_labels(ArrayReader(mlarray.MLArray(voxels, meta=mlarray.Meta(**meta))), context)
    return answer, len(context.report.warnings)


def test_what_is_taken_for_labels():
    assert told(label_map()) == (True, 1)
    assert told(label_map(), is_seg=True) == (True, 0)
    assert told(label_map(), is_seg=False) == (False, 0)
    assert told(label_map(dtype="i8")) == (True, 1)
    assert told(label_map() > 0) == (True, 0)
    assert told(scan()) == (False, 0)
    assert told(label_map(dtype="f4")) == (False, 0)
    assert told(np.zeros((3, 4), "u1")) == (False, 0)


@pytest.mark.parametrize("suffix", [".mla", ".ome.zarr", ".ome.tif"])
def test_levels_of_an_unmarked_label_map_keep_its_classes(suffix, tmp_path):
    """From NIfTI as nnU-Net writes labels: uint8, intent 0."""
    nibabel = pytest.importorskip("nibabel")
    pytest.importorskip("zarr" if "zarr" in suffix else "tifffile")
    nibabel.save(nibabel.Nifti1Image(label_map().T, np.eye(4)), tmp_path / "labels.nii.gz")
    options = {".mla": {"levels": "auto"}, ".ome.zarr": {"levels": "2"}, ".ome.tif": {"pyramid": "1"}}[suffix]
    done = mlarray.convert(tmp_path / "labels.nii.gz", tmp_path / f"a{suffix}", options=options)
    assert any("taken for labels" in note for note in done.warnings)
    if suffix == ".mla":
        levels = mlarray.MLArray.open(tmp_path / "a.mla").levels
    else:
        key = {"level": "1"}
        levels = [mlarray.read(tmp_path / f"a{suffix}", options=key)]
    assert len(levels) >= 1
    for level in levels:
        assert set(np.unique(np.asarray(level[...]))) == {0, 1, 5}


def test_levels_command_keeps_classes_and_says_so(tmp_path, capsys):
    mlarray.MLArray(label_map()).save(tmp_path / "a.mla")
    assert main(["levels", str(tmp_path / "a.mla"), "--build"]) == 0
    out, err = capsys.readouterr()
    assert "mode" in out
    assert "3 different integers" in err
    assert main(["levels", str(tmp_path / "a.mla"), "--method", "mode"]) == 2


def test_lossy_is_refused_for_what_may_be_labels(tmp_path, capsys):
    mlarray.write(label_map(), tmp_path / "a.nrrd")
    arguments = ["convert", str(tmp_path / "a.nrrd"), str(tmp_path / "b.mla"), "--lossy", "tolerance=2"]
    assert main(arguments) == 1
    assert "labels can't be rounded" in capsys.readouterr().err
    assert not (tmp_path / "b.mla").exists()
    with pytest.raises(errors.ArgumentError, match="no tolerance"):
        mlarray.convert(tmp_path / "a.nrrd", tmp_path / "b.mla", options={"lossy": "much"})


def test_a_bound_that_changes_nothing_says_so(tmp_path):
    """Steps of integers are whole: tolerance=0.5 leaves them as they are."""
    done = mlarray.write(scan(), tmp_path / "a.mla", lossy="tolerance=0.5")
    assert "nothing is rounded" in done.warnings[0]
    np.testing.assert_array_equal(np.asarray(mlarray.MLArray(tmp_path / "a.mla")), scan())


def test_scans_are_averaged_and_rounded_as_before(tmp_path):
    mlarray.write(scan(), tmp_path / "a.nrrd")
    done = mlarray.convert(
        tmp_path / "a.nrrd", tmp_path / "a.mla", options={"levels": 1, "lossy": "tolerance=2"}
    )
    assert done.warnings == ()
    image = mlarray.MLArray.open(tmp_path / "a.mla")
    assert np.abs(image[...].astype(int) - scan()).max() == 2
    assert image.levels[0].meta.is_seg.value is None
