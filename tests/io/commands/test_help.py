"""Help in sections with examples that run, and what a shell completes."""

import os
import shlex
import subprocess
import sys

import click
import numpy as np
import pytest

import mlarray
from mlarray_io.commands import cli, help
from mlarray_io.commands.main import main

COMMANDS = sorted(cli.cli.commands)


def shown(capsys, *arguments):
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_every_command_is_in_a_group_and_its_summary_is_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = shown(capsys, "--help")
    assert sorted(name for names in cli.cli.groups.values() for name in names) == COMMANDS
    for name, command in cli.cli.commands.items():
        sentence = command.help.split(".\n")[0].split("\n\n")[0].rstrip(".")
        assert " ".join(sentence.split()) in " ".join(out.split()), name
    assert "..." not in out.replace("[ARGS]...", "")
    assert max(map(len, out.splitlines())) <= 80


def test_bare_mlarray_prints_help(capsys):
    """And exits as a command that is wrong: a script with an empty variable should notice."""
    assert main([]) == cli.USAGE
    out, err = capsys.readouterr()
    assert out.startswith("Usage: mlarray [OPTIONS] COMMAND")
    assert "..." not in out.replace("[ARGS]...", "")
    assert err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_in_sections(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = shown(capsys, name, "--help")
    assert max(map(len, out.splitlines())) <= 80
    assert out.count(f"\n{help.OTHER}:\n") == 1
    for parameter in cli.cli.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in out
            assert f"\n{parameter.section}:\n" in out


@pytest.mark.parametrize("line", [line for line, _ in cli.cli.commands["convert"].examples])
def test_the_examples_of_convert_run(line, tmp_path, monkeypatch, capsys):
    pytest.importorskip("nibabel")
    tiff = pytest.importorskip("tifffile")
    monkeypatch.chdir(tmp_path)
    voxels = np.arange(4 * 64 * 64, dtype="i2").reshape(4, 64, 64)
    for folder in ("study", "raw"):
        os.mkdir(folder)
        mlarray.write(mlarray.MLArray(voxels, spacing=(1, 1, 1)), f"{folder}/a_T1.nii.gz")
    mlarray.write(voxels, "scan.nii.gz")
    mlarray.write(voxels, "scan.mla")
    with tiff.TiffWriter("slide.svs") as file:
        file.write(np.zeros((512, 512), "u1"), tile=(64, 64), subifds=1)
        file.write(np.zeros((256, 256), "u1"), tile=(64, 64), subfiletype=1)
    program, *arguments = shlex.split(line)
    assert program == "mlarray"
    target = [one for one in arguments if not one.startswith("-")][2]
    if os.path.isfile(target):
        os.unlink(target)
    assert main(arguments) == 0, capsys.readouterr().err
    assert os.path.exists(target)


def completed(line):
    """Return what a shell offers for the last word of a command line."""
    words = line.split(" ")
    given = {"_MLARRAY_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from mlarray_io.commands.main import main; sys.exit(main())"],
        env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [row.partition(",")[2] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mlarray con", {"convert"}),
        ("mlarray convert --to nr", {"nrrd"}),
        ("mlarray convert --to nii", {"nii", "nii.gz", "nii.zst", "nii.bz2", "nii.xz"}),
        ("mlarray convert --from dic", {"dicom"}),
        ("mlarray convert --from nifti -o resc", {"rescale="}),
        ("mlarray convert -o patch_", {"patch_size="}),
        ("mlarray convert --pat", {"--patch-size"}),
    ],
)
def test_a_shell_completes(line, offered):
    assert set(completed(line)) == offered


def test_only_readable_formats_complete_for_sources_and_only_writable_for_targets():
    assert "afni" not in completed("mlarray convert --to ")
    assert {"afni", "nifti"} <= set(completed("mlarray convert --from "))
