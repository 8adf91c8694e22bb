"""`info`, `formats` and `privacy`, and the metadata under the name that the reference gives them."""

from __future__ import annotations

from mlarray_io.commands.parser import options
from mlarray_io.commands.parser.options import FAILED, OTHER, SETTINGS, argument, command, option


@command()
@argument("file")
@options.from_
@options.image_
@option(OTHER, "--all", "everything", is_flag=True, help="Print all metadata.")
@options.json_
def info(file: str, source_format: str | None, image: str | None, everything: bool, as_json: bool) -> None:
    """Show what FILE holds, from its headers alone."""
    from mlarray_io.commands.info import run

    run(file, source_format, image, as_json=as_json, everything=everything)


@command()
@argument("file", required=False)
@options.json_
def formats(file: str | None, as_json: bool) -> int:
    """List the installed formats and their options, or, with FILE, the formats that claim it."""
    from mlarray_io.commands.formats import run

    return FAILED if run(file, as_json=as_json) else 0


@command()
@argument("files", metavar="FILE...", nargs=-1, required=True)
@options.from_
@options.json_
def privacy(files: tuple[str, ...], source_format: str | None, as_json: bool) -> int:
    """List which fields of FILE, a .mla file or any source, identify a person; never their values."""
    from mlarray_io.commands.privacy import run

    return FAILED if run(files, source_format, as_json=as_json) else 0


@command(context_settings=SETTINGS)
@argument("file")
def header(file: str) -> None:
    """Print the metadata of FILE as JSON."""
    from mlarray_io.commands import info
    from mlarray_io.printing.text import say, strict_json

    found = info.header(file)
    say(strict_json(found.to_plain(include_none=True), indent=4))
