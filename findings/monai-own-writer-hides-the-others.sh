#!/bin/sh
# MONAI, and a writer of one's own that is registered as its documentation says, before anything was saved.
# Guess: files with that suffix are written by it, and all other files by MONAI's own writers as before.
# What happens: MONAI adds its own writers only when the table of writers is still empty at the first look. After register_writer it isn't:
# NIfTI, PNG and NRRD have no writer any more, and SaveImage says that none was found. Registered after the first look, all goes well.
# Why it matters: whether a pipeline can save NIfTI depends on which of two lines ran first, and the error names neither.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q monai==1.6.1 torch==2.13.0 numpy==2.4.6 nibabel==5.4.2 pillow==12.3.0
cat > look.py <<'PYTHON'
import sys
from importlib.metadata import version

from monai.data import ImageWriter, register_writer, resolve_writer


class OwnWriter(ImageWriter):
    """Writes files of a format of one's own."""


if sys.argv[1] == "after":
    resolve_writer("png")
register_writer("own", OwnWriter)
found = {}
for suffix in ("own", "nii.gz", "png"):
    try:
        found[suffix] = resolve_writer(suffix)[0].__name__
    except Exception as error:
        found[suffix] = f"{type(error).__name__}: {error}"
print("monai", version("monai"), found)
PYTHON
before=$(env/bin/python -W ignore look.py before 2>/dev/null)
after=$(env/bin/python -W ignore look.py after 2>/dev/null)
echo "registered before the first look: $before"
echo "registered after it:              $after"
case $before in *"'own': 'OwnWriter'"*"No ImageWriter backend found for nii.gz"*"for png"*) ;; *) exit 1 ;; esac
case $after in *"'nii.gz': 'NibabelWriter', 'png': 'PILWriter'"*) ;; *) exit 1 ;; esac
