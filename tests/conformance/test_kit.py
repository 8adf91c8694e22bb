"""The kit's files say what our reader, and one in C that knows the specification only, find in them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import blosc2
import numpy as np
import pytest

from conformance import make, schema, score
from conformance.readers import ours
from mlarray import errors

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/compat/golden"
CASES = sorted(score.CASES.glob("*.json"))
SOUND = [note for note in CASES if "refuse" not in json.loads(note.read_text("utf-8"))]


@pytest.fixture(scope="session")
def c_reader(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    library = Path(blosc2.__file__).parent
    if compiler is None or not (library / "lib").is_dir():
        pytest.skip("needs a C compiler, and Blosc2's headers and library from its wheel")
    program = tmp_path_factory.mktemp("c") / "mla_read"
    link = ["-L", str(library / "lib"), f"-Wl,-rpath,{library / 'lib'}", "-lblosc2", "-lz", "-lm"]
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-I", str(library / "include")]
    source = str(ROOT / "conformance/readers/mla_read.c")
    built = subprocess.run([*command, source, "-o", str(program), *link], capture_output=True, text=True)
    if "zlib.h" in built.stderr or "cannot find -lz" in built.stderr:
        pytest.skip("needs zlib's headers and library")
    assert built.returncode == 0, built.stderr
    return program


def held(note):
    return json.loads(note.read_text("utf-8"))


@pytest.mark.parametrize("note", SOUND, ids=lambda note: note.stem)
def test_our_reader(note):
    holds = held(note)
    indices = [",".join(map(str, point["index"])) for point in holds.get("points", ())]
    said = json.loads(json.dumps(ours.described(str(note.with_suffix(".mla")), indices)))
    done = subprocess.CompletedProcess([], 0, json.dumps(said).encode(), b"")
    assert list(score.faults(holds, done)) == []


@pytest.mark.parametrize("note", sorted(set(CASES) - set(SOUND)), ids=lambda note: note.stem)
def test_our_reader_refuses(note):
    with pytest.raises(errors.MLArrayError, match=note.stem):
        ours.described(str(note.with_suffix(".mla")), [])


def test_the_reader_in_c(c_reader):
    results = list(score.score([str(c_reader)]))
    assert [result for result in results if result.kind == "basic" and result.faults] == []
    assert [result.name for result in results if result.faults] == ["refuse-flipped-bit"]
    assert len(results) == len(CASES) >= 48


def test_the_reader_in_c_is_short():
    lines = (ROOT / "conformance/readers/mla_read.c").read_text("utf-8").splitlines()
    assert len(lines) <= 400


@pytest.mark.parametrize("note", sorted(GOLDEN.glob("*.json")), ids=lambda note: note.stem)
def test_files_of_every_generation(c_reader, note):
    path = next(one for one in GOLDEN.glob(f"{note.stem}.*") if one.suffix != ".json")
    holds = held(note)
    run = subprocess.run([str(c_reader), str(path)], capture_output=True, check=True)
    said = json.loads(run.stdout)
    array = holds["array"]
    if array is None:
        assert said["shape"] is None
    else:
        from mlarray_core.array.image import open_any

        voxels = np.ascontiguousarray(open_any(path).to_numpy())
        assert hashlib.sha256(voxels.tobytes()).hexdigest() == array["sha256"]
        assert (said["shape"], said["dtype"]) == (array["shape"], array["dtype"])
        assert said["crc32"] == f"{zlib.crc32(voxels.tobytes()):08x}"
    if "stored" in holds:
        assert score.alike(without_unset(said["meta"]), without_unset(holds["stored"] or {}))
    else:
        for name in score.SECTIONS:
            assert score.alike(score.section(said["meta"], name), score.section(holds["meta"], name)), name


def without_unset(value):
    if isinstance(value, dict):
        return {key: without_unset(item) for key, item in value.items() if item is not None}
    return value


@pytest.mark.parametrize("name", make.images())
def test_we_still_write_what_the_kit_holds(name, tmp_path):
    with make.images()[name]() as image:
        wanted = make.expected(image)
        image.save(tmp_path / "new.mla", levels="auto" if name == "levels" else "keep")
    said = json.loads(json.dumps(ours.described(str(tmp_path / "new.mla"), [])))
    assert {key: said.get(key) for key in ("shape", "dtype", "crc32")} == {
        key: wanted.get(key) for key in ("shape", "dtype", "crc32")
    }


def test_the_schema_is_that_of_the_classes():
    assert json.loads(schema.PATH.read_text("utf-8")) == json.loads(json.dumps(schema.schema()))


def test_all_metadata_fit_the_schema():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    validator = jsonschema.Draft202012Validator(schema.schema())
    for note in SOUND:
        assert list(validator.iter_errors(held(note)["meta"])) == [], note.stem
    for wrong in ({"spacing": [1, -1]}, {"affine": [[1]], "spacing": [1]}, {"shape": [1.5]}, {"unknown": 1}):
        assert list(validator.iter_errors({"spatial": wrong})), wrong


HOLDS = {
    "class": "basic",
    "shape": [2],
    "dtype": "<f4",
    "crc32": "00000000",
    "affine": [[1.0, 0], [0, 1]],
    "points": [],
    "meta": {
        "source": {"data": {"a": float("nan")}},
        "is_seg": {"is_seg": True},
        "spatial": {"spacing": [1], "shape": [2]},
    },
}
SAID = {
    **HOLDS,
    "meta": {"source": {"a": float("nan")}, "is_seg": True, "spatial": {"spacing": [1.0], "origin": None}},
}


class TestScore:
    """The runner says what is wrong."""

    def faults(self, code=0, **changes):
        said = json.dumps({**SAID, **changes}).encode()
        return list(score.faults(HOLDS, subprocess.CompletedProcess([], code, said, b"what it says\n")))

    def test_the_same_in_other_words(self):
        assert self.faults() == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"shape": [3]},
            {"dtype": "<f8"},
            {"crc32": "00000001"},
            {"affine": [[1, 1e-6], [0, 1]]},
            {"points": [{}]},
            {"meta": {}},
        ],
        ids=str,
    )  # fmt: skip
    def test_what_differs(self, changes):
        assert any(next(iter(changes)) in fault for fault in self.faults(**changes))

    def test_refused(self):
        assert self.faults(code=1) == ["was refused: what it says"]

    def test_read_though_damaged(self):
        holds = {"class": "basic", "refuse": "it is cut short"}
        faults = [
            list(score.faults(holds, subprocess.CompletedProcess([], code, b"{}", b"")))
            for code in (0, 1, -11)
        ]
        assert faults == [["was read, though it is cut short"], [], ["the reader was ended by signal 11"]]

    def test_the_command(self, capsys, tmp_path):
        for name in ("type-i2", "refuse-flipped-bit"):
            for path in score.CASES.glob(f"{name}.*"):
                shutil.copy(path, tmp_path)
        reader = [sys.executable, str(ROOT / "conformance/readers/ours.py")]
        assert score.main(["--cases", str(tmp_path), *reader]) == 0
        assert capsys.readouterr().out == "basic: 1 of 1 files (100 %)\nsealed: 1 of 1 files (100 %)\n"
        assert score.main(["--cases", str(tmp_path), sys.executable, "-c", "print('{}')"]) == 1
        assert "type-i2: shape is None" in capsys.readouterr().out


@pytest.mark.skipif(
    "MLARRAY_REFERENCE_PYTHON" not in os.environ, reason="needs an environment with mlarray 0.0.54"
)
def test_the_reference():
    reader = [os.environ["MLARRAY_REFERENCE_PYTHON"], str(ROOT / "conformance/readers/ours.py")]
    failed = [result.name for result in score.score(reader) if result.faults]
    assert failed == ["refuse-flipped-bit", "refuse-no-frame"]
