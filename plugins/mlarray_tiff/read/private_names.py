"""What is used of tifffile beyond its documented interface: all of it is here, and one test names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tifffile import TiffFrame, TiffPage, TiffPageSeries


def stored_pages(series: TiffPageSeries) -> list[TiffPage | TiffFrame | None]:
    """Return the pages that a series was made of; the series itself also yields pages that it computes.

    A stack that one page describes (ImageJ over 4 GB, STK) is one page here and many when iterated over.
    """
    pages: list[TiffPage | TiffFrame | None] = series._pages
    return pages
