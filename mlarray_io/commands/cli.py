"""All commands as one program, and how it ends. Everything heavy is imported inside the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlarray_core.errors import OptionError
from mlarray_io.commands.help import Commands
from mlarray_io.commands.parser import checks, conversion, metadata, pictures
from mlarray_io.commands.parser.options import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 2


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"mlarray {version('mlarray')}")
        context.exit()


@click.group(
    cls=Commands,
    groups={
        "Convert": ("convert", "levels"),
        "Look": ("info", "show", "view", "scan", "privacy", "formats"),
        "Check": ("verify", "check-pairs"),
        "Extend": ("new-plugin",),
    },
    context_settings=SETTINGS,
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """Convert and inspect medical and scientific images."""


for one in (
    conversion.convert,
    checks.levels,
    metadata.info,
    pictures.show_image,
    pictures.view_files,
    checks.scan,
    metadata.privacy,
    metadata.formats,
    checks.verify,
    checks.check_pairs,
    checks.new_plugin,
):
    cli.add_command(one)


def run(command: click.Command, name: str, arguments: Sequence[str]) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    command
        The command, or the group of all.
    name
        What the program is called in messages.
    arguments
        The command line, without the program.

    Raises
    ------
    OptionError
        The command line is wrong; the message says how.
    KeyboardInterrupt, Terminated
        The user has interrupted it, or SIGTERM has.
    """
    try:
        code = command.main(args=list(arguments), prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else name)
        return USAGE
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        raise OptionError(error.format_message(), hint=f"Try '{path} --help'") from error
    except click.Abort as error:
        said = error.__cause__.args if isinstance(error.__cause__, KeyboardInterrupt) else ()
        raise KeyboardInterrupt(*said) from error
    return code if isinstance(code, int) else 0
