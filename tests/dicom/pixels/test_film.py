"""Films in DICOM: bit streams that FFmpeg encodes, wrapped by pydicom, compared with what PyAV decodes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError, MissingDependencyError, UnsupportedError
from tests.dicom.written import dataset, write

if TYPE_CHECKING:
    from pathlib import Path

av = pytest.importorskip("av", reason="PyAV isn't installed")

ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
FRAMES, ROWS, COLUMNS = 12, 48, 64
MPEG2, H264, HEVC10 = (f"1.2.840.10008.1.2.4.{number}" for number in (100, 102, 108))
KINDS = {
    "program stream": ("mpeg", "mpeg2video", MPEG2),
    "bare MPEG-2": ("mpeg2video", "mpeg2video", MPEG2),
    "MP4": ("mp4", "libx264", H264),
    "transport stream": ("mpegts", "libx264", H264),
    "bare H.264": ("h264", "libx264", H264),
}
"""Container and codec, as FFmpeg names them, and transfer syntax."""


def encoded(container: str, codec: str, form: str = "yuv420p", *, sound: bool = False) -> bytes:
    """Return a film whose frames all differ."""
    out = io.BytesIO()
    try:
        with av.open(out, "w", format=container) as film:
            stream = film.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, form
            stream.codec_context.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
            if sound:
                heard = film.add_stream("aac", rate=8000)
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
                silence.sample_rate = 8000
                film.mux([*heard.encode(silence), *heard.encode()])
            ramp = np.arange(COLUMNS, dtype=np.uint8)[:, None] * 2 + np.uint8([0, 40, 80])
            for number in range(FRAMES):
                picture = np.ascontiguousarray(
                    np.broadcast_to(ramp + np.uint8(number * 5), (ROWS, COLUMNS, 3))
                )
                film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            film.mux(stream.encode())
    except (ValueError, av.FFmpegError) as error:
        pytest.skip(f"this FFmpeg has no {codec}: {error}")
    return out.getvalue()


def decoded(stream: bytes, form: str = "rgb24") -> np.ndarray:
    with av.open(io.BytesIO(stream)) as film:
        return np.stack([frame.to_ndarray(format=form) for frame in film.decode(video=0)])


def save(path: Path, pieces: list[bytes], syntax: str, **attributes: Any) -> Path:
    wanted: dict[str, Any] = {
        "SOPClassUID": ENDOSCOPY, "Modality": "ES", "SamplesPerPixel": 3, "NumberOfFrames": FRAMES,
        "PhotometricInterpretation": "YBR_PARTIAL_420", "PlanarConfiguration": 0, "FrameTime": "40",
        "ImageOrientationPatient": None, "PixelSpacing": None, "FrameIncrementPointer": 0x00181063,
    }  # fmt: skip
    made = dataset(np.zeros((ROWS, COLUMNS), np.uint8), **wanted | attributes)
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = encapsulate([piece + b"\0" * (len(piece) % 2) for piece in pieces], has_bot=False)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return write(made, path)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_as_pyav_decodes_them(tmp_path: Path, kind: str) -> None:
    container, codec, syntax = KINDS[kind]
    stream = encoded(container, codec)
    image = mlarray.read(save(tmp_path / "one.dcm", [stream], syntax))
    assert list(image.meta.spatial.axis_labels) == ["temporal", "spatial_y", "spatial_x", "components"]
    np.testing.assert_array_equal(image.to_numpy(), decoded(stream))
    additions = Additions.of(image.meta)
    assert (additions.axes[0].unit, list(additions.axes[0].values)) == (
        "ms",
        [40.0 * at for at in range(FRAMES)],
    )
    assert additions.lossy["compressed"]
    assert image.meta.source["constant"]["00080060"]["Value"] == ["ES"]
    np.testing.assert_array_equal(image[7, 3:9, 5], decoded(stream)[7, 3:9, 5])


def test_sound_is_a_loss(tmp_path: Path) -> None:
    path = save(tmp_path / "one.dcm", [encoded("mp4", "libx264", sound=True)], H264)
    assert [loss.what for loss in mlarray.convert(path, tmp_path / "out.mla").losses] == ["its sound"]


def test_fragments_are_put_together(tmp_path: Path) -> None:
    """Fragmentable profiles: PS3.5, A.4.6, supplement 258."""
    stream = encoded("mp4", "libx264")
    pieces = [stream[at : at + 500] for at in range(0, len(stream), 500)]
    path = save(
        tmp_path / "one.dcm", pieces, f"{H264}.1", LossyImageCompression="01", LossyImageCompressionRatio=9
    )
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), decoded(stream))
    assert Additions.of(image.meta).lossy["ratio"] == [9.0]


def test_ten_bits(tmp_path: Path) -> None:
    stream = encoded("mp4", "libx265", "yuv420p10le")
    image = mlarray.read(
        save(tmp_path / "one.dcm", [stream], HEVC10, BitsAllocated=16, BitsStored=10, HighBit=9)
    )
    assert image.to_numpy().max() < 1024
    np.testing.assert_array_equal(image.to_numpy(), decoded(stream, "rgb48le") >> 6)


def test_times_of_their_own(tmp_path: Path) -> None:
    steps = [0, *[40.0] * (FRAMES - 2), 100.0]
    given = {"FrameTime": None, "FrameTimeVector": steps, "FrameIncrementPointer": 0x00181065}
    image = mlarray.read(save(tmp_path / "one.dcm", [encoded("mp4", "libx264")], H264, **given))
    assert list(Additions.of(image.meta).axes[0].values) == list(np.cumsum(steps))


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"NumberOfFrames": FRAMES + 1}, "describes 13 frames, its film has 12"),
        ({"Rows": ROWS + 2}, "describes 50 x 64 pixels, its film has 48 x 64"),
    ],
)
def test_a_header_that_is_not_of_the_film(tmp_path: Path, attributes: dict[str, Any], said: str) -> None:
    path = save(tmp_path / "one.dcm", [encoded("mp4", "libx264")], H264, **attributes)
    with pytest.raises(CorruptError, match=said):
        mlarray.read(path)


def test_more_frames_than_the_header_tells_of(tmp_path: Path) -> None:
    stream = encoded("mp4", "libx264")
    path = save(tmp_path / "one.dcm", [stream], H264, NumberOfFrames=5)
    done = mlarray.convert(path, tmp_path / "out.mla")
    assert any("its film has 12 frames" in text for text in done.warnings)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "out.mla").to_numpy(), decoded(stream)[:5])


@pytest.mark.parametrize("content", [b"\0\0\1\xba" * 20, b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", bytes(2000)])
def test_no_film(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorruptError, match=r"one\.dcm"):
        mlarray.read(save(tmp_path / "one.dcm", [content], H264))


@pytest.mark.parametrize("container", ["mp4", "h264"])
def test_a_damaged_film(tmp_path: Path, container: str) -> None:
    stream = bytearray(encoded(container, "libx264"))
    stream[len(stream) // 2 :] = b"\xff" * (len(stream) - len(stream) // 2)
    with pytest.raises(CorruptError, match=r"one\.dcm"):
        mlarray.read(save(tmp_path / "one.dcm", [bytes(stream)], H264)).to_numpy()


def test_samples_that_no_film_has(tmp_path: Path) -> None:
    path = save(tmp_path / "one.dcm", [encoded("mp4", "libx264")], H264, PixelRepresentation=1)
    with pytest.raises(UnsupportedError, match="samples that none has"):
        mlarray.read(path)


def test_limits(tmp_path: Path) -> None:
    path = save(tmp_path / "one.dcm", [encoded("mp4", "libx264")], H264)
    with pytest.raises(LimitError):
        mlarray.convert(path, tmp_path / "out.mla", max_bytes=1000)


def test_without_the_library(tmp_path: Path, monkeypatch: Any) -> None:
    path = save(tmp_path / "one.dcm", [encoded("mp4", "libx264")], H264)
    monkeypatch.setattr("mlarray_dicom.pixels.film.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError) as caught:
        mlarray.read(path)
    assert "mlarray[film]" in (caught.value.hint or "")
