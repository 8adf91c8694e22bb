"""The entry points of the command line: they run a command, and say in a line or two why it failed."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAILED, USAGE, INTERRUPTED = 1, 2, 130

_PLAIN = {"--json": "as_json", "--all": "everything"}
"""Flags of ``info`` that are understood without a parser."""
_NEW_OBJECTS = 200_000
"""Objects more after which garbage is looked for: a scan's headers, looked through for each 700 of them, take
a tenth of its conversion."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mlarray`` and return its exit code: 0, 1 failed, 2 usage, 130 interrupted, 143 terminated."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        from mlarray_io.commands import cli

        if collecting:
            gc.enable()
        return cli.run(cli.cli, "mlarray", given)

    collecting, usual = gc.isenabled(), gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS)
    gc.disable()  # what is loaded stays: looking for garbage in it takes an eighth of a start
    try:
        return _guarded(_plain_info(given) or _plain_help(given) or run, given)
    finally:
        gc.set_threshold(*usual)
        if collecting:
            gc.enable()


def cli_print_header() -> None:
    """Run ``mlarray_header FILE``."""

    def run() -> int:
        from mlarray_io.commands import cli
        from mlarray_io.commands.parser import metadata

        return cli.run(metadata.header, "mlarray_header", sys.argv[1:])

    sys.exit(_guarded(run, sys.argv[1:]))


def cli_convert_to_mlarray() -> None:
    """Run ``mlarray_convert IN OUT``."""

    def run() -> int:
        from mlarray_io.commands import cli
        from mlarray_io.commands.parser import conversion

        return cli.run(conversion.convert_file, "mlarray_convert", sys.argv[1:])

    sys.exit(_guarded(run, sys.argv[1:]))


def _plain_info(given: Sequence[str]) -> Callable[[], int] | None:
    """Return what runs ``info FILE``, None for every other command line.

    It is what is run most often, for one file after the other, and the parser takes as long to load as the
    metadata of a file.
    """
    flags = [one for one in given[1:] if one in _PLAIN]
    files = [one for one in given[1:] if not one.startswith("-")]
    if given[:1] != ["info"] or len(files) != 1 or len(files) + len(flags) != len(given) - 1:
        return None

    def run() -> int:
        from mlarray_io.commands import info

        info.run(files[0], as_json="--json" in flags, everything="--all" in flags)
        return 0

    return run


def _plain_help(given: Sequence[str]) -> Callable[[], int] | None:
    """Return what prints the help of all commands, None for every other command line."""
    if given not in (["--help"], ["-h"]):
        return None
    from mlarray_io.commands.overview import overview

    text = overview()
    if text is None:
        return None

    def run() -> int:
        print(text, end="")
        return 0

    return run


def _guarded(run: Callable[[], int], given: Sequence[str]) -> int:
    """Return the exit code of what runs, its errors printed."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = run()
        sys.stdout.flush()
    except MLArrayError as error:
        return _report(error, given)
    except BrokenPipeError:
        # nobody reads on; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt as interrupt:
        return _ended("Interrupted", str(interrupt), INTERRUPTED)
    except SystemExit as end:
        from mlarray_io.requests.interrupts import TERMINATED, Terminated

        if not isinstance(end, Terminated):
            raise
        return _ended("Terminated", end.said, TERMINATED)
    finally:
        gc.freeze()  # the process ends: a last search for garbage would take a tenth of what --help takes
    return code


def _ended(how: str, said: str, code: int) -> int:
    print(f"{how}: {said}" if said else how, file=sys.stderr)
    return code


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    print(f"Warning: {message}", file=sys.stderr)


def _report(error: MLArrayError, arguments: Sequence[str]) -> int:
    from mlarray_io.printing.errors import error_json, error_text

    print(error_json(error) if "--json" in arguments else error_text(error), file=sys.stderr)
    return USAGE if isinstance(error, OptionError) else FAILED


legacy_header = cli_print_header
legacy_convert = cli_convert_to_mlarray
