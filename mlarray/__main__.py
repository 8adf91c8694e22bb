"""``python -m mlarray`` is ``mlarray``."""

from __future__ import annotations

import sys

from mlarray_io.commands.main import main

sys.exit(main())
