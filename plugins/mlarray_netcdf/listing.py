"""What images a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io import Context, ImageRef
from mlarray_netcdf.files import attributes_of, explained, open_file, variables_of
from mlarray_netcdf.roles import describing, reason_against
from mlarray_netcdf.values import values_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_netcdf.files import Library

MOST_IMAGES = 2000


def list_images(path: Path, context: Context) -> list[ImageRef]:
    """List the variables with data; the one with two axes or more is taken, if it is the only one.

    Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Is told of the variables that can't be images.
    """
    found: list[ImageRef] = []
    with explained(path), open_file(path) as file:
        others = describing(file)
        for key, variable in variables_of(file):
            reason = reason_against(variable)
            if reason:
                context.skip(key, reason)
            elif reason is None and not (variable.name in others and variable.ndim < 2):
                found.append(_listed(key, variable, described=variable.name in others))
            if len(found) == MOST_IMAGES:
                break
    planes = [ref for ref in found if len(ref.facts["shape"]) > 1 and not ref.facts.get("describes")]
    if len(planes) == 1:
        at = found.index(planes[0])
        found[at] = ImageRef(planes[0].key, planes[0].title, True, planes[0].facts, planes[0].name)
    return found


def _listed(key: str, variable: Library, *, described: bool) -> ImageRef:
    attributes = attributes_of(variable)
    title = str(attributes.get("long_name") or attributes.get("standard_name") or "")
    kind = values_of(variable, attributes).plain.name
    facts = {"shape": [int(size) for size in variable.shape], "dtype": kind}
    if described:
        facts["describes"] = "others"
    return ImageRef(key=key, title=title, facts=facts, name=key.replace("/", "_"))
