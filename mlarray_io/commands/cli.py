"""The commands and their options. Everything heavy is imported inside the commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlarray_core.errors import OptionError
from mlarray_io.commands import help
from mlarray_io.commands.help import Command, Commands, Option
from mlarray_io.commands.overview import WIDEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_core.levels.reduction import Method

F = TypeVar("F", bound="Callable[..., Any]")

FAILED, USAGE = 1, 2

IMAGES = "Which images"
VALUES = "Geometry and values"
PRIVACY = "Privacy"
LAYOUT = "Layout of a .mla target"
BATCH = "Batches"
SERVER = "Server"
OTHER = help.OTHER


def _option(section: str, *names: str, **more: Any) -> Callable[[F], F]:
    return click.option(*names, cls=Option, section=section, **more)


def _argument(*names: str, **more: Any) -> Callable[[F], F]:
    return click.argument(*names, shell_complete=help.complete_files, **more)


_json = _option(OTHER, "--json", "as_json", is_flag=True, help="Print strict JSON, for programs.")
_image = _option(IMAGES, "--image", metavar="KEY", help="Which image, when the source holds several.")
_from = _option(
    IMAGES, "--from", "source_format", metavar="FORMAT", help="Read it as this format.",
    shell_complete=help.complete_formats,
)  # fmt: skip
_include = _option(
    IMAGES, "--include", metavar="PATTERN", multiple=True, help="Take only such files: '*_ct.nii.gz'."
)
_exclude = _option(IMAGES, "--exclude", metavar="PATTERN", multiple=True, help="Leave such files out.")
_jobs = _option(BATCH, "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes; one a core.")


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
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """Convert and inspect medical and scientific images."""


@cli.command(
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
@_argument("sources", metavar="SOURCE...", nargs=-1)
@_argument("target")
@_from
@_option(
    IMAGES,
    "--to",
    "target_format",
    metavar="FORMAT",
    help="Write this format, or suffix such as nii.gz.",
    shell_complete=help.complete_targets,
)
@_image
@_option(IMAGES, "--all", "every", is_flag=True, help="Convert every image of SOURCE into the folder TARGET.")
@_option(OTHER, "-f", "--force", is_flag=True, help="Overwrite TARGET.")
@_option(OTHER, "--strict", is_flag=True, help="Fail when TARGET can't hold everything.")
@_option(VALUES, "--coord-system", metavar="WORLD", help="Give the geometry in this world: RAS, LPS or LAS.")
@_option(
    VALUES, "--orient", metavar="CODE", help="Permute and flip the axes to this voxel order, such as RAS."
)
@_option(VALUES, "--labels/--no-labels", default=None, help="The voxels are labels, or are not.")
@_option(VALUES, "--label-pattern", metavar="PATTERN", multiple=True, help="Such files are: 'labelsTr/*'.")
@_option(VALUES, "--label-table", metavar="FILE", help="What labels mean: a table of another program.")
@_option(VALUES, "--write-label-table", metavar="PROGRAM", help="Put a table beside: freesurfer or itksnap.")
@_option(VALUES, "--like", metavar="FILE", help="Draw contours into the grid of this image.")
@_option(VALUES, "--raw", is_flag=True, help="Keep stored values: don't apply slope and intercept.")
@_option(
    OTHER,
    "-o",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set an option of either format; see 'mlarray formats'.",
    shell_complete=help.complete_settings,
)
@_option(PRIVACY, "--anonymize", is_flag=True, help="Leave out who it is: DICOM PS3.15, basic profile.")
@_option(
    PRIVACY,
    "--retain",
    metavar="WHAT",
    multiple=True,
    help="But keep safe-private, uids, device, institution, patient, dates or names.",
)
@_option(
    PRIVACY,
    "--clean",
    metavar="WHAT",
    multiple=True,
    help="Clean descriptors, structured-content or graphics instead.",
)
@_option(PRIVACY, "--shift-dates", metavar="DAYS", help="Move dates, each patient's alike with 'patient'.")
@_option(PRIVACY, "--key", metavar="FILE", help="Secret of pseudonyms and UIDs; made if it isn't there.")
@_option(LAYOUT, "--patch-size", metavar="SIZE", help="Patch that .mla is laid out for: 192 or 64,192,192.")
@_option(
    LAYOUT, "--chunk-size", metavar="SIZES", help="Chunks of .mla, such as 64,128,128; needs --block-size."
)
@_option(LAYOUT, "--block-size", metavar="SIZES", help="Blocks of .mla; needs --chunk-size.")
@_option(LAYOUT, "--codec", metavar="NAME", help="Codec of .mla: lz4, lz4hc, zstd, zlib or blosclz.")
@_option(LAYOUT, "--clevel", metavar="LEVEL", help="Compression level of .mla, 0 to 9.")
@_option(LAYOUT, "--profile", metavar="NAME", help="What .mla favours: default, fast, small, slices or auto.")
@_option(
    LAYOUT, "--levels", metavar="COUNT", help="Coarser versions in .mla: auto, none, how many, or source."
)
@_option(LAYOUT, "--lossy", metavar="BOUND", help="Round values in .mla: tolerance=0.5 or relative=0.001.")
@_option(
    LAYOUT,
    "--stats",
    is_flag=True,
    flag_value="yes",
    help="Note statistics, and of labels where classes are, in .mla.",
)
@_option(LAYOUT, "--foreground", metavar="VALUE", help="Statistics only of voxels above this value.")
@_option(OTHER, "--threads", type=click.IntRange(1), metavar="N", help="How many threads; all by default.")
@_option(OTHER, "--max-bytes", metavar="SIZE", help="Refuse images with more bytes of voxels, such as 8G.")
@_option(OTHER, "-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@_include
@_exclude
@_jobs
@_option(BATCH, "--shard", metavar="I/N", help="Convert the I-th of N parts, each run by another machine.")
@_option(BATCH, "--verify", is_flag=True, help="Read every result back and compare it with its source.")
@_option(BATCH, "--scheduler", metavar="ADDRESS", help="Convert on the Dask cluster of this scheduler.")
@_option(BATCH, "--journal", metavar="FOLDER", help="Keep the journal there, not in TARGET.")
@_option(BATCH, "--name", metavar="TEMPLATE", help="Names of files: '{PatientID}_{SeriesNumber}'.")
@_option(BATCH, "--dry-run", is_flag=True, help="Print what would be converted, and convert nothing.")
@_json
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
    _terminable()
    return FAILED if converting.run(sources, target, asked) else 0


@cli.command()
@_argument("file")
@_from
@_image
@_option(OTHER, "--all", "everything", is_flag=True, help="Print all metadata.")
@_json
def info(file: str, source_format: str | None, image: str | None, everything: bool, as_json: bool) -> None:
    """Show what FILE holds, from its headers alone."""
    from mlarray_io.commands.info import run

    run(file, source_format, image, as_json=as_json, everything=everything)


@cli.command()
@_argument("file", required=False)
@_json
def formats(file: str | None, as_json: bool) -> int:
    """List the installed formats and their options, or, with FILE, the formats that claim it."""
    from mlarray_io.commands.formats import run

    return FAILED if run(file, as_json=as_json) else 0


@cli.command()
@_argument("files", metavar="FILE...", nargs=-1, required=True)
@_from
@_json
def privacy(files: tuple[str, ...], source_format: str | None, as_json: bool) -> int:
    """List which fields of FILE, a .mla file or any source, identify a person; never their values."""
    from mlarray_io.commands.privacy import run

    return FAILED if run(files, source_format, as_json=as_json) else 0


@cli.command()
@_argument("files", metavar="FILE...", nargs=-1, required=True)
@_option(OTHER, "--reseal", is_flag=True, help="Accept what files without a valid seal hold, and seal them.")
@_json
def verify(files: tuple[str, ...], reseal: bool, as_json: bool) -> int:
    """Check all checksums of .mla files, also of all in a folder: sealed, unsealed, edited or damaged."""
    from mlarray_io.commands import verify as verifying

    _terminable()
    return FAILED if verifying.run(files, reseal=reseal, as_json=as_json) else 0


@cli.command()
@_argument("file")
@_option(
    OTHER,
    "--build",
    metavar="COUNT",
    is_flag=False,
    flag_value="auto",
    help="Make them anew: auto, or how many.",
)
@_option(
    OTHER, "--method", type=click.Choice(["mean", "mode", "max"]), help="How values are made, with --build."
)
@_option(OTHER, "--drop", is_flag=True, help="Remove them.")
@_option(OTHER, "--verify", is_flag=True, help="Check their checksums.")
@_json
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
    _terminable()
    if build is not None:
        leveling.build(file, build, method)
    elif drop:
        leveling.drop(file)
    found = leveling.listing(file, verify=verify)
    if as_json:
        say(strict_json(found))
    else:
        leveling.show(found)


@cli.command("show")
@_argument("file")
@_from
@_image
@_option(OTHER, "-o", "--output", metavar="PICTURE", help="Write a .png, .jpg, .webp or .tif instead.")
@_option(VALUES, "--window", metavar="WINDOW", help="LOW,HIGH or ct-soft, ct-bone, ct-lung, ct-brain.")
@_option(VALUES, "--at", metavar="Z,Y,X", help="The voxel whose planes are shown; the middle by default.")
@_option(VALUES, "--entry", metavar="N", help="Which entry of time or channels: 0, or 0,2 for several axes.")
@_option(VALUES, "--overlay", metavar="LABELS", help="Show this label map over the image.")
@_option(VALUES, "--labels/--no-labels", default=None, help="The voxels are labels, or are not.")
@_option(OTHER, "-f", "--force", is_flag=True, help="Overwrite the picture.")
def show_image(
    file: str,
    source_format: str | None,
    image: str | None,
    output: str | None,
    window: str | None,
    at: str | None,
    entry: str | None,
    overlay: str | None,
    labels: bool | None,
    force: bool,
) -> None:
    """Show the middle planes of FILE, in the terminal or as a picture."""
    from mlarray_io.pictures import planes as picture
    from mlarray_io.pictures import sheet

    _terminable()
    look = picture.Look(_integers("--at", at), _integers("--entry", entry) or (), overlay is not None)
    shown = picture.planes_of(file, source_format, image, window, look, labels)
    for note in {one.note for one in shown if one.note}:
        click.echo(f"note: {note}", err=True)
    if overlay is not None:
        shown = picture.overlaid(shown, picture.planes_of(overlay, look=look, labels=True))
    if output is not None:
        sheet.publish(shown, output, overwrite=force)
    elif sys.stdout.isatty():
        sheet.print_planes(shown)
    else:  # blocks without colours show nothing
        from mlarray_io.commands import info as informing

        informing.run(file, source_format, image)
        click.echo("\n".join(sheet.described(shown)))
        click.echo("A terminal gets them in coloured blocks; -o PICTURE.png writes them")


@cli.command(
    "view",
    examples=[
        ("mlarray view ct.nii.gz ct_seg.nii.gz", "an image with its labels over it"),
        ("mlarray view slide.svs", "a slide, of which only what is looked at is read"),
        ("mlarray view scan.mla --no-browser --port 8080", "from afar: ssh -L 8080:localhost:8080 HOST"),
        ("mlarray view scan.mla --zarr", "for zarr-python and other viewers too"),
    ],
)  # fmt: skip
@_argument("files", metavar="FILE...", nargs=-1, required=True)
@_from
@_image
@_option(VALUES, "--labels/--no-labels", default=None, help="The voxels of all files are labels, or are not.")
@_option(VALUES, "--label-pattern", metavar="PATTERN", multiple=True, help="Such files are: '*_seg.nii.gz'.")
@_option(SERVER, "--no-browser", is_flag=True, help="Only print the address.")
@_option(
    SERVER, "--host", metavar="ADDRESS", default="127.0.0.1", help="Listen at another address than 127.0.0.1."
)
@_option(
    SERVER,
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Any that is free by default.",
)
@_option(SERVER, "--zarr", is_flag=True, help="Let other programs read each image as OME-Zarr.")
@_option(
    SERVER,
    "--allow-origin",
    metavar="PAGE",
    multiple=True,
    help="A page that may read it: https://example.org.",
)
def view_files(
    files: tuple[str, ...],
    source_format: str | None,
    image: str | None,
    labels: bool | None,
    label_pattern: tuple[str, ...],
    no_browser: bool,
    host: str,
    port: int,
    zarr: bool,
    allow_origin: tuple[str, ...],
) -> None:
    """Look at images in the browser: planes, in 3-D, with labels over them, whatever their size."""
    from mlarray_io.commands import view as viewing

    _terminable()
    viewing.run(
        files,
        viewing.settings(source_format, labels, label_pattern),
        viewing.Served(image, host, port, zarr, allow_origin),
        browser=not no_browser,
    )


def _integers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Return the numbers of an option, such as 10,120,80."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"expected numbers with commas, not {text!r}", field=option) from None


@cli.command()
@_argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@_option(OTHER, "-o", "--output", metavar="TABLE", help="Write a .csv, .json, .parquet or .html report.")
@_from
@_include
@_exclude
@_jobs
@_option(OTHER, "--stats", is_flag=True, help="Read all voxels: minimum, maximum, mean, percentiles.")
@_option(OTHER, "-f", "--force", is_flag=True, help="Overwrite TABLE.")
@_json
def scan(sources: tuple[str, ...], **asked: Any) -> int:
    """Tabulate every image below SOURCE: shape, spacing, type, modality, and which ones stand out."""
    from mlarray_io.commands import scan as surveying

    _terminable()
    return FAILED if surveying.scan(sources, asked) else 0


@cli.command("check-pairs")
@_argument("images")
@_argument("labels")
@_include
@_exclude
@_jobs
@_option(IMAGES, "--label-pattern", metavar="PATTERN", help="Which files are labels: '*_seg*'.")
@_option(OTHER, "--tolerance", type=float, default=1e-3, metavar="T", help="Of geometry, in voxels (0.001).")
@_json
def check_pairs(images: str, labels: str, **asked: Any) -> int:
    """Compare each image below IMAGES with its label below LABELS: shape and place must be the same."""
    from mlarray_io.commands import scan as surveying

    _terminable()
    return FAILED if surveying.check_pairs(images, labels, asked) else 0


@cli.command("new-plugin")
@click.argument("name")
@click.argument("folder", required=False)
def new_plugin(name: str, folder: str | None) -> None:
    """Write a package that adds the format NAME to mlarray, into FOLDER or mlarray-NAME."""
    from mlarray_io.commands import new_plugin as package

    package.run(name, folder)


@click.command(cls=Command, context_settings=cli.context_settings)
@_argument("file")
def header(file: str) -> None:
    """Print the metadata of FILE as JSON."""
    from mlarray_io.commands import info
    from mlarray_io.printing.text import say, strict_json

    found = info.header(file)
    say(strict_json(found.to_plain(include_none=True), indent=4))


@click.command(cls=Command, context_settings=cli.context_settings)
@click.argument("load_filepath", metavar="IN")
@click.argument("save_filepath", metavar="OUT")
@_option(OTHER, "-f", "--force", is_flag=True, help="Overwrite OUT.")
def convert_file(load_filepath: str, save_filepath: str, force: bool) -> None:
    """Convert IN to OUT, between .mla and any installed format."""
    from mlarray_io import api

    _terminable()
    api.convert(load_filepath, save_filepath, overwrite=force)


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


def _terminable() -> None:
    """Have SIGTERM clean up as Ctrl-C does."""
    from mlarray_io.requests.interrupts import terminable

    terminable()
