"""The one hook: a plugin hands over its formats, the host selects, forces, lists and explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io.sdk.format import Format

hookspec = pluggy.HookspecMarker("mlarray")
hookimpl = pluggy.HookimplMarker("mlarray")


@hookspec
def mlarray_formats() -> Iterable[Format]:  # type: ignore[empty-body]
    """Return the formats that this plugin adds."""
