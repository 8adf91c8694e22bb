"""`convert`, and the conversion under the name that the reference gives it."""

from __future__ import annotations

from typing import Any

import click

from mlarray_io.commands import help
from mlarray_io.commands.parser import options
from mlarray_io.commands.parser.options import (
    BATCH,
    FAILED,
    IMAGES,
    LAYOUT,
    OTHER,
    PRIVACY,
    SETTINGS,
    VALUES,
    argument,
    command,
    option,
    terminable,
)


@command(
    examples=[
        ("mlarray convert scan.nii.gz scan.mla", "one image, whatever its format"),
        (
            "mlarray convert study/ converted/",
            "every image below a folder, DICOM series too; run again to go on",
        ),
        ("mlarray convert scan.mla back.nii.gz", "and back, header and all"),
        ("mlarray convert raw/ out/ --to nii.gz --include '*_T1*'", "some of them, to another format"),
        ("mlarray convert slide.svs slide.mla --levels source", "with the levels of the slide"),
    ]
)
@argument("sources", metavar="SOURCE...", nargs=-1)
@argument("target")
@options.from_
@option(
    IMAGES,
    "--to",
    "target_format",
    metavar="FORMAT",
    help="Write this format, or suffix such as nii.gz.",
    shell_complete=help.complete_targets,
)
@options.image_
@option(IMAGES, "--all", "every", is_flag=True, help="Convert every image of SOURCE into the folder TARGET.")
@option(OTHER, "-f", "--force", is_flag=True, help="Overwrite TARGET.")
@option(OTHER, "--strict", is_flag=True, help="Fail when TARGET can't hold everything.")
@option(VALUES, "--coord-system", metavar="WORLD", help="Give the geometry in this world: RAS, LPS or LAS.")
@option(
    VALUES, "--orient", metavar="CODE", help="Permute and flip the axes to this voxel order, such as RAS."
)
@option(VALUES, "--labels/--no-labels", default=None, help="The voxels are labels, or are not.")
@option(VALUES, "--label-pattern", metavar="PATTERN", multiple=True, help="Such files are: 'labelsTr/*'.")
@option(VALUES, "--label-table", metavar="FILE", help="What labels mean: a table of another program.")
@option(VALUES, "--write-label-table", metavar="PROGRAM", help="Put a table beside: freesurfer or itksnap.")
@option(VALUES, "--like", metavar="FILE", help="Draw contours into the grid of this image.")
@option(VALUES, "--raw", is_flag=True, help="Keep stored values: don't apply slope and intercept.")
@option(
    OTHER,
    "-o",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set an option of either format; see 'mlarray formats'.",
    shell_complete=help.complete_settings,
)
@option(PRIVACY, "--anonymize", is_flag=True, help="Leave out who it is: DICOM PS3.15, basic profile.")
@option(
    PRIVACY,
    "--retain",
    metavar="WHAT",
    multiple=True,
    help="But keep safe-private, uids, device, institution, patient, dates or names.",
)
@option(
    PRIVACY,
    "--clean",
    metavar="WHAT",
    multiple=True,
    help="Clean descriptors, structured-content or graphics instead.",
)
@option(PRIVACY, "--shift-dates", metavar="DAYS", help="Move dates, each patient's alike with 'patient'.")
@option(PRIVACY, "--key", metavar="FILE", help="Secret of pseudonyms and UIDs; made if it isn't there.")
@option(LAYOUT, "--patch-size", metavar="SIZE", help="Patch that .mla is laid out for: 192 or 64,192,192.")
@option(
    LAYOUT, "--chunk-size", metavar="SIZES", help="Chunks of .mla, such as 64,128,128; needs --block-size."
)
@option(LAYOUT, "--block-size", metavar="SIZES", help="Blocks of .mla; needs --chunk-size.")
@option(LAYOUT, "--codec", metavar="NAME", help="Codec of .mla: lz4, lz4hc, zstd, zlib or blosclz.")
@option(LAYOUT, "--clevel", metavar="LEVEL", help="Compression level of .mla, 0 to 9.")
@option(LAYOUT, "--profile", metavar="NAME", help="What .mla favours: default, fast, small, slices or auto.")
@option(
    LAYOUT, "--levels", metavar="COUNT", help="Coarser versions in .mla: auto, none, how many, or source."
)
@option(LAYOUT, "--lossy", metavar="BOUND", help="Round values in .mla: tolerance=0.5 or relative=0.001.")
@option(
    LAYOUT,
    "--stats",
    is_flag=True,
    flag_value="yes",
    help="Note statistics, and of labels where classes are, in .mla.",
)
@option(LAYOUT, "--foreground", metavar="VALUE", help="Statistics only of voxels above this value.")
@option(OTHER, "--threads", type=click.IntRange(1), metavar="N", help="How many threads; all by default.")
@option(OTHER, "--max-bytes", metavar="SIZE", help="Refuse images with more bytes of voxels, such as 8G.")
@option(OTHER, "-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@options.include_
@options.exclude_
@options.jobs_
@option(BATCH, "--shard", metavar="I/N", help="Convert the I-th of N parts, each run by another machine.")
@option(BATCH, "--verify", is_flag=True, help="Read every result back and compare it with its source.")
@option(BATCH, "--scheduler", metavar="ADDRESS", help="Convert on the Dask cluster of this scheduler.")
@option(BATCH, "--journal", metavar="FOLDER", help="Keep the journal there, not in TARGET.")
@option(BATCH, "--name", metavar="TEMPLATE", help="Names of files: '{PatientID}_{SeriesNumber}'.")
@option(BATCH, "--dry-run", is_flag=True, help="Print what would be converted, and convert nothing.")
@options.json_
def convert(sources: tuple[str, ...], target: str, **asked: Any) -> int:
    """Convert the image SOURCE, a file or a folder, to TARGET, whose suffix says the format.

    A folder for TARGET gets a .mla file for each image. SOURCE may also be a folder of images, a pattern such
    as 'raw/*.nii.gz', a list of files @list.txt, or several of these: every image below is converted, TARGET
    mirrors the folders, and a second run does only what is left to do.
    """
    from mlarray_io.commands import convert as converting

    if not sources:
        raise click.UsageError("Missing argument 'TARGET'.", click.get_current_context())
    like = asked.pop("like")
    if like is not None:
        asked["pairs"] = (*asked["pairs"], f"like={like}")
    terminable()
    return FAILED if converting.run(sources, target, asked) else 0


@command(context_settings=SETTINGS)
@click.argument("load_filepath", metavar="IN")
@click.argument("save_filepath", metavar="OUT")
@option(OTHER, "-f", "--force", is_flag=True, help="Overwrite OUT.")
def convert_file(load_filepath: str, save_filepath: str, force: bool) -> None:
    """Convert IN to OUT, between .mla and any installed format."""
    from mlarray_io import api

    terminable()
    api.convert(load_filepath, save_filepath, overwrite=force)
