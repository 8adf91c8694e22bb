"""The commands under the names that the reference gives them."""

from __future__ import annotations

from mlarray_io.commands.main import cli_convert_to_mlarray, cli_print_header

__all__ = ["cli_convert_to_mlarray", "cli_print_header"]
