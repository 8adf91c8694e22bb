"""Help of commands: options in sections, commands in groups, examples; and what a shell completes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from click.shell_completion import CompletionItem

OTHER = "Other options"
"""The heading of options that have none of their own, the last one."""


class Option(click.Option):
    """An option with a place in its command's help.

    Parameters
    ----------
    section
        The heading that it stands under.
    """

    def __init__(self, *args: Any, section: str = OTHER, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose options stand under headings, with examples behind them.

    Parameters
    ----------
    examples
        Command lines, each with what it does.
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in the order of their sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(parameter, "section", OTHER), []).append(record)
        for heading, records in sorted(sections.items(), key=lambda section: section[0] == OTHER):
            with formatter.section(heading):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are to be typed."""
        if self.examples:
            with formatter.section("Examples"):
                for line, meaning in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                    formatter.write(f"{'':{formatter.current_indent}}    {meaning}\n")


class Commands(click.Group):
    """A group that lists its commands under headings, in the order in which people need them.

    Parameters
    ----------
    groups
        Names of commands by heading.
    """

    command_class = Command

    def __init__(self, *args: Any, groups: dict[str, tuple[str, ...]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence of every command's help, whole."""
        for heading, names in self.groups.items():
            with formatter.section(heading):
                rows = [(name, self.commands[name]) for name in names if name in self.commands]
                formatter.write_dl([(name, command.get_short_help_str(limit=200)) for name, command in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say where there is more."""
        formatter.write_paragraph()
        formatter.write_text("'mlarray COMMAND --help' shows a command's options, with examples.")


def complete_formats(context: click.Context, parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Complete the name of a format that can be read.

    Parameters
    ----------
    context, parameter
        Of click, for what was typed before.
    start
        What was typed of the word.
    """
    from mlarray_io.engine.registry import installed

    return _fitting(start, (format.name for format in installed().formats if format.reads))


def complete_targets(context: click.Context, parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Complete the name, or a suffix, of a format that can be written.

    Parameters
    ----------
    context, parameter
        Of click, for what was typed before.
    start
        What was typed of the word.
    """
    from mlarray_io.engine.registry import installed

    names = {format.name for format in installed().formats if format.writes}
    return _fitting(start, sorted(names | {suffix[1:] for suffix in installed().suffixes.written}))


def complete_settings(context: click.Context, parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Complete NAME= of an option of the formats that were named, or of any.

    Parameters
    ----------
    context, parameter
        Of click, for what was typed before.
    start
        What was typed of the word.
    """
    from mlarray_io.engine.registry import installed
    from mlarray_io.sdk.options import describe

    named = {context.params.get("source_format"), context.params.get("target_format")} - {None}
    formats = [one for one in installed().formats if not named or one.name in named]
    options = {option.name: option.help for format in formats for option in describe(format.options_type)}
    return [_item(f"{name}=", help=text) for name, text in sorted(options.items()) if name.startswith(start)]


def complete_files(context: click.Context, parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Leave files and folders to the shell.

    Parameters
    ----------
    context, parameter
        Of click, for what was typed before.
    start
        What was typed of the word.
    """
    return [_item(start, type="file")]


def _fitting(start: str, names: Iterable[str]) -> list[CompletionItem]:
    return [_item(name) for name in names if name.startswith(start)]


def _item(text: str, **more: Any) -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(text, **more)
