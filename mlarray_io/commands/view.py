"""The command ``view``: images in a browser of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_io.engine.settings import Settings
from mlarray_io.printing.text import say
from mlarray_io.viewer.access import is_loopback
from mlarray_io.viewer.run import serving, view

if TYPE_CHECKING:
    from collections.abc import Sequence

WARNING = (
    "who can reach {host} and learns the address can read these images, and reads them unencrypted. "
    "ssh -L PORT:localhost:PORT needs no --host"
)


@dataclass(frozen=True)
class Served:
    """What is served, and where, as the options of these names say it."""

    image: str | None
    host: str
    port: int
    zarr: bool
    origins: Sequence[str]


def settings(source_format: str | None, labels: bool | None, patterns: Sequence[str]) -> Settings:
    """Return how the files are read.

    Parameters
    ----------
    source_format
        Name of their format; None to find it out.
    labels
        Whether their voxels are labels; None for what they say.
    patterns
        Of files whose voxels are labels.
    """
    return Settings(source_format=source_format, labels=labels, label_patterns=tuple(patterns))


def run(files: Sequence[str], reading: Settings, served: Served, *, browser: bool) -> None:
    """Serve files until somebody ends it.

    Parameters
    ----------
    files
        Paths or URLs.
    reading
        How they are read.
    served
        What of them, and where.
    browser
        Whether to open one.
    """
    if not is_loopback(served.host):
        say(f"Warning: {WARNING.format(host=served.host)}", err=True)
    with serving(
        files,
        reading,
        image=served.image,
        host=served.host,
        port=served.port,
        zarr=served.zarr,
        origins=served.origins,
    ) as server:
        view(server, browser=browser, say=say)
