"""Options and arguments, and those that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlarray_io.commands import help
from mlarray_io.commands.overview import WIDEST

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

FAILED = 1
"""What a command returns that has said what went wrong."""

IMAGES = "Which images"
VALUES = "Geometry and values"
PRIVACY = "Privacy"
LAYOUT = "Layout of a .mla target"
BATCH = "Batches"
SERVER = "Server"
OTHER = help.OTHER

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
"""How every program of ours says its help."""


def command(name: str | None = None, **more: Any) -> Callable[[Callable[..., Any]], help.Command]:
    """Make a command of a function.

    Parameters
    ----------
    name
        What is typed, where it is not the function's name.
    **more
        Of `mlarray_io.commands.help.Command`.
    """
    return click.command(name, cls=help.Command, **more)


def option(section: str, *names: str, **more: Any) -> Callable[[F], F]:
    """Add an option to a command.

    Parameters
    ----------
    section
        The heading that it stands under.
    *names, **more
        Of `click.option`.
    """
    return click.option(*names, cls=help.Option, section=section, **more)


def argument(*names: str, **more: Any) -> Callable[[F], F]:
    """Add an argument, a file that a shell completes.

    Parameters
    ----------
    *names, **more
        Of `click.argument`.
    """
    return click.argument(*names, shell_complete=help.complete_files, **more)


json_ = option(OTHER, "--json", "as_json", is_flag=True, help="Print strict JSON, for programs.")
image_ = option(IMAGES, "--image", metavar="KEY", help="Which image, when the source holds several.")
from_ = option(
    IMAGES, "--from", "source_format", metavar="FORMAT", help="Read it as this format.",
    shell_complete=help.complete_formats,
)  # fmt: skip
include_ = option(
    IMAGES, "--include", metavar="PATTERN", multiple=True, help="Take only such files: '*_ct.nii.gz'."
)
exclude_ = option(IMAGES, "--exclude", metavar="PATTERN", multiple=True, help="Leave such files out.")
jobs_ = option(BATCH, "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes; one a core.")


def terminable() -> None:
    """Have SIGTERM clean up as Ctrl-C does."""
    from mlarray_io.requests import interrupts

    interrupts.terminable()
