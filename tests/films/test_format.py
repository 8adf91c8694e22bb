"""Films that the program ffmpeg wrote, and reads too."""

import subprocess

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import MLArrayError
from mlarray_films import FilmFormat
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests

pytest.importorskip("av", reason="PyAV isn't installed")
program = pytest.importorskip("imageio_ffmpeg", reason="ffmpeg isn't installed").get_ffmpeg_exe()
RNG = np.random.default_rng(5)
COUNT, ROWS, COLUMNS = 9, 48, 64
COLOUR = RNG.integers(0, 256, (COUNT, ROWS, COLUMNS, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (COUNT, ROWS, COLUMNS)).astype("<u2")
SMOOTH = np.broadcast_to(
    np.arange(COLUMNS, dtype=np.uint8)[:, None] * 3 + np.arange(3, dtype=np.uint8) * 20, COLOUR.shape
) + (np.arange(COUNT, dtype=np.uint8) * 4)[:, None, None, None]  # fmt: skip


def encode(path, voxels, form, *how, rate=25):
    size = f"{voxels.shape[2]}x{voxels.shape[1]}"
    given = ["-f", "rawvideo", "-pix_fmt", form, "-s", size, "-r", str(rate), "-i", "-"]
    command = [program, "-v", "error", "-y", *given, *how, str(path)]
    subprocess.run(command, input=voxels.tobytes(), check=True)
    return path


def decode(path, form, shape, dtype=np.uint8):
    command = [
        program,
        "-v",
        "error",
        "-i",
        str(path),
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        form,
        "-",
    ]
    content = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(content, dtype).reshape(-1, *shape)


class TestFilm(FormatTests):
    mutants = 10

    @pytest.fixture
    def format(self):
        return FilmFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        return [
            encode(folder / "exact.avi", COLOUR, "rgb24", "-c:v", "ffv1", "-pix_fmt", "bgr0"),
            encode(folder / "deep.mkv", DEEP, "gray16le", "-c:v", "ffv1", "-pix_fmt", "gray16le"),
            encode(folder / "grey.mov", COLOUR[..., 0], "gray", "-c:v", "png", "-pix_fmt", "gray"),
        ]

    def reference(self, path, image):
        """What went in: all three lose nothing."""
        values = {"exact.avi": COLOUR, "deep.mkv": DEEP, "grey.mov": COLOUR[..., 0]}
        return values[path.name], None, None


@pytest.mark.slow
class TestManyMutants(TestFilm):
    mutants = 200


@pytest.mark.parametrize(
    ("name", "codec", "method"),
    [
        ("a.mp4", ["libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "4"], "H.264"),
        ("a.avi", ["mpeg4", "-pix_fmt", "yuv420p"], "MPEG-4"),
        ("a.mpg", ["mpeg2video", "-pix_fmt", "yuv420p"], "MPEG-2"),
    ],
)
def test_lossy_films_are_what_the_program_decodes(name, codec, method, tmp_path):
    """To a step or two of 8 bits: programs round the way from YCbCr to RGB differently."""
    path = encode(tmp_path / name, SMOOTH, "rgb24", "-c:v", *codec)
    image = mlarray.read(path)
    expected = decode(path, "rgb24", (ROWS, COLUMNS, 3))
    assert image.shape == expected.shape == SMOOTH.shape
    assert np.abs(image[...].astype(int) - expected).max() <= 3
    assert np.abs(image[...].astype(int) - SMOOTH).mean() < 8
    lossy = Additions.of(image.meta).lossy
    assert method in lossy["method"]
    assert ("certain" in lossy) == (method == "H.264")


def test_times_are_those_of_the_film(tmp_path):
    path = encode(
        tmp_path / "a.mp4", SMOOTH, "rgb24", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", rate=10
    )
    image = mlarray.read(path)
    assert image.meta.spatial.axis_labels == ["temporal", "spatial_y", "spatial_x", "components"]
    axis = Additions.of(image.meta).axes[0]
    assert axis.unit == "s"
    np.testing.assert_allclose(axis.values, np.arange(COUNT) / 10, atol=1e-9)
    assert image.meta.source["frames_per_second"] == 10.0


def test_any_frame_of_a_long_film(tmp_path):
    """Sought frames are those that decoding from the beginning gives."""
    long = np.repeat(np.arange(700, dtype=np.uint16)[:, None, None], 16, 1).repeat(16, 2)
    for name, how in (("a.mkv", ["ffv1", "-g", "1"]), ("b.avi", ["ffv1", "-g", "30"])):
        path = encode(tmp_path / name, long.astype("<u2"), "gray16le", "-c:v", *how, "-pix_fmt", "gray16le")
        image = mlarray.read(path)
        for number in (0, 699, 3, 350, 651, 349):
            assert image[number, 0, 0] == number
    path = encode(
        tmp_path / "c.mp4", np.repeat(SMOOTH, 80, 0), "rgb24", "-c:v", "libx264", "-pix_fmt", "yuv420p"
    )
    image = mlarray.read(path)
    forwards = [image[number, ::7, ::9] for number in range(0, 720, 45)]
    for at, number in reversed(list(enumerate(range(0, 720, 45)))):
        np.testing.assert_array_equal(image[number, ::7, ::9], forwards[at])


def test_sound_is_left_out_and_told(tmp_path):
    sound = ["-f", "lavfi", "-i", "sine=duration=1", "-shortest", "-c:v", "mpeg4", "-c:a", "pcm_s16le"]
    path = encode(tmp_path / "a.avi", SMOOTH, "rgb24", *sound)
    done = mlarray.convert(path, tmp_path / "a.mla")
    assert [loss.what for loss in done.losses] == ["its sound"]


def test_playlists_are_no_films(tmp_path):
    """They name other files and servers; FFmpeg would follow them."""
    secret = encode(tmp_path / "secret.avi", COLOUR, "rgb24", "-c:v", "ffv1", "-pix_fmt", "bgr0")
    playlist = tmp_path / "a.mp4"
    for text in (f"ffconcat version 1.0\nfile {secret.name}\n", f"#EXTM3U\n#EXTINF:1,\n{secret.name}\n"):
        playlist.write_text(text)
        assert FilmFormat().sniff(Source(playlist)) is Confidence.NO
        with pytest.raises(MLArrayError):
            mlarray.read(playlist, format="film")
