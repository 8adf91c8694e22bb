"""What a layer remembers of the image that it was made of, so that it can be saved as that image again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray.napari.placement import Placement
    from mlarray_core.meta import Meta

KEY = "mlarray"
"""Of a layer's ``metadata``."""


@dataclass(frozen=True)
class Origin:
    """The image behind a layer.

    Parameters
    ----------
    meta
        Its metadata. Another layer's may be given to a layer that was drawn over it: that is where it is from
        then on.
    placed
        Its axes in napari, without those of colours and channels.
    colours
        Its axis of colours, which is the layer's last one; None without.
    """

    meta: Meta
    placed: Placement
    colours: int | None = None

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes of the image, as the layer's array has them."""
        return (*self.placed.order, *([] if self.colours is None else [self.colours]))


def origin_of(attributes: Mapping[str, Any]) -> Origin | None:
    """Return the image behind a layer with these attributes; None for a layer that is from elsewhere."""
    found = (attributes.get("metadata") or {}).get(KEY)
    return found if isinstance(found, Origin) else None
