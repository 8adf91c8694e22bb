"""`show` and `view`: images to be looked at."""

from __future__ import annotations

import sys

import click

from mlarray_core.errors import OptionError
from mlarray_io.commands.parser import options
from mlarray_io.commands.parser.options import OTHER, SERVER, VALUES, argument, command, option, terminable


@command("show")
@argument("file")
@options.from_
@options.image_
@option(OTHER, "-o", "--output", metavar="PICTURE", help="Write a .png, .jpg, .webp or .tif instead.")
@option(VALUES, "--window", metavar="WINDOW", help="LOW,HIGH or ct-soft, ct-bone, ct-lung, ct-brain.")
@option(VALUES, "--at", metavar="Z,Y,X", help="The voxel whose planes are shown; the middle by default.")
@option(VALUES, "--entry", metavar="N", help="Which entry of time or channels: 0, or 0,2 for several axes.")
@option(VALUES, "--overlay", metavar="LABELS", help="Show this label map over the image.")
@option(VALUES, "--labels/--no-labels", default=None, help="The voxels are labels, or are not.")
@option(OTHER, "-f", "--force", is_flag=True, help="Overwrite the picture.")
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

    terminable()
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


@command(
    "view",
    examples=[
        ("mlarray view ct.nii.gz ct_seg.nii.gz", "an image with its labels over it"),
        ("mlarray view slide.svs", "a slide, of which only what is looked at is read"),
        ("mlarray view scan.mla --no-browser --port 8080", "from afar: ssh -L 8080:localhost:8080 HOST"),
        ("mlarray view scan.mla --zarr", "for zarr-python and other viewers too"),
    ],
)  # fmt: skip
@argument("files", metavar="FILE...", nargs=-1, required=True)
@options.from_
@options.image_
@option(VALUES, "--labels/--no-labels", default=None, help="The voxels of all files are labels, or are not.")
@option(VALUES, "--label-pattern", metavar="PATTERN", multiple=True, help="Such files are: '*_seg.nii.gz'.")
@option(SERVER, "--no-browser", is_flag=True, help="Only print the address.")
@option(
    SERVER, "--host", metavar="ADDRESS", default="127.0.0.1", help="Listen at another address than 127.0.0.1."
)
@option(
    SERVER,
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Any that is free by default.",
)
@option(SERVER, "--zarr", is_flag=True, help="Let other programs read each image as OME-Zarr.")
@option(
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

    terminable()
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
