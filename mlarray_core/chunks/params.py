"""Compression parameters: as plain numbers, and as Blosc2 wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import blosc2
import numpy as np

from mlarray_core.chunks.header import CODECS, FILTERS
from mlarray_core.errors import ArgumentError, ArgumentTypeError, did_you_mean


def plain_params(params: object, kind: type[blosc2.CParams | blosc2.DParams]) -> dict[str, object]:
    """Return parameters, in whatever form Blosc2 takes, as plain numbers.

    Parameters
    ----------
    params
        None, a mapping, or an instance of `kind`.
    kind
        `blosc2.CParams` or `blosc2.DParams`.

    Raises
    ------
    ArgumentError
        Blosc2 knows no parameter of this name.
    """
    if params is None:
        return {}
    known = kind.__dataclass_fields__
    if not isinstance(params, Mapping):
        if not isinstance(params, kind):
            raise ArgumentTypeError(f"expected a dict or {kind.__name__}, not {type(params).__name__}")
        params = {name: getattr(params, name) for name in known}
    for name in params:
        if name not in known:
            raise ArgumentError(f"Blosc2 knows no parameter {name!r}", hint=f"Known are {', '.join(known)}")
    return {name: _plain(value) for name, value in params.items()}


def plain_cparams(params: object) -> dict[str, object]:
    """Return compression parameters as plain numbers."""
    return plain_params(params, blosc2.CParams)


def plain_dparams(params: object) -> dict[str, object]:
    """Return decompression parameters as plain numbers."""
    return plain_params(params, blosc2.DParams)


def _plain(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    value = getattr(value, "value", value)
    return value.item() if isinstance(value, np.generic) else value


def codec_number(name: str | int) -> int:
    """Return the number of a codec given by name, such as ``zstd``.

    Raises
    ------
    ArgumentError
        There is no such codec.
    """
    if isinstance(name, int):
        return name
    names = {codec.name.lower(): int(codec.value) for codec in blosc2.Codec}
    known = {key: names[key] for key in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")}
    if name.lower() not in known:
        what = f"no codec is called {name!r}{did_you_mean(name, known)}"
        raise ArgumentError(what, hint=f"Choose one of {', '.join(known)}")
    return known[name.lower()]


def blosc2_params(cparams: Mapping[str, object]) -> dict[str, Any]:
    """Return plain compression parameters as Blosc2 wants them: enums and one thread.

    Raises
    ------
    ArgumentError
        They name a codec or filter that isn't built into Blosc2.
    """
    params: dict[str, Any] = {key: value for key, value in cparams.items() if value is not None}
    params["nthreads"] = 1
    if params.get("codec", 0) not in CODECS or not FILTERS.issuperset(params.get("filters", ())):
        raise ArgumentError(
            f"codec {params.get('codec')} or filters {params.get('filters')} are not built into Blosc2",
            field="cparams",
        )
    if "codec" in params:
        params["codec"] = blosc2.Codec(params["codec"])
    if "splitmode" in params:
        params["splitmode"] = blosc2.SplitMode(params["splitmode"])
    if "tuner" in params:
        params["tuner"] = blosc2.Tuner(params["tuner"])
    if "filters" in params:
        params["filters"] = [blosc2.Filter(number) for number in params["filters"]]
        meta = params.setdefault("filters_meta", [0] * len(params["filters"]))
        if len(meta) != len(params["filters"]):
            raise ArgumentError(
                f"{len(params['filters'])} filters and {len(meta)} numbers for them (filters_meta)",
                field="cparams",
            )
    for name in (
        ("typesize", "blocksize", "use_dict") if not params.get("use_dict") else ("typesize", "blocksize")
    ):
        params.pop(name, None)
    return params
