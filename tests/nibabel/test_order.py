"""PAR/REC by its columns, MINC with irregular time and grids, and what of AFNI is not read."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.parrec import PARRECHeader

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, UnsupportedError

# nibabel leaves files open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::UserWarning:nibabel",
)
THEIRS = Path(nibabel.__file__).parent / "tests" / "data"


def par(folder, name):
    """Copy a PAR and give it a REC whose voxels are the number of the line that they belong to."""
    shutil.copyfile(THEIRS / f"{name}.PAR", folder / "e.PAR")
    with (folder / "e.PAR").open() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = PARRECHeader.from_fileobj(file, permit_truncated=True).image_defs
    size = tuple(map(int, lines["recon resolution"][0]))
    planes = np.zeros((len(lines), *size[::-1]), "<u2")
    planes[lines["index in REC file"]] = np.arange(len(lines))[:, None, None]
    planes.tofile(folder / "e.REC")
    return folder / "e.PAR", lines


def stored(path, lines):
    """Return which line each slice of each volume is of."""
    voxels = mlarray.read(path).to_numpy()[..., 0, 0]
    slopes, intercepts = lines["rescale slope"], lines["rescale intercept"]
    values = np.arange(len(lines)) * slopes + intercepts
    return np.abs(voxels[..., None] - values).argmin(-1)


@pytest.mark.parametrize(
    ("name", "telling"),
    [("T1_dual_echo", "echo number"), ("fieldmap", "image_type_mr"), ("DTI", "gradient orientation number")],
)
def test_a_volume_is_of_one_kind(tmp_path, name, telling):
    """nipy/nibabel's own examples: each volume has one echo, type and direction, and slices in order."""
    path, lines = par(tmp_path, name)
    found = stored(path, lines)
    assert found.ndim == 2
    np.testing.assert_array_equal(np.sort(found.ravel()), np.arange(len(lines)))
    for volume in found:
        for column in (telling, "echo number", "image_type_mr", "dynamic scan number"):
            assert len(set(np.asarray(lines[column])[volume].tolist())) == 1, column
        assert np.asarray(lines["slice number"])[volume].tolist() == list(range(1, found.shape[1] + 1))


def test_echoes_are_named(tmp_path):
    path, lines = par(tmp_path, "T1_dual_echo")
    known = Additions.of(mlarray.read(path).meta).axes[0]
    assert (known.name, known.unit) == ("echo_time", "ms")
    assert known.values == sorted(set(np.asarray(lines["echo_time"]).tolist()))


def test_magnitude_and_phase_are_told_apart(tmp_path):
    path, _ = par(tmp_path, "fieldmap")
    known = Additions.of(mlarray.read(path).meta).axes[0]
    assert known.values is not None
    assert len({str(value) for value in known.values}) == len(known.values)


def test_a_derived_map(tmp_path):
    """The general part counts b-values that an ADC map hasn't; the REC holds every line."""
    path, lines = par(tmp_path, "ADC_Map")
    found = stored(path, lines)
    np.testing.assert_array_equal(np.sort(found.ravel()), np.arange(len(lines)))
    assert mlarray.read(path).shape[-3] == len(lines)


def test_a_recording_that_was_cut_short(tmp_path):
    path, lines = par(tmp_path, "ADC_Map")
    rec = path.with_suffix(".REC")
    rec.write_bytes(rec.read_bytes()[:-2])
    with pytest.raises(CorruptError, match="cut short"):
        mlarray.read(path)
    path, lines = par(tmp_path, "T1_dual_echo")
    text = path.read_text()
    rows = [line for line in text.splitlines() if re.match(r"\s*\d+\s+\d+\s+\d+\s", line)]
    path.write_text(text.replace(rows[-1] + "\n", ""))
    with pytest.raises(CorruptError):
        mlarray.read(path)
    assert len(rows) == len(lines)


@pytest.mark.parametrize("values", [True, False])
def test_irregular_time(tmp_path, values):
    """Dynamic PET: spacing irregular, positions in the variable (MINC 2.0 File Format Reference)."""
    import h5py

    path = tmp_path / "m.mnc"
    shutil.copyfile(THEIRS / "minc2_4d.mnc", path)
    expected = mlarray.read(path).to_numpy()
    with h5py.File(path, "r+") as file:
        group = file["minc-2.0/dimensions"]
        attributes = dict(group["time"].attrs)
        if values:
            del group["time"]
            group.create_dataset("time", data=[0.0, 12.5])
        for name, value in attributes.items():
            group["time"].attrs[name] = value
        group["time"].attrs["spacing"] = np.bytes_("irregular")
    image = mlarray.read(path)
    assert image.meta.spatial.axis_labels[0] == "temporal"
    np.testing.assert_array_equal(image.to_numpy(), expected)
    known = Additions.of(image.meta).axes
    assert known[0].values == ([0.0, 12.5] if values else [0.0, 1.0])  # the file has those already


@pytest.mark.parametrize(("world", "sign"), [("RAS", 1), ("LPS", -1)])
def test_grids_turn_with_the_world(tmp_path, world, sign):
    """A grid of MINC's transforms has displacements along x, y, z of MINC's world, which is RAS."""
    import h5py

    path = tmp_path / "deform_grid_0.mnc"
    shutil.copyfile(THEIRS / "minc2_4d.mnc", path)
    with h5py.File(path, "r+") as file:
        image = file["minc-2.0/image/0/image"]
        voxels = np.concatenate([image[...], image[:1]])
        attributes = dict(image.attrs)
        del file["minc-2.0/image/0/image"]
        made = file["minc-2.0/image/0"].create_dataset("image", data=voxels.astype("f4"))
        for name, value in attributes.items():
            if name not in ("valid_range", "DIMENSION_LIST"):
                made.attrs[name] = value
        made.attrs["dimorder"] = np.bytes_("vector_dimension,zspace,yspace,xspace")
        group = file["minc-2.0/dimensions"]
        group.move("time", "vector_dimension")
    mlarray.convert(path, tmp_path / "a.mla", coord_system=world)
    image = mlarray.read(tmp_path / "a.mla")
    assert image.meta.spatial.axis_labels[0] == "components"
    np.testing.assert_array_equal(image.to_numpy(), voxels.astype("f4"))  # along a frame that is kept
    frame = Additions.of(image.meta).axes[0].others["frame"]
    assert frame == np.diag([float(sign), sign, 1]).tolist()
    mlarray.convert(tmp_path / "a.mla", tmp_path / "a.mha")
    lps = np.array([-1, -1, 1]).reshape(3, 1, 1, 1)
    found = np.moveaxis(mlarray.read(tmp_path / "a.mha").to_numpy(), 3, 0)
    np.testing.assert_allclose(found, voxels.astype("f4") * lps, atol=1e-6)
    mlarray.convert(tmp_path / "a.mla", tmp_path / "a.nii")
    nifti = nibabel.load(tmp_path / "a.nii")
    assert nifti.header["intent_code"] == 1006
    found = np.asarray(nifti.dataobj)[:, :, :, 0].transpose(3, 2, 1, 0)
    np.testing.assert_allclose(found, voxels.astype("f4"), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" 1 3\n", " 1 5\n", "complex"),
        ("IJK_TO_DICOM_REAL", "IJK_TO_DICOM_GONE", "IJK_TO_DICOM_REAL"),
    ],
)
def test_what_of_afni_is_not_read(tmp_path, old, new, said):
    for path in THEIRS.glob("scaled+tlrc.*"):
        shutil.copyfile(path, tmp_path / path.name)
    head = tmp_path / "scaled+tlrc.HEAD"
    text = head.read_text()
    if said == "complex":
        text = re.sub(r"(name\s*=\s*BRICK_TYPES\s+count\s*=\s*1\s+)\d", r"\g<1>5", text)
    else:
        text = text.replace(old, new)
    head.write_text(text)
    with pytest.raises(UnsupportedError, match=said) as error:
        mlarray.read(head)
    assert "copied whole" not in str(error.value)


@pytest.mark.parametrize("factor", ["inf", "nan", "-inf"])
def test_factors_that_are_no_numbers(tmp_path, factor):
    """Values would be none either: nibabel gives NaN and infinities."""
    for path in THEIRS.glob("scaled+tlrc.*"):
        shutil.copyfile(path, tmp_path / path.name)
    head = tmp_path / "scaled+tlrc.HEAD"
    text = re.sub(r"(BRICK_FLOAT_FACS\s+count\s*=\s*1\s+)\S+", rf"\g<1>{factor}", head.read_text())
    assert factor in text
    head.write_text(text)
    with pytest.raises(CorruptError, match="is NaN or infinite"):
        mlarray.read(head)


@pytest.mark.parametrize("name", ["scaled+tlrc.HEAD", "phantom_varscale.PAR", "tiny.mnc"])
def test_stored_values_are_refused(name):
    with pytest.raises(UnsupportedError, match="raw"):
        mlarray.read(THEIRS / name, raw=True)


def test_private_names_still_exist():
    """All of nibabel's MINC that isn't public stands in one module."""
    from mlarray_nibabel.minc_file import PRIVATE, MincFile

    for name in ("tiny.mnc", "minc2_1_scale.mnc"):
        file = MincFile(str(THEIRS / name))
        assert all(hasattr(file._file, private) for private in PRIVATE)
    plugin = Path(__file__).parents[2] / "plugins" / "mlarray_nibabel"
    for module in plugin.glob("*.py"):
        if module.name != "minc_file.py":
            assert not any(private in module.read_text() for private in PRIVATE), module
