"""The package's own tests: one class is all that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlarray_pgm
import numpy as np
import pytest

from mlarray_io.testing import FormatTests

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Format, ImageRef


class TestPgm(FormatTests):
    @pytest.fixture
    def format(self) -> Format:
        return mlarray_pgm.PgmFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
        folder = tmp_path_factory.mktemp("pgm")
        values = np.arange(35).reshape(5, 7)
        np.savetxt(folder / "numbers", values)
        plain, deep = folder / "plain.pgm", folder / "deep.pgm"
        plain.write_bytes(b"P5\n# made by hand\n7 5\n255\n" + values.astype("u1").tobytes())
        deep.write_bytes(b"P5 7 5 4095\n" + (values * 100).astype(">u2").tobytes())
        return [plain, deep]

    def reference(self, path: Path, image: ImageRef) -> tuple[np.ndarray, None, None]:
        values = np.loadtxt(path.parent / "numbers")
        return (values if path.stem == "plain" else values * 100), None, None
