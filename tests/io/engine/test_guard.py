"""What a plugin raises becomes an error that names the file, whatever it is."""

from __future__ import annotations

import pytest

from mlarray_core.errors import CorruptError
from mlarray_io import Source
from mlarray_io.engine import guard


class PanicException(BaseException):
    """What a codec in Rust raises where an index is out of bounds."""


def test_a_panic_of_a_codec_is_damage(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"x")
    with (
        pytest.raises(CorruptError, match=r"a\.dcm.*index out of bounds"),
        guard.reading(Source(tmp_path / "a.dcm"), "dicom"),
    ):
        raise PanicException("index out of bounds")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_passes(tmp_path, kind):
    (tmp_path / "a.dcm").write_bytes(b"x")
    with pytest.raises(kind), guard.reading(Source(tmp_path / "a.dcm"), "dicom"):
        raise kind
