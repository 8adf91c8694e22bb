#!/bin/sh
# BioIO with a package beside it that registers a reader and says in its metadata what it needs.
# Guess: a reader that is declared in an unusual way isn't used, and says why.
# What happens: a reader whose package doesn't name bioio-base exactly once among its requirements makes every BioImage(...) of every
# file fail, also of files that another reader opens: BioIO asks all registered packages for that one requirement first. Twice is what
# the build tool hatchling writes for an extra that refers to another one (`a = ["p[b]"]`): it copies b's requirements into a.
# Why it matters: to install one package can stop all reading in an environment, with an error that doesn't name that package's file.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q bioio==3.6.0 bioio-base==3.5.0 bioio-tifffile==1.3.0 tifffile==2026.3.3 numpy==2.4.6 hatchling==1.28.0
mkdir reader
cat > reader/pyproject.toml <<'TOML'
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "stranger"
version = "1"
optional-dependencies = { b = ["bioio-base"], a = ["stranger[b]"] }

[project.entry-points."bioio.readers"]
stranger = "stranger"

[tool.hatch.build.targets.wheel]
only-include = ["stranger.py"]
TOML
touch reader/stranger.py
cat > look.py <<'PYTHON'
from importlib.metadata import version

import numpy
import tifffile
from bioio import BioImage

tifffile.imwrite("a.tiff", numpy.zeros((4, 5), numpy.uint8))
try:
    found = BioImage("a.tiff").shape
except Exception as error:
    found = f"{type(error).__name__}: {error}"
print("bioio", version("bioio"), found)
PYTHON
before=$(env/bin/python look.py)
env/bin/pip install -q --no-build-isolation ./reader
after=$(env/bin/python look.py)
echo "without: $before"
echo "with:    $after"
case $before in *"(1, 1, 1, 4, 5)"*) ;; *) exit 1 ;; esac
case $after in *"bioio-base"*dependency*) ;; *) exit 1 ;; esac
