"""Files of beamlines, as nexusformat's documentation and dxfile's lay them out."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import SelectionError, UnsupportedError

VOXELS = np.arange(24, dtype="f4").reshape(2, 3, 4)


def nexus(path, *, default=True):
    """NeXus manual, "Example NeXus data with links": the data lie with the detector, and are linked."""
    with h5py.File(path, "w") as file:
        entry, detector = file.create_group("entry"), file.create_group("entry/instrument/detector")
        entry.attrs["NX_class"] = "NXentry"
        detector["counts"] = VOXELS
        detector["mask"] = np.zeros((3, 4), "u1")
        data = entry.create_group("data")
        data.attrs["NX_class"], data.attrs["signal"] = "NXdata", "counts"
        data.attrs["axes"] = ["angle", "y", "."]
        data["counts"] = h5py.SoftLink("/entry/instrument/detector/counts")
        if default:
            file.attrs["default"], entry.attrs["default"] = "entry", "data"
    return path


@pytest.mark.parametrize("default", [True, False])
def test_the_default_of_nexus(tmp_path, default):
    image = mlarray.read(nexus(tmp_path / "scan.nxs", default=default))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert image.meta.source["dataset"] == "/entry/instrument/detector/counts"


def test_axes_of_nexus(tmp_path):
    path = tmp_path / "scan.nxs"
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        file["entry"].attrs["NX_class"] = "NXentry"
        data.attrs["NX_class"], data.attrs["signal"], data.attrs["axes"] = (
            "NXdata",
            "counts",
            ["angle", "y", "."],
        )
        data["counts"], data["angle"] = VOXELS, [0.0, 90.0]
        data["angle"].attrs["units"] = "degree"
    image = mlarray.read(path)
    assert list(image.meta.spatial.axis_labels) == ["angle", "spatial_y", "non_spatial"]
    known = Additions.of(image.meta).axes[0]
    assert (known.name, known.unit, known.values) == ("angle", "degree", [0.0, 90.0])


def test_data_exchange(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["implements"] = "exchange"
        exchange = file.create_group("exchange")
        exchange["data"], exchange["theta"] = VOXELS, [0.0, 90.0]
        exchange["data"].attrs["axes"] = "theta:y:x"
        exchange["theta"].attrs["units"] = "deg"
        exchange["data_dark"], exchange["data_white"] = VOXELS * 0, VOXELS + 1
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert list(image.meta.spatial.axis_labels) == ["theta", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [0, 90]
    assert mlarray.read(path, image="/exchange/data_white").to_numpy()[0, 0, 0] == 1


def test_a_link_out_of_the_file_is_not_followed(tmp_path):
    nexus(tmp_path / "other.nxs")
    with h5py.File(tmp_path / "scan.nxs", "w") as file:
        data = file.create_group("entry/data")
        file["entry"].attrs["NX_class"] = "NXentry"
        data.attrs["NX_class"], data.attrs["signal"] = "NXdata", "counts"
        data["counts"] = h5py.ExternalLink("other.nxs", "/entry/instrument/detector/counts")
        data["a"], data["b"] = VOXELS, VOXELS
    with pytest.raises(SelectionError):
        mlarray.read(tmp_path / "scan.nxs")


def test_pet_before_reconstruction_is_refused(tmp_path):
    """As STIR's GEHDF5Wrapper finds GE's RDF 9: by the description of the examination."""
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["HeaderData/ExamData/manufacturer"] = b"GE MEDICAL SYSTEMS"
        file["HeaderData/ExamData/scannerDesc"] = b"SIGNA PET/MR"
        file["SegmentData/Segment2/3D_TOF_Sinogram/view1"] = VOXELS
    with pytest.raises(UnsupportedError, match="before reconstruction") as caught:
        mlarray.read(path)
    assert "STIR" in (caught.value.hint or "")
