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
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from mlarray_core.errors import MLArrayError, PluginError
from mlarray_core.meta import Meta
from mlarray_io.sdk.format import Confidence, Format, ImageRef
from mlarray_io.sdk.options import Options, describe
from mlarray_io.sdk.requirements import missing
from mlarray_io.sdk.source import Source
from mlarray_io.testing import specimens
from mlarray_io.testing.specimens import OTHERS, Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OTHERS", "FormatTests", "Reference"]


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
        """Return the format. To be overridden.

        Raises
        ------
        NotImplementedError
            The fixture isn't overridden.
        """
        raise NotImplementedError("override the fixture `format`")

    @pytest.fixture
    def samples(self) -> Sequence[Path]:
        """Return files (or folders) of the format, two or more if possible. To be overridden.

        Raises
        ------
        NotImplementedError
            The fixture isn't overridden.
        """
        raise NotImplementedError("override the fixture `samples`")

    def reference(self, path: Path, image: ImageRef) -> Reference | None:
        """Return what an independent reader makes of an image; None when there is none."""
        return None

    def copy(self, format: Format, sample: Path, target: Path) -> Path:
        """Copy a sample, and the files that belong to it, under another name.

        Parameters
        ----------
        format
            The format.
        sample
            The file or folder.
        target
            Where the copy is put.
        """
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
        for option in describe(format.options_type):
            assert option.help, f"{option.name} has no help"
        assert isinstance(format.options_type(), Options)

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
        """A file whose suffix is in capitals is read too."""
        sample = samples[0]
        path = self.copy(format, sample, tmp_path / sample.name.upper())
        assert format.sniff(Source(path)) > Confidence.NO
        with specimens.opened(format, path) as reader, specimens.opened(format, sample) as original:
            specimens.same(specimens.whole(reader), specimens.whole(original))

    def test_misnamed(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """A file with a wrong name is recognised by its content and read."""
        alone = [s for s in samples if not s.is_dir() and not any(c.exists() for c in format.companions(s))]
        if not self.has_signature or not alone:
            pytest.skip("no sample is one file with a signature")
        path = Path(shutil.copyfile(alone[0], tmp_path / "misnamed.dat"))
        assert format.sniff(Source(path)) >= Confidence.SIGNATURE
        with specimens.opened(format, path) as reader, specimens.opened(format, alone[0]) as original:
            specimens.same(specimens.whole(reader), specimens.whole(original))

    # reading

    def test_lists_images(self, format: Format, samples: Sequence[Path]) -> None:
        """Each source has an image or more, with different keys."""
        for sample in samples:
            images = specimens.images(format, sample)
            assert len({image.key for image in images}) == len(images)
            assert all(isinstance(image.key, str) and image.key for image in images)

    def test_metadata_before_voxels(self, format: Format, samples: Sequence[Path]) -> None:
        """Shape, native dtype, metadata and labels of all axes are there when the image is open."""
        for reader in specimens.readers(format, samples):
            assert all(isinstance(size, int) and size >= 0 for size in reader.shape)
            assert reader.dtype.isnative
            assert isinstance(reader.meta, Meta)
            labels = reader.meta.spatial.axis_labels
            assert labels is not None, "axis_labels are the contract, write them always"
            assert len(labels) == len(reader.shape)
            assert reader.chunks is None or len(reader.chunks) == len(reader.shape)

    def test_metadata_can_be_stored(self, format: Format, samples: Sequence[Path]) -> None:
        """The metadata fits the image, survives its own mapping, and is strict JSON."""
        for reader in specimens.readers(format, samples):
            reader.meta.validate(shape=reader.shape)
            json.dumps(reader.meta.to_plain(), allow_nan=False)
            again = Meta.from_mapping(reader.meta.to_mapping())
            assert again.to_plain() == reader.meta.to_plain()

    def test_boxes_equal_the_whole(self, format: Format, samples: Sequence[Path]) -> None:
        """Any box, in any order, holds what the whole image holds there; empty ones and single voxels too."""
        for reader in specimens.readers(format, samples):
            whole = specimens.whole(reader)
            for box in specimens.boxes(reader.shape, random.Random(2)):
                part = reader[box]
                assert part.dtype == reader.dtype
                specimens.same(part, whole[box])

    def test_agrees_with_the_reference(self, format: Format, samples: Sequence[Path]) -> None:
        """Voxels, affine and world are those that an independent reader finds."""
        compared = 0
        for sample in samples:
            for image in specimens.images(format, sample):
                expected = self.reference(sample, image)
                if expected is not None:
                    compared += 1
                    with specimens.opened(format, sample, image) as reader:
                        specimens.agrees(reader, expected)
        if not compared:
            pytest.skip("no independent reader was given")

    def test_closing_twice(self, format: Format, samples: Sequence[Path]) -> None:
        """Closing a reader again does no harm."""
        reader = specimens.opened(format, samples[0])
        reader.close()
        reader.close()

    def test_reading_changes_nothing(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """Reading writes neither to the source nor beside it."""
        path = self.copy(format, samples[0], tmp_path / samples[0].name)
        before = specimens.snapshot(tmp_path)
        with specimens.opened(format, path) as reader:
            specimens.whole(reader)
        assert specimens.snapshot(tmp_path) == before

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
            for image in specimens.images(format, path, self.largest):
                with specimens.opened(format, path, image, self.largest) as reader:
                    assert specimens.whole(reader).shape == reader.shape
        except PluginError as error:
            raise AssertionError(f"{path.name}, {what}: not explained: {error}") from error
        except MLArrayError:
            return

    # writing

    def test_round_trip(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """What the format read it writes, such that it reads the same voxels and geometry again."""
        self._needs_writing(format)
        for number, original in enumerate(specimens.readers(format, samples)):
            target = tmp_path / f"copy{number}{next(iter(format.suffixes), '')}"
            specimens.write(format, original, target)
            with specimens.opened(format, target) as again:
                assert again.shape == original.shape
                assert again.dtype == original.dtype
                specimens.same(specimens.whole(again), specimens.whole(original))
                specimens.same_place(again, original)
            others = (*format.companions(target), *format.sidecars(target))
            expected = {target.name, *(path.name for path in others if path.exists())}
            assert {path.name for path in tmp_path.glob(f"*copy{number}.*")} == expected

    def test_failing_source(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """When the source fails midway, so does writing, with that error; no file is left or left open."""
        self._needs_writing(format)
        with specimens.opened(format, samples[0]) as reader, pytest.raises(specimens.BrokenError):
            specimens.write(
                format, specimens.Failing(reader), tmp_path / f"target{next(iter(format.suffixes), '')}"
            )
        assert specimens.snapshot(tmp_path) == {}

    def test_metadata_is_left_alone(self, format: Format, samples: Sequence[Path], tmp_path: Path) -> None:
        """Writing doesn't change the metadata of what it writes."""
        self._needs_writing(format)
        with specimens.opened(format, samples[0]) as reader:
            before = json.dumps(reader.meta.to_plain())
            specimens.write(format, reader, tmp_path / f"target{next(iter(format.suffixes), '')}")
            assert json.dumps(reader.meta.to_plain()) == before

    def _needs_writing(self, format: Format) -> None:
        if not format.writes:
            pytest.skip(f"{format.name} only reads")
