"""`FormatTests`: the tests that every format passes, ours and others'. Needs pytest and nothing else.

Derive a class in a test file, say what the format is and where its samples are, and pytest finds the rest::

    class TestPgm(FormatTests):
        @pytest.fixture
        def format(self):
            return PgmFormat()

        @pytest.fixture
        def samples(self):
            return [HERE / "data" / "scan.pgm"]

Samples should be written by another program than the format's own writer. `reference` compares them with an
independent reader. What the tests demand is said in their docstrings.
"""

from __future__ import annotations

import json
import random
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from mlarray_core import geometry
from mlarray_core.errors import MLArrayError, PluginError
from mlarray_core.meta import Meta
from mlarray_core.publish import atomic
from mlarray_io import guard
from mlarray_io.format import Box, Confidence, Context, Format, ImageRef, Reader
from mlarray_io.opening import images_of, open_image
from mlarray_io.options import Options, describe
from mlarray_io.registry import missing
from mlarray_io.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Reference = tuple[npt.NDArray[Any], "npt.NDArray[Any] | None", "str | None"]
"""Voxels slowest axis first, the affine and its world, as another program reads them; None for unknown."""

OTHERS: dict[str, bytes] = {
    "nothing": b"",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "text": b"This is no image.\n" * 50,
    "json": b'{"shape": [2, 3], "dtype": "int16"}\n',
    "gzip of zeros": bytes.fromhex("1f8b0800000000000203edc1010d000000c2a0f74f6d0e37a000000000000000")
    + bytes(64),
    "zip": b"PK\x03\x04\x14\x00" + bytes(200),
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200),
    "tiff": b"II*\x00\x08\x00\x00\x00" + bytes(200),
    "bigtiff": b"MM\x00+\x00\x08\x00\x00" + bytes(200),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "dicom": bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + bytes(200),
    "nrrd": b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(16),
    "metaimage": b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n",
    "nifti-1": (348).to_bytes(4, "little") + bytes(340) + b"n+1\x00" + bytes(100),
    "npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n" + bytes(40),
    "blosc2 frame": b"\x9e\xa8b2frame\x00" + bytes(200),
}
"""First bytes of what a format may meet and must not claim."""


class FormatTests:
    """What is asked of every format.

    Attributes
    ----------
    has_signature
        Whether the first bytes tell the format. Where they don't, a file is known by its name alone.
    claims_also
        Keys of `OTHERS` that the format claims with good reason.
    mutants
        How many damaged copies of each sample are tried.
    largest
        The most bytes that a damaged header may make the format allocate.
    """

    has_signature: ClassVar[bool] = True
    claims_also: ClassVar[tuple[str, ...]] = ()
    mutants: ClassVar[int] = 24
    largest: ClassVar[int] = 1 << 28

    @pytest.fixture
    def format(self) -> Format:
        """Return the format. To be overridden."""
        raise NotImplementedError("override the fixture `format`")

    @pytest.fixture
    def samples(self) -> Sequence[Path]:
        """Return files (or folders) of the format, two or more if possible. To be overridden."""
        raise NotImplementedError("override the fixture `samples`")

    def reference(self, path: Path, image: ImageRef) -> Reference | None:
        """Return what an independent reader makes of an image; None when there is none."""
        return None

    def copy(self, format: Format, sample: Path, target: Path) -> Path:
        """Copy a sample, and the files that belong to it, under another name."""
        if sample.is_dir():
            return Path(shutil.copytree(sample, target))
        for old, new in zip(format.companions(sample), format.companions(target), strict=True):
            if old.exists():
                shutil.copyfile(old, new)
        return Path(shutil.copyfile(sample, target))

    @pytest.fixture(autouse=True)
    def _libraries(self, format: Format) -> None:
        absent = missing(format)
        if absent:
            pytest.skip(f"{format.name} needs {', '.join(absent)}")

    # what it says about itself

    def test_describes_itself(self, format: Format) -> None:
        """The name and the suffixes are lower case; needed libraries come with what to install."""
        assert format.name == format.name.lower()
        assert format.name.isascii()
        assert " " not in format.name
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in format.suffixes)
        assert format.reads or format.writes
        assert format.install or not format.requires

    def test_options_are_documented(self, format: Format) -> None:
        """Each option has a default and a sentence of help, and the defaults make valid options."""
        for option in describe(format.Options):
            assert option.help, f"{option.name} has no help"
        assert isinstance(format.Options(), Options)

    # recognising

    def test_knows_its_samples(self, format: Format, samples: Sequence[Path]) -> None:
        """Samples are claimed, by content where the format has a signature."""
        wanted = Confidence.SIGNATURE if self.has_signature else Confidence.SUFFIX
        for sample in samples:
            assert format.sniff(Source(sample)) >= wanted, sample

    @pytest.mark.parametrize("kind", OTHERS)
    def test_claims_nothing_else(self, format: Format, tmp_path: Path, kind: str) -> None:
        """Other formats' files, garbage and empty files are not claimed, whatever their length."""
        if kind in self.claims_also:
            pytest.skip(f"{format.name} claims {kind} with good reason")
        for length in (len(OTHERS[kind]), 20, 3):
            path = tmp_path / f"unknown{length}"
            path.write_bytes(OTHERS[kind][:length])
            assert format.sniff(Source(path)) == Confidence.NO

    def test_sniffing_never_raises(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """Any beginning of a sample, noise and a folder get an answer."""
        noise = random.Random(1)
        heads = [Source(sample).head for sample in samples]
        cut = [head[:length] for head in heads for length in (0, 1, 2, 3, 7, 31, 100, 351, 1000)]
        for number, content in enumerate([*cut, *(noise.randbytes(size) for size in (1, 16, 400, 5000))]):
            path = tmp_path / f"{number}{next(iter(format.suffixes), '')}"
            path.write_bytes(content)
            format.sniff(Source(path))
        format.sniff(Source(tmp_path))

    def test_suffix_in_any_case(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """A file from a system that shouts is read too."""
        sample = samples[0]
        path = self.copy(format, sample, tmp_path / sample.name.upper())
        assert format.sniff(Source(path)) > Confidence.NO
        with _opened(format, path) as reader, _opened(format, sample) as original:
            _same(_whole(reader), _whole(original))

    def test_misnamed(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """A file with a wrong name is recognised by its content and read."""
        alone = [s for s in samples if not s.is_dir() and not any(c.exists() for c in format.companions(s))]
        if not self.has_signature or not alone:
            pytest.skip("no sample is one file with a signature")
        path = Path(shutil.copyfile(alone[0], tmp_path / "misnamed.dat"))
        assert format.sniff(Source(path)) >= Confidence.SIGNATURE
        with _opened(format, path) as reader, _opened(format, alone[0]) as original:
            _same(_whole(reader), _whole(original))

    # reading

    def test_lists_images(self, format: Format, samples: Sequence[Path]) -> None:
        """Each source has an image or more, with different keys."""
        for sample in samples:
            images = _images(format, sample)
            assert len({image.key for image in images}) == len(images)
            assert all(isinstance(image.key, str) and image.key for image in images)

    def test_metadata_before_voxels(self, format: Format, samples: Sequence[Path]) -> None:
        """Shape, native dtype, metadata and labels of all axes are there when the image is open."""
        for reader in _all(format, samples):
            assert all(isinstance(size, int) and size >= 0 for size in reader.shape)
            assert reader.dtype.isnative
            assert isinstance(reader.meta, Meta)
            labels = reader.meta.spatial.axis_labels
            assert labels is not None, "axis_labels are the contract, write them always"
            assert len(labels) == len(reader.shape)
            assert reader.chunks is None or len(reader.chunks) == len(reader.shape)

    def test_metadata_can_be_stored(self, format: Format, samples: Sequence[Path]) -> None:
        """The metadata fits the image, survives its own mapping, and is strict JSON."""
        for reader in _all(format, samples):
            reader.meta.validate(shape=reader.shape)
            json.dumps(reader.meta.to_plain(), allow_nan=False)
            again = Meta.from_mapping(reader.meta.to_mapping())
            assert again.to_plain() == reader.meta.to_plain()

    def test_boxes_equal_the_whole(self, format: Format, samples: Sequence[Path]) -> None:
        """Any box, in any order, holds what the whole image holds there; empty ones and single voxels too."""
        for reader in _all(format, samples):
            whole = _whole(reader)
            for box in _boxes(reader.shape, random.Random(2)):
                part = reader[box]
                assert part.dtype == reader.dtype
                _same(part, whole[box])

    def test_agrees_with_the_reference(self, format: Format, samples: Sequence[Path]) -> None:
        """Voxels, affine and world are those that an independent reader finds."""
        compared = 0
        for sample in samples:
            for image in _images(format, sample):
                expected = self.reference(sample, image)
                if expected is not None:
                    compared += 1
                    with _opened(format, sample, image) as reader:
                        _agrees(reader, expected)
        if not compared:
            pytest.skip("no independent reader was given")

    def test_closing_twice(self, format: Format, samples: Sequence[Path]) -> None:
        """Closing a reader again does no harm."""
        reader = _open(format, samples[0])
        reader.close()
        reader.close()

    def test_reading_changes_nothing(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """Reading writes neither to the source nor beside it."""
        path = self.copy(format, samples[0], tmp_path / samples[0].name)
        before = _snapshot(tmp_path)
        with _opened(format, path) as reader:
            _whole(reader)
        assert _snapshot(tmp_path) == before

    # damage

    def test_cut_short(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """A truncated file is refused with an explanation, or read whole if nothing that matters is gone."""
        for sample in filter(Path.is_file, samples):
            content = sample.read_bytes()
            for part in (0, 1, 10, 100, 348, len(content) // 4, len(content) // 2, len(content) - 1):
                path = self.copy(format, sample, tmp_path / sample.name)
                path.write_bytes(content[: min(part, len(content) - 1)])
                self._survives(format, path, f"cut to {part} bytes")

    def test_flipped_bits(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """A damaged file is refused with an explanation, or read as what it now says."""
        noise = random.Random(3)
        for sample in filter(Path.is_file, samples):
            content = sample.read_bytes()
            for number in range(self.mutants):
                mutant = bytearray(content)
                # every other one hits the header, where it hurts
                place = noise.randrange(min(len(content), 512) if number % 2 else len(content))
                mutant[place] ^= 1 << noise.randrange(8)
                path = self.copy(format, sample, tmp_path / sample.name)
                path.write_bytes(mutant)
                self._survives(format, path, f"bit flipped in byte {place}")

    def _survives(self, format: Format, path: Path, what: str) -> None:
        """Read a damaged file whole. The guard turns what isn't explained into `PluginError`."""
        try:
            for image in _images(format, path, self.largest):
                with _opened(format, path, image, self.largest) as reader:
                    assert _whole(reader).shape == reader.shape
        except PluginError as error:
            raise AssertionError(f"{path.name}, {what}: not explained: {error}") from error
        except MLArrayError:
            return

    # writing

    def test_round_trip(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """What the format read it writes, such that it reads the same voxels and geometry again."""
        self._needs_writing(format)
        for number, original in enumerate(_all(format, samples)):
            target = tmp_path / f"copy{number}{next(iter(format.suffixes), '')}"
            _write(format, original, target)
            with _opened(format, target) as again:
                assert again.shape == original.shape
                assert again.dtype == original.dtype
                _same(_whole(again), _whole(original))
                _same_place(again, original)
            expected = {target.name, *(path.name for path in format.companions(target) if path.exists())}
            assert {path.name for path in tmp_path.glob(f"*copy{number}.*")} == expected

    def test_failing_source(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """When the source fails midway, so does writing, with that error; no file is left or left open."""
        self._needs_writing(format)
        with _opened(format, samples[0]) as reader, pytest.raises(_BrokenError):
            _write(format, _Failing(reader), tmp_path / f"target{next(iter(format.suffixes), '')}")
        assert _snapshot(tmp_path) == {}

    def test_metadata_is_left_alone(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """Writing doesn't change the metadata of what it writes."""
        self._needs_writing(format)
        with _opened(format, samples[0]) as reader:
            before = json.dumps(reader.meta.to_plain())
            _write(format, reader, tmp_path / f"target{next(iter(format.suffixes), '')}")
            assert json.dumps(reader.meta.to_plain()) == before

    def _needs_writing(self, format: Format) -> None:
        if not format.writes:
            pytest.skip(f"{format.name} only reads")


class _BrokenError(MLArrayError):
    """What a failing source raises."""


class _Failing(Reader):
    """An image whose voxels can't be read."""

    def __init__(self, reader: Reader) -> None:
        self.shape, self.dtype, self.meta, self.chunks = (
            reader.shape,
            reader.dtype,
            reader.meta,
            reader.chunks,
        )

    def __getitem__(self, box: Box, /) -> npt.NDArray[Any]:
        raise _BrokenError("the source broke off")


def _context(largest: int | None = None) -> Context:
    return Context(threads=1, max_bytes=largest)


def _images(format: Format, path: Path, largest: int | None = None) -> Sequence[ImageRef]:
    return images_of(Source(path), format, format.Options(), _context(largest))


def _open(format: Format, path: Path, image: ImageRef | None = None, largest: int | None = None) -> Reader:
    chosen = image or _images(format, path, largest)[0]
    return open_image(Source(path), format, chosen, format.Options(), _context(largest))


@contextmanager
def _opened(
    format: Format, path: Path, image: ImageRef | None = None, largest: int | None = None
) -> Iterator[Reader]:
    with _open(format, path, image, largest) as reader:
        yield reader


def _all(format: Format, samples: Sequence[Path]) -> Iterator[Reader]:
    for sample in samples:
        for image in _images(format, sample):
            with _opened(format, sample, image) as reader:
                yield reader


def _write(format: Format, reader: Reader, target: Path) -> None:
    with atomic(target) as temporary, guard.writing(target, format.name):
        format.write(reader, temporary, format.Options(), _context())


def _whole(reader: Reader) -> npt.NDArray[Any]:
    return reader[tuple(slice(0, size) for size in reader.shape)]


def _boxes(shape: tuple[int, ...], noise: random.Random) -> Iterator[Box]:
    """Yield the last voxel, the first, an empty box, and random ones that jump to and fro."""
    if 0 in shape:
        return
    yield tuple(slice(size - 1, size) for size in shape)
    yield tuple(slice(0, 1) for _ in shape)
    yield tuple(slice(size // 2, size // 2) for size in shape)
    for _ in range(6):
        ends = [sorted(noise.randint(0, size) for _ in range(2)) for size in shape]
        yield tuple(slice(start, stop) for start, stop in ends)


def _same(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> None:
    np.testing.assert_array_equal(left, right)


def _affine(reader: Reader) -> npt.NDArray[Any]:
    spatial = reader.meta.spatial
    return geometry.affine_of(spatial, len(geometry.spatial_axes(spatial.axis_labels, len(reader.shape))))


def _same_place(left: Reader, right: Reader) -> None:
    """Check that two images lie at the same place, in whichever world each is told."""
    worlds = [geometry.normal_world(reader.meta.spatial.coord_system) for reader in (left, right)]
    first, second = _affine(left), _affine(right)
    if None not in worlds:
        first = geometry.to_world(first, worlds[0], worlds[1])
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-4)


def _agrees(reader: Reader, expected: Reference) -> None:
    voxels, affine, world = expected
    _same(_whole(reader), voxels)
    if affine is None:
        return
    found = _affine(reader)
    if world is not None:
        found = geometry.to_world(found, reader.meta.spatial.coord_system, world)
    np.testing.assert_allclose(found, affine, rtol=1e-5, atol=1e-4)


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
