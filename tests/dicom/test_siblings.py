"""A single slice says that its series has more files."""

import pytest

import mlarray

pydicom = pytest.importorskip("pydicom")


@pytest.fixture
def folder(tmp_path):
    """Three slices of a CT, from the one that comes with pydicom."""
    slice_ = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    for number in range(3):
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        slice_.ImagePositionPatient[2] = 5 * number
        slice_.save_as(tmp_path / f"{number}.dcm")
    return tmp_path


def test_one_slice_of_a_series_says_so(folder):
    done = mlarray.convert(folder / "1.dcm", folder / "a.mla")
    assert done.shape == (1, 128, 128)
    assert any("give their folder" in note for note in done.warnings)


def test_a_folder_and_a_single_file_say_nothing(folder, tmp_path):
    done = mlarray.convert(folder, tmp_path / "all.mla", verify=True).converted
    assert [one.shape for one in done] == [(3, 128, 128)]
    assert not any("give their folder" in note for note in done[0].warnings)
    for number in (0, 2):
        (folder / f"{number}.dcm").unlink()
    (folder / "notes.txt").write_text("by hand")
    assert not any(
        "folder" in note for note in mlarray.convert(folder / "1.dcm", tmp_path / "b.mla").warnings
    )
