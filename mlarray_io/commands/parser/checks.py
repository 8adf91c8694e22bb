"""`verify`, `levels`, `scan`, `check-pairs` and `new-plugin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlarray_io.commands.parser import options
from mlarray_io.commands.parser.options import FAILED, IMAGES, OTHER, argument, command, option, terminable

if TYPE_CHECKING:
    from mlarray_core.levels.reduction import Method


@command()
@argument("files", metavar="FILE...", nargs=-1, required=True)
@option(OTHER, "--reseal", is_flag=True, help="Accept what files without a valid seal hold, and seal them.")
@options.json_
def verify(files: tuple[str, ...], reseal: bool, as_json: bool) -> int:
    """Check all checksums of .mla files, also of all in a folder: sealed, unsealed, edited or damaged."""
    from mlarray_io.commands import verify as verifying

    terminable()
    return FAILED if verifying.run(files, reseal=reseal, as_json=as_json) else 0


@command()
@argument("file")
@option(
    OTHER,
    "--build",
    metavar="COUNT",
    is_flag=False,
    flag_value="auto",
    help="Make them anew: auto, or how many.",
)
@option(
    OTHER, "--method", type=click.Choice(["mean", "mode", "max"]), help="How values are made, with --build."
)
@option(OTHER, "--drop", is_flag=True, help="Remove them.")
@option(OTHER, "--verify", is_flag=True, help="Check their checksums.")
@options.json_
def levels(
    file: str, build: str | None, method: Method | None, drop: bool, verify: bool, as_json: bool
) -> None:
    """List the coarser versions that the .mla FILE holds, or make, check or remove them."""
    from mlarray_io.commands import levels as leveling
    from mlarray_io.printing.text import say, strict_json

    if sum((build is not None, drop, verify)) > 1:
        raise click.UsageError("give only one of --build, --drop and --verify", click.get_current_context())
    if method is not None and build is None:
        raise click.UsageError("--method says how --build makes levels", click.get_current_context())
    terminable()
    if build is not None:
        leveling.build(file, build, method)
    elif drop:
        leveling.drop(file)
    found = leveling.listing(file, verify=verify)
    if as_json:
        say(strict_json(found))
    else:
        leveling.show(found)


@command()
@argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@option(OTHER, "-o", "--output", metavar="TABLE", help="Write a .csv, .json, .parquet or .html report.")
@options.from_
@options.include_
@options.exclude_
@options.jobs_
@option(OTHER, "--stats", is_flag=True, help="Read all voxels: minimum, maximum, mean, percentiles.")
@option(OTHER, "-f", "--force", is_flag=True, help="Overwrite TABLE.")
@options.json_
def scan(sources: tuple[str, ...], **asked: Any) -> int:
    """Tabulate every image below SOURCE: shape, spacing, type, modality, and which ones stand out."""
    from mlarray_io.commands import scan as surveying

    terminable()
    return FAILED if surveying.scan(sources, asked) else 0


@command("check-pairs")
@argument("images")
@argument("labels")
@options.include_
@options.exclude_
@options.jobs_
@option(IMAGES, "--label-pattern", metavar="PATTERN", help="Which files are labels: '*_seg*'.")
@option(OTHER, "--tolerance", type=float, default=1e-3, metavar="T", help="Of geometry, in voxels (0.001).")
@options.json_
def check_pairs(images: str, labels: str, **asked: Any) -> int:
    """Compare each image below IMAGES with its label below LABELS: shape and place must be the same."""
    from mlarray_io.commands import scan as surveying

    terminable()
    return FAILED if surveying.check_pairs(images, labels, asked) else 0


@command("new-plugin")
@click.argument("name")
@click.argument("folder", required=False)
def new_plugin(name: str, folder: str | None) -> None:
    """Write a package that adds the format NAME to mlarray, into FOLDER or mlarray-NAME."""
    from mlarray_io.commands import new_plugin as package

    package.run(name, folder)
