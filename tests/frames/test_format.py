"""Pictures written by Pillow, imagecodecs, OpenEXR and pillow-heif; another reads them where there is one."""

import struct
import zlib

import numpy as np
import pytest

import mlarray
import mlarray_frames
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests

Image = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")
codecs = pytest.importorskip("imagecodecs", reason="imagecodecs isn't installed")
RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (21, 30)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (21, 30, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (21, 30)).astype(np.uint16)


def pillow(path, pixels, **how):
    Image.fromarray(pixels).save(path, **how)
    return path


class Pictures(FormatTests):
    mutants = 12

    @pytest.fixture
    def folder(self, tmp_path_factory):
        return tmp_path_factory.mktemp("samples")

    def reference(self, path, image):
        known = path.with_suffix(".npy")
        return (np.load(known), None, None) if known.exists() else None

    @staticmethod
    def known(path, content, pixels):
        path.write_bytes(content)
        np.save(path.with_suffix(".npy"), pixels)
        return path


class TestJpegXl(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.JpegXl()

    @pytest.fixture
    def samples(self, folder):
        kinds = [GREY, COLOUR, DEEP, (COLOUR / 255).astype(np.float32), np.stack([COLOUR] * 3)]
        return [
            self.known(folder / f"{at}.jxl", codecs.jpegxl_encode(pixels, lossless=True), pixels)
            for at, pixels in enumerate(kinds)
        ]


class TestJpegXr(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.JpegXr()

    @pytest.fixture
    def samples(self, folder):
        return [
            self.known(folder / f"{at}.jxr", codecs.jpegxr_encode(pixels), pixels)
            for at, pixels in enumerate([GREY, COLOUR, DEEP])
        ]


class TestQoi(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Qoi()

    @pytest.fixture
    def samples(self, folder):
        """By imagecodecs and by Pillow; Pillow reads both."""
        first = self.known(folder / "a.qoi", codecs.qoi_encode(COLOUR), COLOUR)
        alpha = np.dstack([COLOUR, GREY])
        return [first, self.known(folder / "b.qoi", codecs.qoi_encode(alpha), alpha)]

    def reference(self, path, image):
        return np.asarray(Image.open(path)), None, None


class TestAvif(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Avif()

    @pytest.fixture
    def samples(self, folder):
        film = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1])]
        film[0].save(folder / "film.avif", save_all=True, append_images=film[1:], duration=[100, 250])
        deep = codecs.avif_encode((np.dstack([DEEP] * 3) >> 6).astype(np.uint16), bitspersample=10, level=100)
        (folder / "deep.avif").write_bytes(deep)
        return [
            pillow(folder / "a.avif", COLOUR, quality=90),
            folder / "film.avif",
            folder / "deep.avif",
        ]

    def reference(self, path, image):
        if path.name == "film.avif":
            return None  # imagecodecs can't read it
        return codecs.avif_decode(path.read_bytes(), index=0), None, None


class TestGif(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Gif()

    @pytest.fixture
    def samples(self, folder):
        """Indices are what giflib, in imagecodecs, finds."""
        flat = Image.fromarray(GREY // 16).convert("P")
        flat.save(folder / "a.gif")
        film = [Image.fromarray(GREY // size) for size in (1, 2, 3)]
        film[0].save(
            folder / "film.gif", save_all=True, append_images=film[1:], duration=[100, 20, 50], loop=0
        )
        return [folder / "a.gif", folder / "film.gif"]

    def reference(self, path, image):
        content = path.read_bytes()
        if path.name == "a.gif":
            return codecs.gif_decode(content, asrgb=False), None, None
        return codecs.gif_decode(content, asrgb=True)[..., :3], None, None


class TestAnimation(Pictures):
    claims_also = ()

    @pytest.fixture
    def format(self):
        return mlarray_frames.Animation()

    @pytest.fixture
    def samples(self, folder):
        film = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy()), Image.fromarray(COLOUR // 2)]
        for kind, how in (("apng", {"format": "PNG"}), ("webp", {"format": "WEBP", "lossless": True})):
            film[0].save(
                folder / f"film.{kind}", save_all=True, append_images=film[1:], duration=[10, 20, 30], **how
            )
        return [folder / "film.apng", folder / "film.webp"]

    def reference(self, path, image):
        frames = np.stack([COLOUR, COLOUR[::-1], COLOUR // 2])
        if path.suffix == ".apng":
            np.testing.assert_array_equal(codecs.apng_decode(path.read_bytes())[..., :3], frames)
            return frames, None, None
        opaque = np.full((3, 21, 30, 1), 255, np.uint8)  # the decoder of animated WebP always has alpha
        return np.concatenate([frames, opaque], axis=-1), None, None


class TestTga(Pictures):
    has_signature = False

    @pytest.fixture
    def format(self):
        return mlarray_frames.Tga()

    @pytest.fixture
    def samples(self, folder):
        return [
            pillow(folder / "grey.tga", GREY, compression="tga_rle"),
            pillow(folder / "colour.tga", COLOUR),
            pillow(folder / "alpha.tga", np.dstack([COLOUR, GREY])),
        ]

    def reference(self, path, image):
        """Uncompressed ones by NumPy: BGR, rows from below (TGA 2.0)."""
        if path.name == "grey.tga":
            return GREY, None, None
        content, samples = path.read_bytes(), 3 if path.name == "colour.tga" else 4
        raw = np.frombuffer(content, np.uint8, 21 * 30 * samples, 18).reshape(21, 30, samples)
        return raw[::-1, :, [2, 1, 0, 3][:samples]], None, None


class TestPnm(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Pnm()

    @pytest.fixture
    def samples(self, folder):
        Image.fromarray(GREY > 99).save(folder / "bits.pbm")
        pillow(folder / "grey.pgm", GREY)
        pillow(folder / "deep.pgm", DEEP.astype(np.int32))
        pillow(folder / "colour.ppm", COLOUR)
        text = "\n".join(" ".join(map(str, row)) for row in DEEP // 16)
        (folder / "plain.pgm").write_text(f"P2 # made by hand\n30 21\n4095\n{text}\n")
        Image.fromarray((GREY / 7).astype(np.float32)).save(folder / "real.pfm")
        return sorted(folder.glob("*.p?m"))

    def reference(self, path, image):
        values = {
            "bits.pbm": GREY <= 99,  # 1 is black there
            "grey.pgm": GREY,
            "deep.pgm": DEEP,
            "colour.ppm": COLOUR,
            "plain.pgm": DEEP // 16,
            "real.pfm": (GREY / 7).astype(np.float32),
        }
        return values[path.name], None, None


class TestExr(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Exr()

    @pytest.fixture
    def samples(self, folder):
        exr = pytest.importorskip("OpenEXR", reason="OpenEXR isn't installed")
        half = (COLOUR / 255).astype(np.float16)
        head = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
        channels = {name: half[..., at].copy() for at, name in enumerate("RGB")} | {
            "depth.Z": DEEP.astype("f4")
        }
        exr.File(head, channels).write(str(folder / "a.exr"))
        exr.File(head, {"Y": DEEP.astype("u4")}).write(str(folder / "b.exr"))
        return [folder / "a.exr", folder / "b.exr"]

    def reference(self, path, image):
        if path.name == "b.exr":
            return DEEP.astype("u4"), None, None
        return (
            (DEEP.astype("f4") if image.key == "0/depth" else (COLOUR / 255).astype(np.float16)),
            None,
            None,
        )


class TestHeif(Pictures):
    @pytest.fixture
    def format(self):
        return mlarray_frames.Heif()

    @pytest.fixture
    def samples(self, folder):
        heif = pytest.importorskip("pillow_heif", reason="pillow-heif isn't installed")
        file = heif.from_bytes("RGB", (30, 21), COLOUR.tobytes())
        file.add_frombytes("RGB", (20, 10), bytes(600))
        file.save(folder / "a.heic", quality=-1, chroma=444)
        return [folder / "a.heic"]

    def reference(self, path, image):
        heif = pytest.importorskip("pillow_heif")
        return np.asarray(heif.open_heif(path)[int(image.key)]), None, None


@pytest.mark.slow
class TestManyGifs(TestGif):
    mutants = 200


def test_frames_are_a_time_axis(tmp_path):
    film = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy())]
    film[0].save(tmp_path / "a.gif", save_all=True, append_images=film[1:], duration=[100, 250])
    image = mlarray.read(tmp_path / "a.gif")
    assert image.meta.spatial.axis_labels == ["temporal", "spatial_y", "spatial_x", "components"]
    axis = Additions.of(image.meta).axes[0]
    assert (axis.name, axis.unit, axis.values) == ("time", "ms", [0.0, 100.0])
    assert image.meta.source["durations"] == [100.0, 250.0]


@pytest.mark.parametrize("frames", [1, 3])
def test_the_default_picture_of_a_png_is_no_frame(frames, tmp_path):
    """It comes before the first chunk fcTL (PNG, 3rd edition, 4.8), for those who show no animations."""
    pictures = [Image.fromarray(np.full((4, 5, 3), value, "u1")) for value in (10, 50, 90, 130)]
    others = pictures[1 : frames + 1]
    path = tmp_path / "a.png"
    pictures[0].save(path, save_all=True, append_images=others, duration=100, default_image=True)
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert any("the picture for those who show no animations" in str(one.what) for one in done.skipped)
    image = mlarray.read(tmp_path / "a.mla")
    expected = np.stack([np.asarray(one) for one in others])
    np.testing.assert_array_equal(image.to_numpy(), expected if frames > 1 else expected[0])
    if frames > 1:
        assert list(Additions.of(image.meta).axes[0].values) == [0, 100, 200]


def png(path, frame, *, default=None):
    """Write an animated PNG of a frame that is there twice, or once behind a picture that is none."""
    colour, bits = 2 if frame.ndim == 3 else 0, frame.itemsize * 8
    height, width = frame.shape[:2]

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    def packed(rows):
        return zlib.compress(b"".join(b"\0" + row.astype(f">u{row.itemsize}").tobytes() for row in rows))

    def control(number):
        return chunk(b"fcTL", struct.pack(">5I2H2B", number, width, height, 0, 0, 1, 10, 0, 0))

    first = control(0) + chunk(b"IDAT", packed(frame)) if default is None else chunk(b"IDAT", packed(default))
    number = int(default is None)
    data = chunk(b"fdAT", struct.pack(">I", number + 1) + packed(frame))
    head = chunk(b"IHDR", struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0))
    head += chunk(b"acTL", struct.pack(">2I", number + 1, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + first + control(number) + data + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("default", [False, True])
@pytest.mark.parametrize("frame", [DEEP, np.dstack([DEEP] * 3)], ids=["grey", "colours"])
def test_an_animated_png_of_16_bits_is_refused(frame, default, tmp_path):
    """Pillow would cut its colours to 8 bits."""
    path = png(tmp_path / "a.png", frame, default=frame if default else None)
    with pytest.raises(UnsupportedError, match="animated PNG of 16 bits"):
        mlarray.read(path)
    shallow = (frame >> 8).astype("u1")
    image = mlarray.read(png(path, shallow, default=shallow if default else None)).to_numpy()
    grey = image[..., 0] if image.ndim > 2 else image
    np.testing.assert_array_equal(grey, np.broadcast_to(DEEP >> 8, grey.shape))


def test_palettes(tmp_path):
    image = Image.fromarray((GREY // 64).astype(np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3])
    image.save(tmp_path / "a.gif")
    indices = mlarray.read(tmp_path / "a.gif")
    assert indices.shape == (21, 30)
    colours = mlarray.read(tmp_path / "a.gif", options={"palette": "colour"})[...]
    np.testing.assert_array_equal(np.array(indices.meta.source["palette"])[indices[...]], colours)


def test_lossy_codecs_say_so(tmp_path):
    (tmp_path / "a.jxl").write_bytes(codecs.jpegxl_encode(COLOUR, lossless=False, distance=2))
    assert Additions.of(mlarray.read(tmp_path / "a.jxl").meta).lossy == {
        "method": "JPEG XL",
        "certain": False,
    }
    (tmp_path / "a.qoi").write_bytes(codecs.qoi_encode(COLOUR))
    assert Additions.of(mlarray.read(tmp_path / "a.qoi").meta).lossy == {}


def test_single_png_and_webp_stay_pictures(tmp_path):
    for kind in ("png", "webp"):
        path = pillow(tmp_path / f"a.{kind}", COLOUR)
        assert mlarray_frames.Animation().sniff(Source(path)) is Confidence.NO


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (b"P1\n# a plus\n3 3\n010\n111\n010\n", [[0, 1, 0], [1, 1, 1], [0, 1, 0]]),
        (b"P3 2 1 255 1 2 3 4 5 6", [[[1, 2, 3], [4, 5, 6]]]),
        (b"P5 2 2 4095\n\x00\x01\x0f\xff\x00\x02\x00\x03", [[1, 4095], [2, 3]]),
        (
            b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x01\x02\x03\x04",
            [[[1, 2], [3, 4]]],
        ),
        (b"Pf\n1 2\n-1.0\n" + np.array([1.5, 2.5], "<f4").tobytes(), [[2.5], [1.5]]),
    ],
)
def test_netpbm(content, pixels, tmp_path):
    """As Netpbm's manual defines each."""
    path = tmp_path / "a.pnm"
    path.write_bytes(content)
    np.testing.assert_array_equal(mlarray.read(path)[...], pixels)


def test_netpbm_that_is_cut_or_lies(tmp_path):
    path = tmp_path / "a.pgm"
    for content in (
        b"P5 9 9 255\n\x01",
        b"P5 999999999 999999999 255\n",
        b"P5 0 3 255\n",
        b"P2 2 2 7\n1 2 8 1\n",
    ):
        path.write_bytes(content)
        with pytest.raises(CorruptError):
            mlarray.read(path)[...]


def test_more_than_one_netpbm_picture_is_told(tmp_path):
    one = b"P5 2 2 255\n\x01\x02\x03\x04"
    (tmp_path / "a.pgm").write_bytes(one + one)
    done = mlarray.convert(tmp_path / "a.pgm", tmp_path / "a.mla")
    assert any("first picture" in text for text in done.warnings)


def test_animated_deep_avif_is_refused(tmp_path):
    still = codecs.avif_encode((np.dstack([DEEP] * 3) >> 6).astype(np.uint16), bitspersample=10, level=100)
    (tmp_path / "a.avif").write_bytes(still.replace(b"ftypavif", b"ftypavis"))
    with pytest.raises(UnsupportedError, match="more than 8 bits"):
        mlarray.read(tmp_path / "a.avif")


def test_exr_names_its_channels(tmp_path):
    exr = pytest.importorskip("OpenEXR", reason="OpenEXR isn't installed")
    head = {"compression": exr.DWAA_COMPRESSION, "type": exr.scanlineimage}
    exr.File(head, {name: np.full((8, 9), at, "f2") for at, name in enumerate("ABGR")}).write(
        str(tmp_path / "a.exr")
    )
    image = mlarray.read(tmp_path / "a.exr")
    assert image.meta.source["channels"] == ["R", "G", "B", "A"]
    assert image.meta.spatial.axis_labels[-1] == "channel"
    assert Additions.of(image.meta).lossy == {"method": "OpenEXR DWAA"}
