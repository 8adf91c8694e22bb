"""`mlarray.convert` takes what the command takes; whole datasets from Python."""

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io.commands.main import main
from mlarray_io.requests.launch import Batch


def labels():
    """Classes 0, 1 and 5 in blocks."""
    return np.kron(np.random.default_rng(0).choice([0, 1, 5], (6, 8, 8)), np.ones((4, 8, 8))).astype("u1")


@pytest.fixture
def dataset(tmp_path):
    """As nnU-Net lays it out: images, and labels without a mark."""
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / "raw" / folder).mkdir(parents=True)
    for number in range(3):
        scan = mlarray.MLArray(
            np.random.default_rng(number).normal(0, 99, (24, 64, 64)).astype("i2"), spacing=(2, 1, 1)
        )
        mlarray.write(scan, tmp_path / f"raw/imagesTr/case_{number}_0000.nii.gz")
        mlarray.write(
            mlarray.MLArray(labels(), spacing=(2, 1, 1)), tmp_path / f"raw/labelsTr/case_{number}.nii.gz"
        )
    (tmp_path / "raw/notes.txt").write_text("by hand")
    return tmp_path / "raw"


def test_a_folder_gives_a_batch(dataset, tmp_path):
    calls = []
    done = mlarray.convert(
        dataset, tmp_path / "out", labels="labelsTr/*", levels=1, stats=True, jobs=2,
        progress=lambda count, total: calls.append((count, total)),
    )  # fmt: skip
    assert isinstance(done, Batch)
    assert (len(done.converted), done.failed, done.done_before) == (6, [], [])
    assert [one.path.rpartition("/")[2] for one in done.left_out] == ["notes.txt"]
    assert calls[-1] == (6, 6)
    for number in range(3):
        image = mlarray.MLArray.open(tmp_path / f"out/imagesTr/case_{number}_0000.mla")
        label = mlarray.MLArray.open(tmp_path / f"out/labelsTr/case_{number}.mla")
        assert (image.meta.is_seg.value, label.meta.is_seg.value) == (None, True)
        assert set(np.unique(np.asarray(label.levels[0][...]))) == {0, 1, 5}
        assert label.meta.stats.max == 5
    again = mlarray.convert(dataset, tmp_path / "out", labels="labelsTr/*", levels=1, stats=True)
    assert (again.converted, len(again.done_before)) == ([], 6)


def test_lists_patterns_and_dry_runs(dataset, tmp_path):
    sources = sorted((dataset / "imagesTr").iterdir())[:2]
    planned = mlarray.convert(sources, tmp_path / "out", dry_run=True)
    assert len(planned.planned) == 2
    assert not (tmp_path / "out").exists()
    done = mlarray.convert(
        f"{dataset}/**/*_0000.nii.gz", tmp_path / "out", target_format="nrrd", exclude="case_2*"
    )
    assert sorted(str(one.target).rpartition("/")[2] for one in done.converted) == [
        "case_0_0000.nrrd",
        "case_1_0000.nrrd",
    ]
    with pytest.raises(errors.OptionError, match="need a folder"):
        mlarray.convert(sources, tmp_path / "one.mla")
    with pytest.raises(errors.ArgumentError, match="empty text"):
        mlarray.convert("", tmp_path / "out")


def test_failures_of_a_batch_are_listed(dataset, tmp_path):
    broken = dataset / "imagesTr/case_1_0000.nii.gz"
    broken.write_bytes(broken.read_bytes()[:999])
    done = mlarray.convert(dataset / "imagesTr", tmp_path / "out")
    assert len(done.converted) == 2
    assert "case_1_0000" in done.failed[0].path


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".npy", ".ome.tif", ".mgz"])
def test_every_source_can_be_said_to_be_labels(suffix, tmp_path):
    mlarray.write(labels(), tmp_path / f"a{suffix}")
    assert mlarray.read(tmp_path / f"a{suffix}", labels=True).meta.is_seg.value is True
    done = mlarray.convert(tmp_path / f"a{suffix}", tmp_path / "b.mla", labels=True, levels=1)
    assert not any("taken for labels" in note for note in done.warnings)
    image = mlarray.MLArray.open(tmp_path / "b.mla")
    assert image.meta.is_seg.value is True
    assert set(np.unique(np.asarray(image.levels[0][...]))) == {0, 1, 5}
    with pytest.raises(errors.ArgumentError, match="labels can't be rounded"):
        mlarray.convert(tmp_path / f"a{suffix}", tmp_path / "c.mla", labels=True, lossy="tolerance=2")


def test_labels_on_the_command_line(dataset, tmp_path, capsys):
    source = str(dataset / "labelsTr/case_0.nii.gz")
    assert main(["convert", source, str(tmp_path / "a.mla"), "--labels", "--profile", "fast"]) == 0
    assert mlarray.info(tmp_path / "a.mla").is_seg.value is True
    assert main(["convert", source, str(tmp_path / "b.mla"), "--no-labels", "--lossy", "tolerance=2"]) == 0
    assert mlarray.info(tmp_path / "b.mla").is_seg.value is False
    out = str(tmp_path / "out")
    assert main(["convert", str(dataset), out, "--label-pattern", "labelsTr", "-q"]) == 0
    assert mlarray.info(f"{out}/labelsTr/case_1.mla").is_seg.value is True
    assert mlarray.info(f"{out}/imagesTr/case_1_0000.mla").is_seg.value is None


def test_an_image_is_chosen_by_number(tmp_path):
    np.savez(tmp_path / "two.npz", **{"0": np.zeros((2, 3)), "1": np.ones((4, 5))})
    assert mlarray.read(tmp_path / "two.npz", image=1).shape == (4, 5)
    assert mlarray.info(tmp_path / "two.npz", image=0).spatial.shape in (None, [2, 3])
    with pytest.raises(errors.SelectionError):
        mlarray.read(tmp_path / "two.npz", image=7)


def test_options_take_one_number_for_a_tuple(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((64, 64, 64), "u1"))
    mlarray.convert(tmp_path / "a.npy", tmp_path / "a.mla", options={"patch_size": 32})
    mlarray.convert(tmp_path / "a.npy", tmp_path / "b.mla", patch_size=32)
    assert mlarray.info(tmp_path / "a.mla").blosc2 == mlarray.info(tmp_path / "b.mla").blosc2


@pytest.mark.parametrize("options", [{"clevel": 11}, {"codec": "zip"}, {"lossy": "much"}, {"clevel": -1}])
def test_options_are_checked_before_work(options, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4), "u1"))
    with pytest.raises(errors.ArgumentError, match=next(iter(options))):
        mlarray.convert(tmp_path / "a.npy", tmp_path / "a.mla", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_whole_datasets(dataset, tmp_path):
    rows = mlarray.scan(dataset, tmp_path / "table.csv", stats=True)
    images = [row for row in rows if row.shape is not None]
    assert len(images) == 6
    assert {row.max for row in images if row.labels} == {5.0}
    assert (tmp_path / "table.csv").exists()
    pairs = mlarray.check_pairs(dataset / "imagesTr", dataset / "labelsTr")
    assert [row.problems for row in pairs] == [()] * 3
    mlarray.convert(dataset / "labelsTr/case_0.nii.gz", tmp_path / "a.mla", labels=True)
    assert mlarray.verify(tmp_path / "a.mla").state == "sealed"
    assert mlarray.verify(dataset / "labelsTr/case_0.nii.gz").state == "damaged"


def test_an_interrupted_batch_says_how_to_go_on(dataset, tmp_path, monkeypatch, capsys):
    from mlarray_io.batch import run

    def interrupted(self):
        self._listener.planned([None] * 6)
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Run, "run", interrupted)
    assert main(["convert", str(dataset), str(tmp_path / "out")]) == 130
    assert "Interrupted: 0 of 6 sources are done; run the same again to go on" in capsys.readouterr().err
