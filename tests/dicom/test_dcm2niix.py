"""The same series by dcm2niix, where it is installed: voxels at the same places, and what sidecars say.

dcm2niix turns rows around, orders slices its own way and splits what it can't hold; so places are compared,
not arrays. Run with dcm2niix 1.0.20260724.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core import geometry
from tests.dicom.frames.test_diffusion import canon, ge, toshiba, volumes
from tests.dicom.written import MR, dataset, enhanced, item, with_raw, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable

dcm2niix = pytest.importorskip("dcm2niix", reason="dcm2niix, the other converter, isn't installed")
nibabel = pytest.importorskip("nibabel")

SHAPE = (4, 5, 6)
VOXELS = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
EPI: dict[str, Any] = {
    "SOPClassUID": MR, "Modality": "MR", "ScanningSequence": ["EP", "GR"], "MRAcquisitionType": "2D",
    "RepetitionTime": 2000, "EchoTrainLength": 32, "SliceThickness": 2, "ImageType": ["ORIGINAL", "PRIMARY"],
}  # fmt: skip


class Theirs:
    """One image that dcm2niix made."""

    def __init__(self, path: Path) -> None:
        image = nibabel.load(path)
        self.voxels, self.affine = np.asanyarray(image.dataobj), image.affine
        sidecar = path.with_suffix(".json")
        self.bids = json.loads(sidecar.read_text()) if sidecar.exists() else {}
        tables = (path.with_suffix(f".{name}") for name in ("bval", "bvec"))
        self.bval, self.bvec = (np.loadtxt(one, ndmin=1) if one.exists() else None for one in tables)


def theirs(folder: Path, out: Path) -> list[Theirs]:
    out.mkdir()
    command = [dcm2niix.bin, "-b", "y", "-z", "n", "-f", "%s_%e_%p", "-o", str(out), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = [Theirs(path) for path in sorted(out.glob("*.nii"))]
    assert found, done.stdout + done.stderr
    return found


def mapping(image: Any, other: Theirs) -> np.ndarray:
    """Return which index of our array, fastest axis first, each index of theirs is."""
    ours = geometry.to_world(geometry.affine_of(image.spatial), "LPS", "RAS")[:, [2, 1, 0, 3]]
    found = np.linalg.inv(ours) @ other.affine
    np.testing.assert_allclose(found, np.rint(found), atol=2e-3)
    return np.rint(found).astype(int)


def assert_same(image: Any, other: Theirs) -> None:
    """Compare voxel by voxel, by their places in the patient."""
    turn = mapping(image, other)
    places = np.stack(np.meshgrid(*map(range, other.voxels.shape[:3]), indexing="ij"))
    x, y, z = np.tensordot(turn[:3, :3], places, 1) + turn[:3, 3][:, None, None, None]
    volumes_of = image.array.reshape(-1, *image.array.shape[-3:])
    voxels = other.voxels.reshape(*other.voxels.shape[:3], -1)
    assert len(volumes_of) == voxels.shape[-1]
    for number, volume in enumerate(volumes_of):
        assert volume.size == voxels[..., number].size
        np.testing.assert_allclose(volume[z, y, x], voxels[..., number], rtol=1e-6)


def turned(direction: str, turn: np.ndarray) -> str:
    """Return a direction of BIDS along their axes as one along ours."""
    vector = np.zeros(3)
    vector["ijk".index(direction[0])] = -1 if direction.endswith("-") else 1
    along = turn[:3, :3] @ vector
    axis = int(np.abs(along).argmax())
    return "ijk"[axis] + ("-" if along[axis] < 0 else "")


def affine(rotation: np.ndarray, steps: tuple[float, float, float] = (2.0, 0.5, 0.75)) -> np.ndarray:
    """Return one whose columns are z, y and x."""
    made = np.eye(4)
    made[:3, :3] = rotation[:, ::-1] * steps
    made[:3, 3] = (-10, 20, 30)
    return made


def rotated(*angles: float) -> np.ndarray:
    a, b = np.radians(angles)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_x @ about_z


SAGITTAL = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], float)
CORONAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)


@pytest.mark.parametrize(
    ("name", "rotation", "attributes"),
    [
        ("axial", np.eye(3), {}),
        ("feet first", np.diag([-1.0, 1, -1]), {}),
        ("sagittal", SAGITTAL, {}),
        ("coronal", CORONAL, {}),
        ("oblique", rotated(15, 25), {}),
        ("rescaled", np.eye(3), {"RescaleSlope": 2, "RescaleIntercept": -1024}),
        ("a slope of each slice", np.eye(3), {"RescaleSlope": lambda z: 1 + z, "RescaleIntercept": 0}),
        ("bits that vary", np.eye(3), {"BitsStored": lambda z: 12 + z, "HighBit": lambda z: 11 + z}),
    ],
)
def test_volumes(load: Callable[..., Any], tmp_path: Path, name: str, rotation: Any, attributes: Any) -> None:
    own = {"PixelRepresentation": 0, "SliceThickness": 2, **attributes}
    folder = write_series(tmp_path / "in", VOXELS.astype(np.uint16), affine(rotation), **own)
    (other,) = theirs(folder, tmp_path / "out")
    assert_same(load(folder), other)


def test_a_decimal_comma_is_a_point(load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for z in range(3):
        made = dataset(VOXELS[z], (0, 0, 2 * z), InstanceNumber=z + 1, SliceThickness=2)
        with_raw(made, "RescaleIntercept", "DS", b"-1024,0")
        write(made, tmp_path / "in" / f"{z}")
    (other,) = theirs(tmp_path / "in", tmp_path / "out")
    image = load(tmp_path / "in")
    assert image.array.min() == -1024
    assert_same(image, other)


def test_frames_in_another_order_at_each_position(load: Callable[..., Any], tmp_path: Path) -> None:
    """Cardiac phases by dimension index (C.7.6.17), to and fro in the file; dcm2niix lays them along z."""
    order = [(z, t) for z in range(3) for t in ((0, 1, 2) if z % 2 == 0 else (2, 1, 0))]

    def phase(group: Any, repeat: int) -> Any:
        group.CardiacSynchronizationSequence = [item(NominalPercentageOfCardiacPhase=25.0 * repeat)]
        return group

    (tmp_path / "in").mkdir()
    write(enhanced(order, [(0x00209241, 0x00189118)], phase), tmp_path / "in" / "one")
    (other,) = theirs(tmp_path / "in", tmp_path / "out")
    image = load(tmp_path / "in")
    rows = other.voxels.T[:, ::-1]  # dcm2niix turns them around
    np.testing.assert_array_equal(image.array.reshape(rows.shape), rows)


@pytest.mark.parametrize("name", ["siemens_dwi_0", "siemens_dwi_1000"])
def test_a_mosaic_of_siemens(load: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """Of nibabel's wheel: a real one."""
    (tmp_path / "in").mkdir()
    packed = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / f"{name}.dcm.gz"
    (tmp_path / "in" / "one.dcm").write_bytes(gzip.decompress(packed.read_bytes()))
    (other,) = theirs(tmp_path / "in", tmp_path / "out")
    assert_same(load(tmp_path / "in"), other)


@pytest.mark.parametrize("rotation", [np.eye(3), rotated(10, 0)])
@pytest.mark.parametrize(
    "describe",
    [ge(standard=True), ge(standard=False), canon, toshiba],
    ids=["ge", "old ge", "canon", "toshiba"],
)
def test_gradients(load: Callable[..., Any], tmp_path: Path, describe: Any, rotation: Any) -> None:
    """Directions in the patient, of which the sign has no meaning."""
    cosines = [float(f"{part:.12g}") for part in (*rotation[:, 0], *rotation[:, 1])]
    folder = volumes(
        tmp_path / "in", describe, ImageOrientationPatient=cosines, ImageType=["ORIGINAL", "PRIMARY"],
        SliceThickness=2,
    )  # fmt: skip
    (other,) = theirs(folder, tmp_path / "out")
    image = load(folder)
    assert_same(image, other)
    assert list(other.bval) == image.additions.bids["bval"]
    turn = mapping(image, other)[:3, :3]
    signs = [1, 1, 1] if np.linalg.det(other.affine[:3, :3]) < 0 else [-1, 1, 1]
    along = np.sign(turn) @ (other.bvec * np.array(signs)[:, None])
    ours = np.array(image.additions.bids["bvec"]) * [[-1], [1], [1]]
    for one, two in zip(ours.T, along.T, strict=True):
        assert min(np.abs(one - two).max(), np.abs(one + two).max()) < 1e-5


def runs(folder: Path, describe: Any, rotation: np.ndarray = SAGITTAL, slices: int = 3, **more: Any) -> Path:
    """Write two volumes of echo-planar slices; `describe` adds what a maker says."""
    folder.mkdir()
    place = affine(rotation, (2.0, 1.0, 1.0))
    cosines = [float(part) for part in (*rotation[:, 0], *rotation[:, 1])]
    for t in range(2):
        for z in range(slices):
            made = dataset(
                np.full((8, 8), 10 * t + z, np.int16), place[:3, 3] + z * place[:3, 0],
                InstanceNumber=slices * t + z + 1, TemporalPositionIdentifier=t + 1, PixelSpacing=[1, 1],
                ImageOrientationPatient=cosines, **{**EPI, **more},
            )  # fmt: skip
            describe(made)
            write(made, folder / f"{t}{z:03d}")
    return folder


def ge_user_data(*, polarity: int, views: int, version: float = 27.0) -> bytes:
    """Return (0043,102A) as far as it says how phase encoding runs."""
    block = np.zeros(2048, np.uint8)
    block[24:26] = np.frombuffer(np.uint16(64).tobytes(), np.uint8)
    block[64:68] = np.frombuffer(np.float32(version).tobytes(), np.uint8)
    start = 64 + (0x4C if version >= 25.002 else 0)
    for at, value in (
        (start + 0x3A, 0x800),
        (start + 0x30, polarity),
        (start + 0x394 - (0x8C if version >= 25.002 else 0), views),
    ):
        block[at : at + 2] = np.frombuffer(np.uint16(value).tobytes(), np.uint8)
    return block.tobytes()


def reordering(value: str) -> Any:
    def describe(made: Any) -> None:
        made.Manufacturer, made.RectilinearPhaseEncodeReordering = "GE MEDICAL SYSTEMS", value

    return describe


def user_data(**flags: Any) -> Any:
    def describe(made: Any) -> None:
        made.Manufacturer = "GE MEDICAL SYSTEMS"
        made.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2A, "OB", ge_user_data(**flags))

    return describe


def siemens_xa(value: int) -> Any:
    def describe(made: Any) -> None:
        made.Manufacturer = "SIEMENS"
        made.private_block(0x0021, "SIEMENS MR SDI 02", create=True)
        made.add_new((0x0021, 0x0011), "LO", "SIEMENS MR SDI 02")
        made.add_new((0x0021, 0x111C), "IS", value)

    return describe


def uih(value: int) -> Any:
    def describe(made: Any) -> None:
        made.Manufacturer = "UIH"
        made.private_block(0x0065, "Image Private Header", create=True).add_new(0x58, "IS", value)

    return describe


def philips(made: Any) -> None:
    made.Manufacturer = "Philips"


@pytest.mark.parametrize("along", ["ROW", "COL"])
@pytest.mark.parametrize(
    "describe",
    [
        reordering("LINEAR"),
        reordering("REVERSE_LINEAR"),
        user_data(polarity=0, views=0),
        user_data(polarity=4, views=0),
        user_data(polarity=0, views=2, version=14.0),
        user_data(polarity=4, views=2),
        siemens_xa(0),
        siemens_xa(1),
        uih(0),
        uih(1),
        philips,
    ],
)
def test_phase_encoding(load: Callable[..., Any], tmp_path: Path, describe: Any, along: str) -> None:
    folder = runs(tmp_path / "in", describe, InPlanePhaseEncodingDirection=along)
    (other,) = theirs(folder, tmp_path / "out")
    image = load(folder)
    assert_same(image, other)
    turn, ours = mapping(image, other), image.additions.bids
    assert ("PhaseEncodingDirection" in ours) == ("PhaseEncodingDirection" in other.bids)
    if "PhaseEncodingDirection" in ours:
        assert ours["PhaseEncodingDirection"] == turned(other.bids["PhaseEncodingDirection"], turn)
    else:
        assert describe is philips  # whose headers don't say the sign
        assert ours["PhaseEncodingAxis"] == turned(other.bids["PhaseEncodingAxis"], turn)[0]


def protocol(version: str = "28\\LX\\MR29.1_EA_2039.g", **settings: Any) -> Any:
    """GE: the settings in (0025,101B), and nothing recorded of each slice."""
    lines = "".join(f'{name} "{value}"\n' for name, value in {"IOPT": "EPI", **settings}.items())
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(lines.encode()) + packer.flush()

    def describe(made: Any) -> None:
        made.Manufacturer, made.SoftwareVersions = "GE MEDICAL SYSTEMS", version.split("\\")
        block = made.private_block(0x0025, "GEMS_SERS_01", create=True)
        content = len(packed).to_bytes(4, "little") + packed
        block.add_new(0x1B, "OB", content + b"\0" * (len(content) % 2))

    return describe


MULTIBAND = {"IOPT": "FMRI", "SLICEORDER": 1, "NOSLC": 12, "MBACCEL": 3}


@pytest.mark.parametrize(
    ("describe", "slices"),
    [
        (protocol(IOPT="FMRI", SLICEORDER=1, NOSLC=6), 6),
        (protocol(IOPT="FMRI", SLICEORDER=0, NOSLC=6), 6),
        (protocol(IOPT="MPh", NOSLC=7), 7),
        (protocol(IOPT="MPh", NOSLC=6, DELACQ="500", DELACQNOAV=0.5), 6),
        (protocol(IOPT="MPh", NOSLC=6, DELACQ="Minimum", DELACQNOAV=0.5), 6),
        (protocol(IOPT="MPhVar", NOSLC=6, DELACQ="500"), 6),
        (protocol(**MULTIBAND), 12),
        (protocol("27\\LX\\MR Software release:RX27.0_R02_1831.a", **MULTIBAND), 12),
        (protocol("24\\LX\\MR Software release:DV24.0_R01_1344.a", **MULTIBAND), 12),
        (protocol(IOPT="DIFF", SLICEORDER=1, NOSLC=6), 6),
    ],
)
@pytest.mark.parametrize("rotation", [np.eye(3), np.diag([-1.0, 1, -1])])
def test_slice_times_of_ge(
    load: Callable[..., Any], tmp_path: Path, describe: Any, slices: int, rotation: Any
) -> None:
    folder = runs(tmp_path / "in", describe, rotation, slices)
    (other,) = theirs(folder, tmp_path / "out")
    image = load(folder)
    assert_same(image, other)
    assert image.additions.axes[0].values[1] == pytest.approx(other.bids["RepetitionTime"])
    expected, ours = other.bids.get("SliceTiming"), image.additions.bids.get("SliceTiming")
    assert (ours is None) == (expected is None)
    if ours is not None:
        backwards = mapping(image, other)[2, 2] < 0
        np.testing.assert_allclose(ours, expected[::-1] if backwards else expected, atol=1e-4)
        assert any("computed" in note for note in image.notes)


def test_where_dcm2niix_differs(load: Callable[..., Any], tmp_path: Path) -> None:
    """A tilted gantry: its third column is the perpendicular distance, the shear is lost (docs/peers.md)."""
    tilted = affine(np.eye(3))
    tilted[:3, 0] = (0, 0.5, 2)
    folder = write_series(tmp_path / "in", VOXELS, tilted, GantryDetectorTilt=14.04, SliceThickness=2)
    image = load(folder)
    np.testing.assert_allclose(geometry.affine_of(image.spatial)[:3, 0], [0, 0.5, 2])
    plain = [one for one in theirs(folder, tmp_path / "out") if one.voxels.shape[2] == len(VOXELS)]
    assert all(abs(one.affine[1, 2]) < 0.5 for one in plain)
