"""The command ``view``: open images, serve them, open a browser, until somebody ends it."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from mlarray_core.errors import ArgumentError, about
from mlarray_io.engine.select import open_one
from mlarray_io.places.place import place_of
from mlarray_io.viewer.access import Access, is_loopback
from mlarray_io.viewer.answers import Answers
from mlarray_io.viewer.server import Server
from mlarray_io.viewer.shown import ShownImage
from mlarray_io.viewer.zarr_folder import ZarrFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlarray_io.engine.settings import Settings


@contextmanager
def serving(
    files: Sequence[str],
    settings: Settings,
    *,
    image: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    zarr: bool = False,
    origins: Sequence[str] = (),
) -> Iterator[Server]:
    """Yield a server of images, which are open until the end; it answers once ``serve_forever`` is called.

    Parameters
    ----------
    files
        Paths or URLs.
    settings
        How they are read.
    image
        Which image, of sources that hold several.
    host, port
        Where to listen; port 0 for any that is free.
    zarr
        Whether each image can be read as OME-Zarr too.
    origins
        Other pages that may read what the server gives.

    Raises
    ------
    MLArrayError
        A file can't be shown, or the address can't be had.
    """
    with ExitStack() as stack:
        shown = []
        for file in files:
            place = place_of(file)
            opened = stack.enter_context(open_one(place, settings, image))
            with about(str(opened.source.where)):
                shown.append(ShownImage(place.name or str(place.shown), opened))
        folder = ZarrFolder(shown) if zarr else None
        names = frozenset() if is_loopback(host) else frozenset({host, os.uname().nodename})
        access = Access(names=names, origins=frozenset(origins))
        try:
            server = Server(host, port, access, Answers(shown, folder))
        except OSError as error:
            hint = "Take another --port, or none for any that is free"
            raise ArgumentError(
                f"can't listen at {host}, port {port}: {error.strerror}", hint=hint
            ) from error
        stack.callback(server.server_close)
        yield server


def view(server: Server, *, browser: bool, say: Callable[[str], None]) -> None:
    """Print the address, open a browser, and serve until the process is ended.

    Parameters
    ----------
    server
        Of the images.
    browser
        Whether to open one.
    say
        Prints a line.
    """
    say(server.url)
    for name in server.answers.folders:
        say(f"{server.url}{name}")
    say("Ctrl-C ends it")
    if browser:
        import webbrowser

        webbrowser.open(server.url)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        return
