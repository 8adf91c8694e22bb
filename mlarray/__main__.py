"""``python -m mlarray`` is ``mlarray``."""

from __future__ import annotations

import sys

from mlarray_io.cli import main

sys.exit(main())
