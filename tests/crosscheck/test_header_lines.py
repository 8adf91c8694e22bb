"""Texts of a source that hold line breaks become no lines of another header."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray

INJECTED = "harmless\nElementDataFile = /etc/passwd\r\nspace: left-posterior-superior\nkey:=value"


@pytest.mark.parametrize("end", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("kept", ["fields", "lines"])
def test_no_line_is_added(tmp_path, end, kept):
    """As a `.mla` of a stranger may keep them: in the fields, and in the lines that they were read from."""
    path = tmp_path / f"a{end}"
    voxels = np.arange(60, dtype="i2").reshape(3, 4, 5)
    mlarray.write(voxels, path)
    plain = lines_of(path)
    image = mlarray.read(path)
    source = image.meta.source.to_plain()
    name = "content" if end in (".nrrd", ".nhdr") else "Comment"
    if kept == "fields":
        source["fields"][name] = INJECTED
    else:
        separator = ": " if end in (".nrrd", ".nhdr") else " = "
        source["lines"].insert(2, f"{name}{separator}{INJECTED}")
        source["fields"][name] = INJECTED
    image.meta.source = source
    target = tmp_path / f"b{end}"
    try:
        mlarray.write(image, target)
    except mlarray.errors.MLArrayError:
        assert not target.exists()
        return
    added = [
        line for line in lines_of(target) if line.split(" ")[0] not in {one.split(" ")[0] for one in plain}
    ]
    assert [line for line in added if not line.startswith(name)] == []
    assert sum("passwd" in line for line in lines_of(target)) <= 1
    np.testing.assert_array_equal(mlarray.read(target).to_numpy(), voxels)


def lines_of(path):
    head = path.read_bytes()[:2000]
    head = head.split(b"\n\n")[0] if head.startswith(b"NRRD") else head.split(b"LOCAL")[0]
    return [line.strip() for line in head.decode("latin-1").splitlines() if line.strip()]
