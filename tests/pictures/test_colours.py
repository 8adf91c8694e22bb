"""Colours, ends and further pictures, as Pillow writes them: read, refused or named, never something else."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_pictures import PictureFormat
from mlarray_pictures.options import PictureOptions

pytest.importorskip("imagecodecs")
Image = pytest.importorskip("PIL.Image", reason="Pillow, an independent writer, isn't installed")

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 255, (160, 200, 3), "u1")


def told(path):
    context = Context()
    format = PictureFormat()
    source = Source(path)
    format.open(
        source, format.images(source, PictureOptions(), context)[0], PictureOptions(), context
    ).close()
    return " ".join(context.report.warnings)


def with_thumbnail():
    """Return a JPEG whose EXIF segment holds a whole JPEG of its own."""
    small = io.BytesIO()
    Image.fromarray(COLOUR[:40, :50]).save(small, "JPEG")
    inner = small.getvalue()
    exif = b"II*\0" + struct.pack(
        "<IHIHHHIIHHIIHHIII", 8, 0, 14, 3, 0x103, 3, 1, 6, 0x201, 4, 1, 56, 0x202, 4, 1, len(inner), 0
    )
    large = io.BytesIO()
    Image.fromarray(COLOUR).save(large, "JPEG", quality=90, exif=b"Exif\0\0" + exif + inner)
    return large.getvalue()


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_a_cut_jpeg_is_refused_whatever_its_thumbnail_ends_with(tmp_path, part):
    """Pillow 13: "image file is truncated"; libjpeg fills the rest with grey 128."""
    content = with_thumbnail()
    assert content.count(b"\xff\xd9") == 2
    (tmp_path / "a.jpg").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(CorruptError):
        mlarray.read(tmp_path / "a.jpg").to_numpy()


@pytest.mark.parametrize(
    "tail", [b"\0\0\0\x18ftypmp42" + b"\0" * 90_000, b"\xff\xd8\xff\xe0", b"\xff" * 70_000]
)
def test_what_follows_a_jpeg_is_no_damage(tmp_path, tail):
    """Motion photos and padded downloads; the picture ends at its own marker (T.81, B.2.1)."""
    content = with_thumbnail()
    (tmp_path / "a.jpg").write_bytes(content + tail)
    expected = np.asarray(Image.open(io.BytesIO(content)))
    np.testing.assert_allclose(mlarray.read(tmp_path / "a.jpg").to_numpy(), expected, atol=2)


def test_a_progressive_jpeg_with_restarts(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", quality=90, progressive=True, restart_marker_blocks=3)
    expected = np.asarray(Image.open(tmp_path / "a.jpg"))
    np.testing.assert_allclose(mlarray.read(tmp_path / "a.jpg").to_numpy(), expected, atol=2)


def test_inks_are_named_and_never_become_alpha(tmp_path):
    """Adobe's APP14 says that inks are inverted: 255 is none (Technical Note 5116)."""
    inks = np.zeros((64, 80, 4), "u1")
    inks[..., 0] = 200
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    image = mlarray.read(tmp_path / "a.jpg")
    source = image.meta.source
    assert (source["colour_model"], source["inverted_inks"]) == ("CMYK", True)
    assert "inks" in told(tmp_path / "a.jpg")
    for target in ("a.png", "b.pngs"):
        with pytest.raises(UnsupportedError, match="CMYK"):
            mlarray.write(image, tmp_path / target)
        assert not (tmp_path / target).exists()


def test_further_pictures_are_named_or_refused(tmp_path):
    frames = [Image.fromarray(np.full((20, 30, 3), 60 * at, "u1")) for at in range(4)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedError, match="animated PNG of 4 frames"):
        mlarray.read(tmp_path / "a.png", format="pictures")
    frames[0].save(tmp_path / "a.mpo", save_all=True, append_images=frames[1:])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    assert mlarray.read(tmp_path / "a.jpg").shape == (20, 30, 3)
    assert "further pictures" in told(tmp_path / "a.jpg")


def test_a_transparent_colour_is_named(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert mlarray.read(tmp_path / "a.png").meta.source["transparent"] == [1, 2, 3]
    assert "transparent" in told(tmp_path / "a.png")


def with_opacity(content, kind):
    """Return a JP2 whose fourth channel is the opacity of the whole picture (T.800, I.5.3.6)."""
    channels = (0, 0, 1, 1, 0, 2, 2, 0, 3, 3, kind, 0)
    box = struct.pack(">I4sH12H", 34, b"cdef", 4, *channels)
    at = content.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">I", content, at)
    return (
        content[:at]
        + struct.pack(">I", size + len(box))
        + content[at + 4 : at + size]
        + box
        + content[at + size :]
    )


def test_colours_multiplied_by_alpha_become_no_png(tmp_path):
    """TIFF 6.0, section 18 (ExtraSamples 1), JPEG 2000, I.5.3.6 (type 2); PNG's alpha is not."""
    imagecodecs, tifffile = pytest.importorskip("imagecodecs"), pytest.importorskip("tifffile")
    colours = np.dstack([COLOUR, COLOUR[..., 0]])
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", extrasamples=[1])
    content = bytes(imagecodecs.jpeg2k_encode(colours, codecformat="jp2"))
    (tmp_path / "b.jp2").write_bytes(with_opacity(content, 1))
    (tmp_path / "a.jp2").write_bytes(with_opacity(content, 2))
    for name in ("a.tif", "a.jp2"):
        image = mlarray.read(tmp_path / name)
        np.testing.assert_array_equal(image.to_numpy(), colours)
        done = mlarray.convert(tmp_path / name, tmp_path / "a.mla", overwrite=True)
        assert any("multiplied by their alpha" in note for note in done.warnings)
        with pytest.raises(UnsupportedError, match="multiplied by their alpha"):
            mlarray.write(image, tmp_path / "a.png")
        mlarray.write(image, tmp_path / "back.tif", overwrite=True)
        with tifffile.TiffFile(tmp_path / "back.tif") as file:
            assert [int(kind) for kind in file.pages[0].extrasamples] == [1]
    mlarray.convert(tmp_path / "b.jp2", tmp_path / "b.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), colours)


def test_lossless_codecs_are_not_called_lossy(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "a.jpg").write_bytes(imagecodecs.ljpeg_encode(COLOUR[..., 0]))
    for path, options in (
        ("a.jpg", None),
        ("a.jp2", {"irreversible": False}),
        ("b.jp2", {"irreversible": True}),
    ):
        if options is not None:
            Image.fromarray(COLOUR).save(tmp_path / path, **options)
        image = mlarray.read(tmp_path / path)
        assert bool(Additions.of(image.meta).lossy) == (path == "b.jp2")
