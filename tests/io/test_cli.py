"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import mlarray
from mlarray_io import api
from mlarray_io.commands.main import main


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def shell(*arguments, **more):
    command = [sys.executable, "-m", "mlarray", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def test_convert_prints_a_summary(run, scan, tmp_path):
    code, out, err = run(
        "convert", scan, tmp_path / "a.mla", "-o", "lose=", "--patch-size", "32", "--codec", "zstd"
    )
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 1
    for part in (
        "scan.toy -> ",
        "a.mla",
        "3 x 4 x 5",
        "int16",
        "spacing 4 x 3 x 2",
        "times larger than its voxels",
        " s",
    ):
        assert part in out
    assert mlarray.info(tmp_path / "a.mla").blosc2.patch_size is not None


def test_losses_are_printed(run, scan, tmp_path):
    code, _, err = run("convert", scan, tmp_path / "b.toy", "-o", "lose=colour\x1b[31m")
    assert code == 0
    assert err == "lost: colour\\x1b[31m: a toy has no room\n"
    assert run("convert", scan, tmp_path / "c.toy", "-o", "lose=colour", "--strict")[0] == 1


def test_quiet_and_json(run, scan, tmp_path):
    assert run("convert", scan, tmp_path / "a.mla", "-q") == (0, "", "")
    code, out, err = run("convert", scan, tmp_path / "a.mla", "-f", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["shape"] == [3, 4, 5]
    assert found["target_bytes"] == os.path.getsize(tmp_path / "a.mla")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["convert", "{scan}"], 2, "Missing argument 'TARGET'"),
        (["convert", "{scan}", "{out}/a.mla", "--patchsize", "3"], 2, "No such option"),
        (["convert", "{scan}", "{out}/a.mla", "-o", "nonsense"], 2, "NAME=VALUE"),
        (["convert", "{scan}", "{out}/a.mla", "-o", "patchsize=3"], 2, "Did you mean patch_size"),
        (["convert", "{scan}", "{out}/a.mla", "--patch-size", "big"], 2, "patch_size: expected"),
        (["convert", "{scan}", "{out}/a.toy", "--codec", "zstd"], 2, "toy has no option 'codec'"),
        (["convert", "{scan}", "{out}/a.mla", "--max-bytes", "much"], 2, "--max-bytes"),
        (["convert", "{scan}", "{out}/a.mla", "--from", "tyo"], 2, "Did you mean toy"),
        (["convert", "{scan}", "{out}/a.mla", "--threads", "0"], 2, "--threads"),
        (["convert", "{scan}", "{out}/a.xyz"], 1, "End it in"),
        (["convert", "{out}/none.toy", "{out}/a.mla"], 1, "no such file"),
        (["convert", "{scan}", "{scan}", "-f"], 1, "the same"),
        (["convert", "{scan}", "{scan}"], 1, "--force"),
        (
            ["convert", "{scan}", "{out}/a.mla", "--max-bytes", "1k", "-o", "read_fails=eof"],
            1,
            "damaged or cut short",
        ),
        (["convert", "{scan}", "{out}/a.mla", "--max-bytes", "100"], 1, "limit is 100"),
        (["convert", "{scan}", "{out}/a.mla", "--orient", "XYZ"], 1, "XYZ"),
        (["info", "{out}/none.toy"], 1, "no such file"),
        (["info", "{scan}", "--image", "9"], 1, "no images called '9'"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_errors_are_short_and_tell(run, scan, tmp_path, arguments, code, text):
    out = tmp_path / "out"
    out.mkdir()
    given = [argument.format(scan=scan, out=out) for argument in arguments]
    found, printed, err = run(*given)
    assert (found, printed) == (code, "")
    assert text in err
    assert 1 <= len(err.splitlines()) <= 2
    found, printed, err = run(*given, "--json")
    assert (found, printed) == (code, "")
    assert set(json.loads(err)["error"]) == {"kind", "message", "path", "field", "hint"}
    assert list(out.iterdir()) == []


def test_all_images(run, study, tmp_path):
    code, out, _ = run("convert", study, tmp_path / "out", "--all")
    assert code == 0
    assert "3 of 3 images converted" in out
    code, out, err = run("convert", study, f"{tmp_path}/out/", "--json")
    assert code == 1
    assert len(json.loads(out)["failed"]) == 3
    code, out, err = run("convert", study, tmp_path / "out", "--image", "1")
    assert (code, "exists already" in err) == (1, True)
    assert run("convert", study, f"{tmp_path}/one/", "--image", "1", "--to", "toy")[0] == 0
    assert os.listdir(tmp_path / "one") == ["T1_2.toy"]
    assert run("convert", study, f"{tmp_path}/none/folder/")[0] == 1


def test_info(run, scan, tmp_path):
    code, out, err = run("info", scan)
    assert (code, err) == (0, "")
    assert "3 x 4 x 5" in out
    assert "spatial.spacing" not in out
    assert "spatial.spacing: [" in run("info", scan, "--all")[1]
    code, out, _ = run("info", scan, "--json")
    found = json.loads(out)
    assert found["shape"] == [3, 4, 5]
    assert found["meta"]["spatial"]["coord_system"] == "RAS"
    api.convert(scan, tmp_path / "a.mla")
    again = json.loads(run("info", tmp_path / "a.mla", "--json")[1])
    assert again["format"] == "mla"
    assert (again["shape"], again["dtype"]) == ([3, 4, 5], "int16")
    assert again["meta"]["spatial"]["spacing"] == found["meta"]["spatial"]["spacing"]


def test_info_reads_no_voxels(run, scan, monkeypatch):
    import mlarray_toy

    monkeypatch.setattr(mlarray_toy.ToyReader, "__getitem__", None)
    assert run("info", scan)[0] == 0


def test_info_lists_images(run, study):
    code, out, _ = run("info", study)
    assert code == 0
    assert "Image 1" in out
    assert "skipped: notes.txt: is no image" in out
    found = json.loads(run("info", study, "--json")[1])
    assert [image["key"] for image in found["images"]] == ["0", "1", "2"]
    assert found["skipped"] == ["notes.txt: is no image"]
    assert json.loads(run("info", study, "--image", "1", "--json")[1])["image"] == "1"


def test_formats(run, scan, install):
    install(broken="import no_such_library", toy=None)
    os.environ.pop("MLARRAY_PLUGINS")
    code, out, _ = run("formats")
    assert code == 0
    for text in (
        "mla",
        "read write",
        ".toy.txt",
        "patch_size",
        "Report this as lost",
        "broken: broken",
        "no_such_library",
    ):
        assert text in out, text
    found = json.loads(run("formats", "--json")[1])
    assert "broken" in found["broken"]
    toy = next(one for one in found["formats"] if one["name"] == "toy")
    assert toy["suffixes"] == [".toy", ".toy.txt"]
    code, out, _ = run("formats", scan)
    assert code == 0
    assert "toy" in out
    assert "signature" in out
    assert json.loads(run("formats", scan, "--json")[1])["claims"][0]["confidence"] == "signature"


def test_strict_json_has_no_nan(run, toy, tmp_path):
    from mlarray_toy import encode

    path = tmp_path / "a.toy"
    path.write_bytes(encode({"array": np.zeros((1, 1, 1)), "odd": float("nan"), "name": "\x1b[2J"}))
    mlarray.MLArray(np.zeros((2, 2)), meta=mlarray.Meta(extra={"odd": 1e400})).save(tmp_path / "b.mla")

    def refuse(word):
        raise AssertionError(word)

    json.loads(run("info", path, "--json")[1], parse_constant=refuse)
    found = json.loads(run("info", tmp_path / "b.mla", "--json")[1], parse_constant=refuse)
    assert found["meta"]["extra"]["odd"] == "inf"
    assert "\x1b" not in run("info", path)[1]


def test_header_script(scan, tmp_path, monkeypatch, capsys):
    api.convert(scan, tmp_path / "a.mla")
    monkeypatch.setattr(sys, "argv", ["mlarray_header", str(tmp_path / "a.mla")])
    with pytest.raises(SystemExit) as caught:
        mlarray.cli_print_header()
    assert caught.value.code == 0
    out = capsys.readouterr().out
    expected = mlarray.info(tmp_path / "a.mla").to_plain(include_none=True)
    assert json.loads(out) == json.loads(json.dumps(expected))
    assert out == json.dumps(expected, indent=4, sort_keys=True) + "\n"


def test_convert_script(scan, tmp_path, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mlarray_convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            mlarray.cli_convert_to_mlarray()
        return caught.value.code

    assert call(scan, tmp_path / "a.mla") == 0
    assert call(scan, tmp_path / "a.mla") == 1
    assert "--force" in capsys.readouterr().err
    assert call(scan, tmp_path / "a.mla", "--force") == 0
    assert call(scan) == 2


def test_version_and_help(run):
    code, out, _ = run("--version")
    assert (code, out) == (0, f"mlarray {mlarray.__version__}\n")
    for command in ([], ["convert"], ["info"], ["formats"]):
        code, out, _ = run(*command, "--help")
        assert code == 0
        assert "Usage" in out


def test_a_reader_that_stops_early_is_no_crash(scan, tmp_path):
    api.convert(scan, tmp_path / "a.mla")
    command = f"{sys.executable} -m mlarray info {tmp_path}/a.mla --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_no_terminal_no_bar(scan, tmp_path):
    api.convert(scan, tmp_path / "a.mla")
    done = shell("convert", tmp_path / "a.mla", tmp_path / "b.mla")
    assert (done.returncode, done.stderr) == (0, "")
