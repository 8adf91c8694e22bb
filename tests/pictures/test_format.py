import struct
import zlib

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError
from mlarray_io.sdk.source import Source
from mlarray_io.testing import FormatTests
from mlarray_pictures import PictureFormat
from mlarray_pictures.signature import natural

imagecodecs = pytest.importorskip("imagecodecs")
Image = pytest.importorskip("PIL.Image", reason="Pillow, an independent reader and writer, isn't installed")

RNG = np.random.default_rng(2)
GREY = RNG.integers(0, 256, (20, 31)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (20, 31, 3)).astype(np.uint8)
SMOOTH = np.add.outer(np.arange(20) * 5, np.arange(31) * 4).astype(np.uint8)
PALETTE = [[n * 9 % 256, n * 5 % 256, 255 - n] for n in range(20)]


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels) if mode is None else Image.fromarray(pixels).convert(mode)
    image.save(path, **options)
    return path


def save_palette(path, indices, **options):
    image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    image.putpalette([value for entry in PALETTE for value in entry])
    image.save(path, **options)
    return path


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png_of(width, height, depth, colour, data=b""):
    header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class TestFiles(FormatTests):
    mutants = 40
    claims_also = ("png", "jpeg")

    @pytest.fixture
    def format(self):
        return PictureFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        save(folder / "grey.png", GREY)
        save(folder / "deep.png", GREY.astype(np.uint16) * 257 - 3)
        save(folder / "bits.png", GREY > 99)
        save(folder / "colour.png", COLOUR)
        save(folder / "alpha.png", np.dstack([COLOUR, GREY]))
        save(folder / "greyalpha.png", np.dstack([GREY, GREY]))
        save_palette(folder / "palette.png", GREY % 20)
        save(folder / "photo.jpg", np.dstack([SMOOTH] * 3), quality=95)
        save(folder / "grey.jpg", SMOOTH)
        save(folder / "colour.bmp", COLOUR)
        save(folder / "grey.bmp", GREY)
        save(folder / "alpha.bmp", np.dstack([COLOUR, GREY]))
        save(folder / "bits.bmp", GREY > 99)
        save_palette(folder / "palette.bmp", GREY % 20)
        save(folder / "colour.jp2", COLOUR, irreversible=False)
        save(folder / "deep.jp2", GREY.astype(np.uint16) * 200)
        save(folder / "colour.webp", COLOUR, lossless=True)
        save(folder / "alpha.webp", np.dstack([COLOUR, GREY]), lossless=True, exact=True)
        return sorted(folder.iterdir())

    def reference(self, path, image):
        if path.name == "photo.jpg":  # decoders differ by a grey level in the conversion of colours
            return None
        pixels = Image.open(path)
        if path.suffix == ".bmp":  # its palettes and bits are read as colours and greys
            pixels = pixels.convert({"1": "L", "P": "RGB"}.get(pixels.mode, pixels.mode))
        return np.asarray(pixels), None, None


@pytest.mark.slow
class TestManyMutants(TestFiles):
    mutants = 500


class FolderFormat(PictureFormat):
    suffixes = (".pngs", *[s for s in PictureFormat.suffixes if s != ".pngs"])


class TestFolders(FormatTests):
    @pytest.fixture
    def format(self):
        return FolderFormat()

    claims_also = ("png", "jpeg")

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folders = []
        for name, pixels in (("grey", GREY), ("colour", COLOUR), ("bits", GREY > 5)):
            folders.append(tmp_path_factory.mktemp("samples") / name)
            folders[-1].mkdir()
            for number in range(12):
                save(folders[-1] / f"slice{number}.png", np.roll(pixels, number, axis=0))
        return folders

    def reference(self, path, image):
        pixels = {"grey": GREY, "colour": COLOUR, "bits": GREY > 5}[path.name]
        return np.stack([np.roll(pixels, number, axis=0) for number in range(12)]), None, None


def test_a_photo_differs_from_another_decoder_by_little(tmp_path):
    path = save(tmp_path / "a.jpg", np.dstack([SMOOTH, SMOOTH[::-1], SMOOTH]), quality=90)
    image = mlarray.read(path)
    assert np.abs(image.to_numpy().astype(int) - np.asarray(Image.open(path)).astype(int)).max() <= 3
    assert Additions.of(image.meta).lossy == {"method": "JPEG"}


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palettes_are_indices(tmp_path, bits):
    indices = (GREY % (1 << bits)).astype(np.uint8)
    save_palette(tmp_path / "a.png", indices, bits=bits)
    image = mlarray.read(tmp_path / "a.png")
    np.testing.assert_array_equal(image.to_numpy(), indices)
    assert image.meta.source["palette"][1] == PALETTE[1]
    colours = mlarray.read(tmp_path / "a.png", options={"palette": "colour"})
    np.testing.assert_array_equal(colours.to_numpy(), np.array(PALETTE, np.uint8)[indices])


def test_palettes_come_back(tmp_path):
    save_palette(tmp_path / "a.png", GREY % 20, transparency=bytes(range(20)))
    mlarray.convert(tmp_path / "a.png", tmp_path / "b.mla")
    mlarray.convert(tmp_path / "b.mla", tmp_path / "c.png")
    again, before = Image.open(tmp_path / "c.png"), Image.open(tmp_path / "a.png")
    assert again.mode == "P"
    np.testing.assert_array_equal(np.asarray(again.convert("RGBA")), np.asarray(before.convert("RGBA")))


@pytest.mark.parametrize("depth", [2, 4])
def test_few_bits_are_not_stretched(tmp_path, depth):
    row = bytes([0b00011011] * (2 if depth == 2 else 4))
    (tmp_path / "a.png").write_bytes(png_of(8, 1, depth, 0, b"\0" + row))
    expected = [0, 1, 2, 3] * 2 if depth == 2 else [1, 11] * 4
    assert mlarray.read(tmp_path / "a.png").to_numpy().tolist() == [expected]


def test_deep_colours(tmp_path):
    """16 bits of each colour, which Pillow can't read."""
    import imagecodecs

    deep = RNG.integers(0, 65536, (9, 8, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.png").to_numpy(), deep)
    mlarray.convert(tmp_path / "a.png", tmp_path / "b.png")
    np.testing.assert_array_equal(imagecodecs.png_decode((tmp_path / "b.png").read_bytes()), deep)


def test_orientation_is_kept_not_applied(tmp_path):
    image, exif = Image.fromarray(SMOOTH), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    read = mlarray.read(tmp_path / "a.jpg")
    assert (read.shape, read.meta.source["orientation"]) == ((20, 31), 6)


def test_labels_and_settings(tmp_path):
    save(tmp_path / "a.png", COLOUR)
    image = mlarray.read(tmp_path / "a.png", options={"spacing": "0.5,0.25", "unit": "mm"})
    assert image.meta.spatial.axis_labels == ["spatial_y", "spatial_x", "components"]
    assert (image.spacing, image.meta.spatial.axis_units) == ([0.5, 0.25], ["mm", "mm", ""])


# folders


def test_natural_order():
    names = ["a10.png", "a2.png", "A1.png", "a1b20.png", "a1b3.png"]
    assert sorted(names, key=natural) == ["A1.png", "a1b3.png", "a1b20.png", "a2.png", "a10.png"]


def test_mixed_sizes_are_listed(tmp_path):
    for number in range(5):
        save(tmp_path / f"{number}.png", GREY)
    save(tmp_path / "scout.png", GREY[:10])
    with pytest.raises(
        UnsupportedError, match=r"20x31 uint8 \(0\.png and 4 more\), 10x31 uint8 \(scout\.png\)"
    ):
        mlarray.read(tmp_path, options={"stack": "yes"})


@pytest.mark.parametrize(
    ("names", "stacked"),
    [
        (["slice1", "slice2", "slice10"], True), (["IM0001", "IM0002"], True), (["a_z1_t3", "a_z2_t3"], True),
        (["cat", "dog"], False), (["a_z1_t1", "a_z2_t2"], False), (["1x", "2y"], False), (["1", "01"], False),
    ],
)  # fmt: skip
def test_a_folder_is_a_volume_only_if_it_says_so(tmp_path, names, stacked):
    for name in names:
        save(tmp_path / f"{name}.png", GREY)
    if stacked:
        assert mlarray.read(tmp_path).shape == (len(names), 20, 31)
        assert mlarray.read(tmp_path, options={"stack": "no"}, image=f"{names[0]}.png").shape == (20, 31)
        return
    with pytest.raises(MLArrayError, match="none was chosen"):
        mlarray.read(tmp_path)
    np.testing.assert_array_equal(mlarray.read(tmp_path, image=f"{names[0]}.png").to_numpy(), GREY)
    assert mlarray.read(tmp_path, options={"stack": "yes"}).shape == (len(names), 20, 31)


@pytest.mark.parametrize("name", ["a.mrxs", "a.vsi"])
def test_previews_of_slides_are_refused_by_name(tmp_path, name):
    """Their voxels lie in a folder beside them (OpenSlide, "MIRAX format"; Bio-Formats, "CellSens VSI")."""
    Image.fromarray(COLOUR).save(tmp_path / name, "JPEG" if name.endswith("mrxs") else "TIFF")
    with pytest.raises(UnsupportedError, match="preview of"):
        mlarray.read(tmp_path / name)


def test_folders_of_other_things_are_not_claimed(tmp_path):
    save(tmp_path / "preview.png", GREY)
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(bytes(200))
    assert PictureFormat().sniff(Source(tmp_path)) == 0


def test_a_folder_of_slices_is_written(tmp_path):
    volume = RNG.integers(0, 60000, (12, 9, 8)).astype(np.uint16)
    mlarray.write(volume, tmp_path / "a.pngs")
    names = sorted(path.name for path in (tmp_path / "a.pngs").iterdir())
    assert names == [f"{number:04}.png" for number in range(12)]
    for number, name in enumerate(names):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.pngs" / name)), volume[number])
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.pngs").to_numpy(), volume)


@pytest.mark.parametrize(
    ("name", "pixels", "hint"),
    [
        ("a.png", np.zeros((3, 4, 5), np.uint8), ".pngs"),
        ("a.png", np.zeros((4, 5), np.int16), "int16"),
        ("a.jpg", np.zeros((4, 5), np.uint8), "End it in .png"),
        ("a.pngs", np.zeros((2, 3, 4, 5), np.uint8), "no picture"),
    ],
)
def test_what_png_cannot_hold(tmp_path, name, pixels, hint):
    with pytest.raises(UnsupportedError, match=hint):
        mlarray.write(pixels, tmp_path / name)
    assert not (tmp_path / name).exists()


# hostile files


def test_bombs(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(60000, 60000, 8, 2, bytes(1000)))
    with pytest.raises(CorruptError, match="hold"):
        mlarray.read(tmp_path / "a.png")
    photo = bytearray(save(tmp_path / "a.jpg", SMOOTH).read_bytes())
    at = photo.index(b"\xff\xc0")
    photo[at + 5 : at + 9] = struct.pack(">2H", 65000, 65000)
    (tmp_path / "a.jpg").write_bytes(photo)
    with pytest.raises(CorruptError, match="hold"):
        mlarray.read(tmp_path / "a.jpg")
    large = bytearray(save(tmp_path / "a.jp2", COLOUR).read_bytes())
    at = large.index(b"\xff\x4f\xff\x51")
    large[at + 8 : at + 16] = struct.pack(">2I", 1 << 20, 1 << 20)
    (tmp_path / "a.jp2").write_bytes(large)
    with pytest.raises(LimitError):
        mlarray.read(tmp_path / "a.jp2")


def test_damage_is_noticed(tmp_path):
    content = bytearray(save(tmp_path / "a.png", GREY).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(CorruptError, match="damaged"):
        mlarray.read(tmp_path / "a.png")
    photo = save(tmp_path / "a.jpg", COLOUR).read_bytes()
    (tmp_path / "a.jpg").write_bytes(photo[: len(photo) * 3 // 4])
    with pytest.raises(CorruptError, match="cut short"):
        mlarray.read(tmp_path / "a.jpg")


def test_links_in_a_folder_are_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    save(tmp_path / "in" / "a.png", GREY)
    save(tmp_path / "secret.png", GREY)
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "secret.png")
    assert mlarray.read(tmp_path / "in").shape == (20, 31)


def test_an_empty_folder(tmp_path):
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path, format="pictures")


def test_what_stands_before_the_frame_of_a_jpeg(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 255, (32, 40, 3), np.uint8)
    plain = imagecodecs.jpeg8_encode(pixels, level=90)
    profile = b"".join(b"\xff\xe2" + (65535).to_bytes(2, "big") + bytes(65533) for _ in range(6))
    for name, between in (("profile", profile), ("stray", b"\x00\x01stray\xff\x00"), ("fill", b"\xff" * 5)):
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(plain[:20] + between + plain[20:])  # behind the first segment, JFIF's
        assert np.array_equal(mlarray.read(path), imagecodecs.jpeg8_decode(plain)), name
    (tmp_path / "none.jpg").write_bytes(plain[:2] + profile)
    with pytest.raises(CorruptError, match="no frame header"):
        mlarray.read(tmp_path / "none.jpg")


@pytest.mark.parametrize("marked", [True, False])
def test_a_place_on_the_earth_is_a_loss(tmp_path, marked):
    """A box of GeoJP2's UUID before the code stream (ISO/IEC 15444-1, I.7.2)."""
    plain = save(tmp_path / "a.jp2", GREY.astype("u1")).read_bytes()
    box = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"II*\0" + bytes(20)
    box = (len(box) + 8).to_bytes(4, "big") + b"uuid" + box
    at = plain.index(b"jp2c") - 4
    (tmp_path / "a.jp2").write_bytes(plain[:at] + box * marked + plain[at:])
    done = mlarray.convert(tmp_path / "a.jp2", tmp_path / "a.mla", source_format="pictures")
    assert [loss.what for loss in done.losses] == ["where the picture lies on the earth"] * marked
