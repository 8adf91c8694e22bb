"""Rules of headers in text, one by one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import CorruptError, MLArrayError, NotFoundError, UnsafeError, UnsupportedError
from tests.raw.known import BANDS, DATA, VOLUME

COUNT = np.arange(24, dtype="<i2")
CONTENT = COUNT.tobytes()

HV = """!INTERFILE :=
name of data file := pet.v
!type of data := PET
imagedata byte order := LITTLEENDIAN
!PET STUDY (General) :=
!PET data type := Image
process status := Reconstructed
!number format := signed integer
!number of bytes per pixel := 2
number of dimensions := 3
!matrix size [1] := 2
scaling factor (mm/pixel) [1] := 2
!matrix size [2] := 3
scaling factor (mm/pixel) [2] := 2
!matrix size [3] := 4
scaling factor (mm/pixel) [3] := 3
first pixel offset (mm) [1] := -10
first pixel offset (mm) [2] := -20
first pixel offset (mm) [3] := 5
!END OF INTERFILE :=
"""
"""As STIR writes it."""


@pytest.fixture
def make(tmp_path):
    def made(text=HV, name="pet.hv", data=CONTENT, data_name="pet.v"):
        (tmp_path / data_name).write_bytes(data)
        path = tmp_path / name
        path.write_text(text)
        return path

    return made


def test_stir_image(make):
    image = mlarray.read(make())
    np.testing.assert_array_equal(image.to_numpy(), COUNT.reshape(4, 3, 2))
    assert image.meta.spatial.coord_system is None
    wanted = [[0, 0, 2, -10], [0, 2, 0, -20], [3, 0, 0, 5], [0, 0, 0, 1]]
    np.testing.assert_array_equal(geometry.affine_of(image.meta.spatial, 3), wanted)
    assert list(image.meta.spatial.axis_units) == ["mm"] * 3


def test_bytes_that_no_header_describes_are_told(make, tmp_path):
    """Found by damage: a header that lost the line of its type was read as bytes, the rest left out."""
    done = mlarray.convert(make(data=CONTENT + bytes(8)), tmp_path / "out.mla")
    assert "8 bytes of the file follow the voxels that its header describes" in done.warnings


def test_the_unset_world_is_told(make, tmp_path):
    assert any("world is unset" in text for text in mlarray.convert(make(), tmp_path / "out.mla").warnings)


def test_either_file_names_the_image(make):
    path = make()
    np.testing.assert_array_equal(mlarray.read(path.with_suffix(".v")).to_numpy(), COUNT.reshape(4, 3, 2))


def test_frames(make):
    text = HV.replace("matrix size [3] := 4", "matrix size [3] := 2") + "number of time frames := 2\n"
    text = text.replace("!END OF INTERFILE :=\n", "")
    text += "image relative start time (sec)[1] := 0\nimage relative start time (sec)[2] := 30\n"
    image = mlarray.read(make(text))
    assert next(iter(image.meta.spatial.axis_labels)) == "temporal"
    assert image.shape == (2, 2, 3, 2)
    assert Additions.of(image.meta).axes[0].values == [0, 30]


def test_big_endian_unless_told(make):
    text = HV.replace("imagedata byte order := LITTLEENDIAN\n", "")
    image = mlarray.read(make(text, data=COUNT.astype(">i2").tobytes()))
    np.testing.assert_array_equal(image.to_numpy().ravel(), COUNT)


def test_spellings_of_keys(make):
    text = HV.replace("!matrix size [1] :=", "! Matrix_Size[1]:=").replace(":= 2\n", ":= 2 ; why\n")
    assert mlarray.read(make(text)).shape == (4, 3, 2)


def test_a_factor_is_kept_and_told(make, tmp_path):
    text = HV.replace("!END", "quantification units := 0.5\n!END")
    result = mlarray.convert(make(text), tmp_path / "out.mla")
    assert any("0.5 is kept and not applied" in text for text in result.warnings)
    image = mlarray.read(tmp_path / "out.mla")
    assert Additions.of(image.meta).rescale.slope == 0.5


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("PET data type := Image", "PET data type := Emission", "sinogram"),
        ("!END", "matrix axis label [1] := tangential coordinate\n!END", "sinogram"),
        ("!END", "data format := CoincidenceList_listmode\n!END", "list of PET events"),
        ("type of data := PET", "type of data := Curve", "curve"),
        ("!END", "data compression := lossless\n!END", "data compression"),
        ("signed integer", "ASCII", "aren't read"),
        ("!END", "data offset in bytes[1] := 0\ndata offset in bytes[2] := 99\n!END", "own"),
    ],
)
def test_what_is_no_image_says_what_it_is(make, old, new, what):
    with pytest.raises(UnsupportedError, match=what):
        mlarray.read(make(HV.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("matrix size [1] := 2", "matrix size [1] := 0", CorruptError),
        ("matrix size [1] := 2", "matrix size [1] := -2", CorruptError),
        ("matrix size [3] := 4", "matrix size [3] := 40000000", CorruptError),
        ("scaling factor (mm/pixel) [3] := 3", "scaling factor (mm/pixel) [3] := x", CorruptError),
        ("first pixel offset (mm) [3] := 5", "first pixel offset (mm) [3] := nan", CorruptError),
        ("name of data file := pet.v", "", CorruptError),
        ("pet.v", "gone.v", NotFoundError),
        ("pet.v", "/etc/passwd", UnsafeError),
        ("pet.v", "../pet.v", UnsafeError),
    ],
)
def test_headers_that_make_no_sense(make, old, new, error):
    with pytest.raises(error):
        mlarray.read(make(HV.replace(old, new)))


SINOGRAM = """!INTERFILE:=
%comment:=Sinogram SubHeader for MR-PET VA20
%SMS-MI header name space:=sinogram subheader
!name of data file:=mMR_sinogram.s
!PET data type:=emission
data format:=sinogram
"""
"""The first keys of a Siemens Biograph mMR."""


def test_siemens_sinogram(tmp_path):
    path = tmp_path / "mMR_sinogram.s.hdr"
    path.write_text(SINOGRAM)
    with pytest.raises(UnsupportedError, match="sinogram"):
        mlarray.read(path)


def test_bands_have_names_and_wavelengths(tmp_path):
    text = (DATA / "bsq.hdr").read_text()
    text += "wavelength = {450.5,\n 550, 650}\nwavelength units = Nanometers\ndata ignore value = -1\n"
    (tmp_path / "bsq.hdr").write_text(text)
    shutil.copyfile(DATA / "bsq.img", tmp_path / "bsq.img")
    result = mlarray.convert(tmp_path / "bsq.hdr", tmp_path / "out.mla")
    assert any("missing values are marked by -1" in text for text in result.warnings)
    additions = Additions.of(mlarray.read(tmp_path / "out.mla").meta)
    assert additions.axes[0].values == [450.5, 550, 650]
    assert [one.name for one in additions.channels] == ["Band 1", "Band 2", "Band 3"]


@pytest.mark.parametrize(
    ("name", "system"),
    [("bsq.img", "EPSG:32632"), ("bil.dat", "EPSG:4326"), ("turned.img", "EPSG:32733"), ("bip.bin", None)],
)
def test_reference_systems_of_wgs_84_have_their_number(name, system):
    assert mlarray.read(DATA / name).meta.spatial.coord_system == system


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("NROWS          4", "NROWS          0", CorruptError),
        ("NBITS          16", "NBITS          1", UnsupportedError),
        ("LAYOUT         BIL", "LAYOUT         BAL", CorruptError),
        ("BANDROWBYTES   10", "BANDROWBYTES   12", UnsupportedError),
        ("XDIM           30", "XDIM           0", CorruptError),
        ("NCOLS          5", "NCOLS          50000", MLArrayError),
    ],
)
def test_esri_headers_that_make_no_sense(tmp_path, old, new, error):
    text = (DATA / "esri.hdr").read_text()
    assert old in text
    (tmp_path / "esri.hdr").write_text(text.replace(old, new))
    shutil.copyfile(DATA / "esri.bil", tmp_path / "esri.bil")
    with pytest.raises(error):
        mlarray.read(tmp_path / "esri.bil")


def test_a_folder_holds_each_image_once(tmp_path):
    for path in DATA.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    batch = mlarray.convert(tmp_path, tmp_path / "out")
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.mla")) == [
        "big", "bil", "bip", "bsq", "esri", "little", "signed", "turned",
    ], batch  # fmt: skip


def test_raw_as_the_user_says(tmp_path):
    path = tmp_path / "scan.raw"
    path.write_bytes(b"head" + VOLUME.astype(">i2").tobytes())
    options = {"shape": (4, 5, 6), "dtype": "int16", "byte_order": "big", "offset": 4, "spacing": (3, 2, 1.5)}
    image = mlarray.read(path, options=options)
    np.testing.assert_array_equal(image.to_numpy(), VOLUME)
    assert list(image.meta.spatial.spacing) == [3, 2, 1.5]
    options |= {"shape": (6, 5, 4), "order": "F", "dtype": ">i2", "byte_order": "little", "offset": -1}
    np.testing.assert_array_equal(mlarray.read(path, options=options).to_numpy(), VOLUME)


def test_raw_without_a_word_says_what_is_needed(tmp_path):
    path = tmp_path / "scan.raw"
    path.write_bytes(bytes(24))
    with pytest.raises(UnsupportedError, match="without a header") as caught:
        mlarray.read(path)
    assert "-o shape=" in caught.value.hint
    with pytest.raises(CorruptError):
        mlarray.read(path, options={"shape": (5, 5), "dtype": "u1"})
    with pytest.raises(MLArrayError, match="no type"):
        mlarray.read(path, options={"shape": (5, 5), "dtype": "uint17"})
    with pytest.raises(MLArrayError, match="no voxels"):
        mlarray.read(path, options={"shape": (5, 5), "dtype": "O"})


def test_bytes_that_are_left_over_are_told(tmp_path):
    path = tmp_path / "scan.raw"
    path.write_bytes(bytes(30))
    result = mlarray.convert(path, tmp_path / "out.mla", options={"shape": (5, 5), "dtype": "u1"})
    assert any("5 bytes of the file follow" in text for text in result.warnings)


def test_bands_of_gdal_are_what_was_written():
    image = mlarray.read(DATA / "bip.hdr")
    np.testing.assert_array_equal(image.to_numpy(), BANDS.transpose(1, 2, 0))
    assert list(image.meta.spatial.axis_labels) == ["spatial_y", "spatial_x", "channel"]


def test_signed_integers_keep_their_sign(make):
    """`signed integer` is a number format of its own (Interfile 3.3, Nucl Med Commun 13, 1992, appendix).

    XMedCon 0.23 reads negative ones as 0 unless -n, "enable negative pixels", is given; then it reads these.
    """
    stored = np.array([-5, -1, 0, 1, 5, 300], "<i2")
    text = HV.replace("matrix size [3] := 4", "matrix size [3] := 1")
    np.testing.assert_array_equal(mlarray.read(make(text, data=stored.tobytes())).to_numpy().ravel(), stored)


def test_a_volume_that_vgstudio_shows_as_other_numbers(tmp_path):
    """VGStudio MAX 1.2 maps the range of a file's floats to integers: the voxels are the file's."""
    voxels = np.linspace(-94.2, 394, 24, dtype="<f4")
    (tmp_path / "a.vol").write_bytes(voxels.tobytes())
    (tmp_path / "a.vgi").write_text(
        "{volume1}\n[representation]\nsize = 2 3 4\nmirror = 0 0 0 0\ndatatype = unsigned integer\n"
        "datarange = 0 65535\nbitsperelement = 16\n[file1]\nRegionOfInterestStart = 0 0 0\n"
        "RegionOfInterestEnd = 1 2 3\nFileFormat = raw\nSize = 2 3 4\nName = a.vol\nDatatype = float\n"
        "datarange = -94.2 394\nBitsPerElement = 32\n{volumeprimitive1}\n[section1]\nmin = 0\noffset = 0\n"
        "[geometry]\nposition = 10.5 -38 0\nresolution = 0.1271 0.1271 0.25\nscale = 1 1 1\n"
        "rotate = 1 0 0 0 1 0 0 0 1\nunit = mm\n[volume]\nvolume = volume1\n"
        "{scene}\n[resolution]\nresolution = 0.5\nunit = m\n"
    )
    image = mlarray.read(tmp_path / "a.vgi")
    np.testing.assert_array_equal(image.to_numpy(), voxels.reshape(4, 3, 2))
    assert image.to_numpy().dtype == np.float32
    assert (list(image.spacing), image.meta.spatial.axis_units) == ([0.25, 0.1271, 0.1271], ["mm"] * 3)
