"""`python -m mlarray.nnunet`: register the reader, and convert preprocessed folders."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlarray.nnunet import preprocessed, registration
from mlarray_core.errors import MLArrayError
from mlarray_io.printing.errors import error_text

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Use .mla files with nnU-Net v2."""


@main.command()
def register() -> None:
    """Have nnU-Net find the reader MLArrayIO: writes one module into its folder."""
    click.echo(f"written: {registration.register()}")


@main.command()
def unregister() -> None:
    """Take that module out again."""
    registration.unregister()


@main.command()
@click.argument("source", type=FOLDER)
@click.argument("target", type=FOLDER)
@click.option("--patch-size", type=int, nargs=3, help="Patch that training reads, such as 128 128 128.")
def pack(source: Path, target: Path, patch_size: tuple[int, ...] | None) -> None:
    """Make .mla files of the .b2nd files of a preprocessed folder."""
    click.echo(f"{len(preprocessed.pack(source, target, patch_size))} cases: {target}")


@main.command()
@click.argument("source", type=FOLDER)
@click.argument("target", type=FOLDER)
def unpack(source: Path, target: Path) -> None:
    """Make .b2nd files of preprocessed .mla files."""
    click.echo(f"{len(preprocessed.unpack(source, target))} cases: {target}")


@main.command()
def trainers() -> None:
    """Print the folder for nnU-Net's variable nnUNet_extTrainer."""
    click.echo(Path(__file__).parent / "trainers")


def run() -> None:
    """Run a command; an error is a line or two on standard error, and exit code 1."""
    try:
        main(prog_name="python -m mlarray.nnunet")
    except MLArrayError as error:
        click.echo(error_text(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    run()
