#!/bin/sh
# pytest with warnings as errors, as many projects have it, in an environment where napari is installed and which doesn't use it.
# Guess: a package that tests don't import has no part in them.
# What happens: not one test runs. napari and npe2 bring plugins for pytest, which import them before the first test; the import warns of
# pydantic's old names, the warning is an error, and pytest ends. Switching the plugins off (-p no:napari -p no:npe2) is what helps.
# Why it matters: to try a viewer in the environment of a library stops all tests of the library.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q pytest==9.2.0
printf 'def test_one():\n    assert 1 + 1 == 2\n' > test_one.py
printf '[pytest]\nfilterwarnings = error\n' > pytest.ini
before=$(env/bin/python -m pytest -q 2>&1 || true)
env/bin/pip install -q napari==0.9.2 npe2==0.10.0 pydantic==2.14.4
after=$(env/bin/python -m pytest -q 2>&1 || true)
off=$(env/bin/python -m pytest -q -p no:napari -p no:npe2 -p no:napari-plugin-engine 2>&1 || true)
env/bin/pip list 2>/dev/null | grep -E '^(napari|npe2|pydantic|pytest) '
echo "without napari:   $(echo "$before" | tail -1)"
echo "with napari:      $(echo "$after" | tail -1 | cut -c 1-100)"
echo "its plugins off:  $(echo "$off" | tail -1)"
echo "$before" | grep -q '1 passed'
echo "$after" | grep -q 'Error while loading plugin'
echo "$off" | grep -q '1 passed'
