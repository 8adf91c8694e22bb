"""Texts of headers of every kind are left out, in .mla and back in their own format."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import mlarray
from mlarray_io.commands.main import main

if TYPE_CHECKING:
    from pathlib import Path

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
MARKER = "MARKER"


def _nifti(folder: Path) -> Path:
    image = nibabel.Nifti1Image(VOXELS.T, np.diag([2, 3, 4, 1]))
    image.header["descrip"], image.header["db_name"] = "MARKER1", "MARKER2"
    image.header["aux_file"], image.header["intent_name"] = "MARKER3", "MARKER4"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"MARKER5"))
    nibabel.save(image, folder / "MARKER.nii")
    return folder / "MARKER.nii"


def _by_itk(folder: Path, suffix: str) -> Path:
    image = SimpleITK.GetImageFromArray(VOXELS)
    image.SetSpacing((2, 3, 4))
    image.SetMetaData("Patient", "MARKER1")
    SimpleITK.WriteImage(image, str(folder / f"MARKER.{suffix}"))
    return folder / f"MARKER.{suffix}"


def _nrrd(folder: Path) -> Path:
    path = _by_itk(folder, "nhdr")
    lines = path.read_text().splitlines()
    lines[1:1] = ["# MARKER2", "content: MARKER3"]
    path.write_text("\n".join(lines) + "\n")
    return path


def _mgh(folder: Path) -> Path:
    path = folder / "MARKER.mgh"
    nibabel.save(nibabel.MGHImage(VOXELS.T.astype(np.int32), np.diag([2, 3, 4, 1])), path)
    with path.open("ab") as file:
        file.write(struct.pack(">5f", 1000, 0.1, 10, 0, 0) + b"\0\0\0\3MARKER1 command line")
    return path


def _mrc(folder: Path) -> Path:
    block = bytearray(1024)
    struct.pack_into("<4i", block, 0, 4, 3, 2, 1)
    struct.pack_into("<3i6f3i", block, 28, 4, 3, 2, 4.0, 3.0, 2.0, 90, 90, 90, 1, 2, 3)
    block[208:216] = b"MAP \x44\x44\0\0"
    struct.pack_into("<i", block, 220, 1)
    block[224:231] = b"MARKER1"
    (folder / "MARKER.mrc").write_bytes(bytes(block) + VOXELS.tobytes())
    return folder / "MARKER.mrc"


def _ome(folder: Path) -> Path:
    path = folder / "MARKER.ome.tif"
    metadata = {"axes": "ZYX", "Description": "MARKER1", "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "µm"}
    extra = [(315, 2, 7, "MARKER2", True)]
    more = {"datetime": "2001:02:03 04:05:06", "photometric": "minisblack"}
    tifffile.imwrite(path, VOXELS, ome=True, metadata=metadata, extratags=extra, **more)
    return path


def _png(folder: Path) -> Path:
    texts = PngInfo()
    texts.add_text("Author", "MARKER1")
    (folder / "MARKERS").mkdir()
    for number in range(2):
        picture = Image.fromarray(VOXELS[number].astype(np.uint8))
        picture.save(folder / "MARKERS" / f"MARKER{number}.png", pnginfo=texts)
    return folder / "MARKERS"


CASES = {
    "nifti": (_nifti, "nii"),
    "nrrd": (_nrrd, "nrrd"),
    "metaimage": (lambda folder: _by_itk(folder, "mhd"), "mha"),
    "mgh": (_mgh, "mgh"),
    "mrc": (_mrc, "mrc"),
    "tiff": (_ome, "ome.tif"),
    "pictures": (_png, "nii"),
}


def _is_marked(meta: mlarray.Meta) -> bool:
    """Say whether the marker is in metadata, in plain or as base64 has it."""
    text = json.dumps(meta.to_plain(), default=str)
    shifted = (base64.b64encode(b"\0" * shift + MARKER.encode() + b"\0" * 3) for shift in range(3))
    return MARKER in text or any(one.decode()[4:-6] in text for one in shifted)


@pytest.mark.parametrize("name", CASES)
def test_texts_of_headers_are_left_out(tmp_path, name):
    make, suffix = CASES[name]
    source = make(tmp_path)
    plain = mlarray.read(source, options={"stack": "yes"} if name == "pictures" else None)
    assert _is_marked(plain.meta)
    options = {"stack": "yes"} if name == "pictures" else None
    mlarray.convert(source, tmp_path / "image.mla", anonymize=True, options=options)
    image = mlarray.read(tmp_path / "image.mla")
    assert not _is_marked(image.meta)
    assert image.meta.extra["mlarray"]["deidentified"]
    mlarray.convert(tmp_path / "image.mla", tmp_path / f"back.{suffix}")
    mlarray.convert(source, tmp_path / f"straight.{suffix}", anonymize=True, options=options)
    for path in (tmp_path / f"back.{suffix}", tmp_path / f"straight.{suffix}", tmp_path / "image.mla"):
        assert MARKER.encode() not in path.read_bytes()
        back = mlarray.read(path)
        np.testing.assert_array_equal(np.squeeze(back), np.squeeze(plain))
        if plain.spacing is not None and name != "tiff":
            np.testing.assert_allclose(back.affine, plain.affine, atol=1e-5)


def test_the_command_lists_fields_and_not_their_values(tmp_path, capsys):
    assert main(["privacy", str(_nifti(tmp_path)), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["identifying"] == ["db_name"]
    assert {"source.descrip", "source.aux_file"} <= set(told["other"])
    assert "MARKER1" not in json.dumps(told)
    assert main(["privacy", str(_ome(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "2 identifying fields: DateTime, Artist" in said
    assert "may hold anything" in said
    assert main(["privacy", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err


def test_one_note_names_the_way_out(tmp_path, capsys):
    assert main(["convert", str(_nifti(tmp_path)), str(tmp_path / "a.mla")]) == 0
    err = capsys.readouterr().err
    assert err.count("--anonymize") == 1
    assert "1 identifying field of headers went into the file (db_name)" in err
    assert main(["convert", str(tmp_path / "MARKER.nii"), str(tmp_path / "a.npy")]) == 0
    assert "--anonymize" not in capsys.readouterr().err


def test_what_the_user_added_is_left_out(tmp_path):
    image = mlarray.MLArray(
        VOXELS, meta=mlarray.Meta(extra={"mine": "MARKER", "mlarray": {"later": "MARKER"}})
    )
    mlarray.write(image, tmp_path / "a.mla", anonymize=True)
    assert MARKER not in json.dumps(mlarray.info(tmp_path / "a.mla").to_plain(), default=str)


def test_a_batch_calls_files_by_pseudonyms_that_keep_folders(tmp_path, capsys):
    for patient in ("smith", "huber"):
        (tmp_path / "in" / patient).mkdir(parents=True)
        for name in ("t1", "t2"):
            nibabel.save(nibabel.Nifti1Image(VOXELS, np.eye(4)), tmp_path / "in" / patient / f"{name}.nii")
    arguments = [
        "convert",
        str(tmp_path / "in"),
        "--anonymize",
        "--jobs",
        "1",
        "--key",
        str(tmp_path / "key"),
    ]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    made = sorted((tmp_path / "out").rglob("*.mla"))
    assert len(made) == 4
    assert len({path.parent for path in made}) == 2
    kept = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(word in str(path) for path in kept for word in ("smith", "huber", "t1", "t2"))
    assert not any(word in path.read_bytes() for path in kept for word in (b"smith", b"huber"))
    assert main([*arguments, str(tmp_path / "named"), "--retain", "names"]) == 0
    assert (tmp_path / "named" / "smith" / "t1.mla").exists()
    assert b"smith" in (tmp_path / "named" / ".mlarray" / "images.csv").read_bytes()
