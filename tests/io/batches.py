"""Folders of images for the tests of batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from mlarray_io.commands.main import main


def tree(root, count=6, broken=1, size=8):
    """Fill a folder with `count` images of three formats in two folders, and `broken` ones."""
    import nibabel

    (root / "sub").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for i in range(count):
        voxels = noise.integers(0, 999, (size, size + 1, size + 2), dtype=np.int16)
        folder = root / "sub" if i % 2 else root
        if i % 3 == 2:
            np.save(folder / f"im{i:04}.npy", voxels)
        else:
            image = nibabel.Nifti1Image(voxels, np.diag([2, 2, 3, 1.0]))
            nibabel.save(image, folder / f"im{i:04}{'.nii.gz' if i % 3 else '.nii'}")
    whole = next(root.glob("*.nii")).read_bytes()
    for i in range(broken):
        (root / f"broken{i:04}.nii").write_bytes(whole[: 400 + i])
    (root / "notes.txt").write_text("no image")
    return root


def convert(capfd, *arguments):
    """Run ``mlarray convert ... --json`` here; return the exit code and a list of what it printed."""
    code = main(["convert", *map(str, arguments), "--json"])
    return code, [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def shell(*arguments):
    """Start ``mlarray`` in a process of its own."""
    command = [sys.executable, "-m", "mlarray", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def states(lines):
    kinds = ("converted", "skipped", "failed")
    return {kind: sum(line["state"] == kind for line in lines) for kind in kinds}


def files(folder):
    """Return all files below a folder but the journal's and temporary ones, even while they change."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(root, name), folder) for name in names]
    return sorted(found)


def left_out(lines):
    """Return path and reason of everything that was left out."""
    return sorted((line["source"], line["reason"]) for line in lines if line["state"] == "left out")
