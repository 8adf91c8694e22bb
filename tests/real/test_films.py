"""Real films of `scripts/real-files`, compared with frames that came with them and with ffmpeg."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import mlarray
from tests.real.readers import frame_of_torch
from tests.real.test_microscopes import images, named, path_of, pytestmark  # noqa: F401 (skips where none are)

FRAMES = [name for name in named("film") if name.endswith(".pt")]


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_came_with_them(name):
    """Each file of a frame is named film.streamN.frameNNNNNN.pt."""
    film, stream, frame, _ = name.rsplit(".", 3)
    number = int(frame.removeprefix("frame"))
    for image, reader, _ in images("film", path_of(film), whole=False):
        if image.key == stream.removeprefix("stream"):
            box = (slice(number, number + 1), *(slice(0, size) for size in reader.shape[1:]))
            theirs = frame_of_torch(path_of(name)).reshape(reader.shape[1:])
            np.testing.assert_array_equal(reader[box][0], theirs)
            return
    pytest.fail(f"{film} has no {stream}")


def test_ten_bits():
    """By ffmpeg, which makes up the colours between the samples otherwise than the library: edges differ."""
    program = pytest.importorskip("imageio_ffmpeg", reason="ffmpeg isn't installed").get_ffmpeg_exe()
    path = path_of("film/h264_10bits.mp4")
    voxels = mlarray.read(path).to_numpy()
    assert (voxels.shape, voxels.dtype) == ((30, 200, 200, 3), np.uint16)
    command = [program, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb48le", "-"]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    theirs = np.frombuffer(content, "<u2").reshape(voxels.shape)
    assert np.abs(voxels.astype(int) - theirs).mean() < 0.02 * 65535
