"""Real files of tests/data whose formats have no other test on them, compared with independent readers."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import mlarray
from tests.real.readers import exr_by_ffmpeg, heif_by_ffmpeg, volume_by_bvbabel

DATA = Path(__file__).parents[1] / "data"


def test_jpeg_xl_with_frames():
    """The frames that libjxl's own tests expect, as PNG."""
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("imagecodecs")
    image = mlarray.read(DATA / "jpegxl/cropped_traffic_light.jxl")
    assert list(image.meta.spatial.axis_labels) == ["temporal", "spatial_y", "spatial_x", "components"]
    for number, frame in enumerate(image.to_numpy()):
        picture = pillow.open(DATA / f"jpegxl/cropped_traffic_light_frame-{number}.png")
        np.testing.assert_array_equal(frame, np.asarray(picture.convert("RGBA")))


def test_jpeg_xl_of_nine_bits():
    """The decoded picture of the conformance suite, rounded to 8 bits there."""
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("imagecodecs")
    voxels = mlarray.read(DATA / "jpegxl/alpha_triangles.jxl").to_numpy()
    assert (voxels.dtype, voxels.max()) == (np.uint16, 511)
    theirs = np.asarray(pillow.open(DATA / "jpegxl/alpha_triangles.png"))
    assert np.abs(voxels / 511 - theirs / 255).max() < 0.5 / 255 + 1e-6


def test_jpeg_xr():
    """Pixels that came with the file."""
    pytest.importorskip("imagecodecs")
    voxels = mlarray.read(DATA / "jpegxr/rgba32.jxr").to_numpy()
    np.testing.assert_array_equal(
        voxels, np.fromfile(DATA / "jpegxr/rgba32.jxr.bin", "u1").reshape(100, 100, 4)
    )


def test_jpeg_xr_of_fixed_point():
    """16 bits, 13 of them behind the point (Rec. ITU-T T.832, table A.6): -32765 and 32766 in the corners."""
    pytest.importorskip("imagecodecs")
    voxels = mlarray.read(DATA / "jpegxr/fixedpoint.jxr").to_numpy()
    assert (voxels.dtype, voxels.shape) == (np.float32, (256, 256))
    np.testing.assert_allclose([voxels[0, 0], voxels[-1, -1]], [-32765 / 8192, 32766 / 8192], rtol=1e-6)


@pytest.mark.parametrize("name", ["stripes", "GrayRampsHorizontal"])
def test_openexr(name):
    pytest.importorskip("OpenEXR")
    path = DATA / f"exr/{name}.exr"
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), exr_by_ffmpeg(path))


def test_heif_of_ten_bits():
    """FFmpeg leaves the pixels that fill up the last block."""
    pytest.importorskip("pillow_heif")
    path = DATA / "heif/L_10__29x100.heif"
    voxels = mlarray.read(path).to_numpy()
    np.testing.assert_array_equal(voxels >> 6, heif_by_ffmpeg(path, "gray10le")[:, :29])


@pytest.mark.parametrize(("name", "form", "bits"), [("RGB_10", "rgb48le", 16), ("RGBA_8", "rgb24", 8)])
def test_heif_in_colour(name, form, bits):
    """Each turns YCbCr into RGB by its own arithmetic."""
    pytest.importorskip("pillow_heif")
    path = DATA / f"heif/{name}__29x100.heif"
    voxels = mlarray.read(path).to_numpy()[..., :3].astype(float)
    theirs = heif_by_ffmpeg(path, form)[:, :29]
    assert np.abs(voxels - theirs).mean() < 0.02 * 2**bits


def test_anatomy_of_brainvoyager(tmp_path):
    path = tmp_path / "cube.vmr"
    path.write_bytes(gzip.decompress((DATA / "brainvoyager/sub-test03_cube.vmr.gz").read_bytes()))
    image = mlarray.read(DATA / "brainvoyager/sub-test03_cube.vmr.gz")
    assert image.shape == (135, 33, 179)
    np.testing.assert_allclose(image.meta.spatial.spacing, [0.99253732, 0.99, 0.99253738], rtol=1e-6)
    np.testing.assert_array_equal(image.to_numpy(), volume_by_bvbabel(path))


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("tga/200x32_rgba_tl_rle.tga", "tga/200x32_rgba.png"),
        ("tga/200x32_l_bl_rle.tga", "tga/200x32_l.png"),
        ("qoi/pil123rgba.qoi", "qoi/pil123rgba.png"),
        ("pnm/16_bit_binary.pgm", "pnm/16_bit_binary_pgm.tiff"),
    ],
)
def test_pictures_with_a_twin(name, pair):
    """The same picture in a format that another program of the time wrote."""
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("imagecodecs")
    np.testing.assert_array_equal(mlarray.read(DATA / name).to_numpy(), np.asarray(pillow.open(DATA / pair)))


def test_qoi_and_pbm():
    """By Pillow's own decoders, which aren't the ones that read them here; 1 is black in PBM."""
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("imagecodecs")
    theirs = np.asarray(pillow.open(DATA / "qoi/hopper.qoi"))
    np.testing.assert_array_equal(mlarray.read(DATA / "qoi/hopper.qoi").to_numpy(), theirs)
    black = np.asarray(pillow.open(DATA / "pnm/hopper_1bit.pbm")) == 0
    np.testing.assert_array_equal(mlarray.read(DATA / "pnm/hopper_1bit.pbm").to_numpy(), black)


def test_gif_and_animations():
    """By giflib, libpng and libwebp, as imagecodecs has them."""
    codecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("PIL")
    for name, theirs in (
        ("gif/hopper.gif", lambda content: codecs.gif_decode(content, asrgb=False)),
        ("gif/dispose_bgnd.gif", codecs.gif_decode),
        # its default picture isn't part of the animation (PNG, 3rd edition, 4.8)
        ("animation/delay.png", lambda content: codecs.apng_decode(content)[1:]),
    ):
        image = mlarray.read(DATA / name)
        np.testing.assert_array_equal(image.to_numpy(), theirs((DATA / name).read_bytes()))
    content = (DATA / "animation/frames.webp").read_bytes()
    for number, frame in enumerate(mlarray.read(DATA / "animation/frames.webp").to_numpy()):
        theirs = codecs.webp_decode(content, index=number)
        np.testing.assert_array_equal(frame, theirs[..., : frame.shape[-1]])


@pytest.mark.parametrize(("name", "stream"), [("hopper.avif", 0), ("star.avifs", 2)])
def test_avif(name, stream):
    """FFmpeg decodes by dav1d, and turns YCbCr into RGB by its own arithmetic."""
    pytest.importorskip("PIL.Image")
    pytest.importorskip("imagecodecs")
    av = pytest.importorskip("av", reason="PyAV isn't installed")
    voxels = mlarray.read(DATA / f"avif/{name}").to_numpy()[..., :3].astype(float)
    with av.open(str(DATA / f"avif/{name}")) as film:
        theirs = np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=stream)])
    assert np.abs(voxels - theirs.reshape(voxels.shape)).mean() < 2


def test_a_lung_without_its_header():
    """By SimpleITK, which reads the header that lies beside it."""
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK isn't installed")
    options = {"shape": (128, 128), "dtype": "uint8", "spacing": (1, 1), "unit": "mm"}
    image = mlarray.read(DATA / "metaimage/RatLungSlice1.raw", format="raw", options=options)
    theirs = sitk.ReadImage(str(DATA / "metaimage/RatLungSlice1.mha"))
    np.testing.assert_array_equal(image.to_numpy(), sitk.GetArrayFromImage(theirs))
    assert list(image.spacing) == list(theirs.GetSpacing())


def by_ffmpeg(name, form=None):
    """Return the one frame of a picture as FFmpeg's own decoder has it."""
    av = pytest.importorskip("av", reason="PyAV isn't installed")
    with av.open(str(DATA / name)) as film:
        frame = next(film.decode(video=0))
        return frame.to_ndarray(format=form or frame.format.name)


PLAIN = ["tga/200x32_rgba.png", "tga/200x32_l.png", "qoi/pil123rgba.png", "pictures/16bit.cropped.jp2"]


@pytest.mark.parametrize("name", PLAIN)
def test_pictures_without_loss(name):
    pytest.importorskip("imagecodecs")
    np.testing.assert_array_equal(mlarray.read(DATA / name).to_numpy(), by_ffmpeg(name))


def test_jpeg_2000_of_nine_bits():
    """FFmpeg has them as the highest of 16."""
    pytest.importorskip("imagecodecs")
    voxels = mlarray.read(DATA / "pictures/9bit.j2k").to_numpy()
    assert (voxels.dtype, voxels.max() < 512) == (np.uint16, True)
    np.testing.assert_array_equal(voxels, by_ffmpeg("pictures/9bit.j2k", "gray16le") >> 7)


@pytest.mark.parametrize(
    ("name", "form", "most"),
    [("hopper_gray.jpg", "gray", 0.1), ("hopper.jpg", "rgb24", 3), ("hopper.webp", "rgb24", 3)],
)
def test_pictures_with_loss(name, form, most):
    """Each turns YCbCr into RGB, and spreads colours over pixels, by its own arithmetic."""
    pytest.importorskip("imagecodecs")
    voxels = mlarray.read(DATA / f"pictures/{name}").to_numpy().astype(int)
    theirs = by_ffmpeg(f"pictures/{name}", form)
    assert voxels.shape == theirs.shape
    assert np.abs(voxels - theirs).mean() < most


def test_raw_pixels_of_a_picture():
    """Those that came with a JPEG XR, without its header."""
    codecs = pytest.importorskip("imagecodecs")
    options = {"shape": (100, 100, 4), "dtype": "uint8", "axes": "yxs"}
    image = mlarray.read(DATA / "jpegxr/rgba32.jxr.bin", format="raw", options=options)
    theirs = codecs.jpegxr_decode((DATA / "jpegxr/rgba32.jxr").read_bytes())
    np.testing.assert_array_equal(image.to_numpy(), theirs)
    assert image.meta.spatial.axis_labels == ["spatial_y", "spatial_x", "components"]


def test_arrays_of_other_systems():
    """Of NumPy's and SciPy's own tests: ones, and numbers that end the file as they are."""
    np.testing.assert_array_equal(mlarray.read(DATA / "numpy/win64python2.npy").to_numpy(), np.ones(2))
    path = DATA / "numpy/jf_skew_t_gamlss_pdf_data.npy"
    voxels = mlarray.read(path).to_numpy()
    theirs = np.frombuffer(path.read_bytes()[-voxels.nbytes :], voxels.dtype)
    np.testing.assert_array_equal(voxels.ravel(order="K"), theirs)
