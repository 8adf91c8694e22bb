"""What the schema has no field for, typed: the content of ``meta.extra["mlarray"]``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING

from mlarray_core.errors import MetadataError, MetadataKeyError
from mlarray_core.meta.axis_values import AxisValues, Channel
from mlarray_core.meta.checks import JsonDict, each, finite, flag, items, json_dict, mistyped, text
from mlarray_core.meta.segmentation import Label, checked_labels

if TYPE_CHECKING:
    from mlarray_core.meta.schema import Meta

KEY = "mlarray"
"""The key of `meta.extra` that all of this stands under."""

PATH = f"extra[{KEY!r}]"
"""Where errors say that it is."""


@dataclass
class Rescale:
    """How stored values become real ones: ``real = stored * slope + intercept``.

    Parameters
    ----------
    slope, intercept
        As the source's header gives them.
    dtype
        Name of the type that the source stores, such as ``int16``.
    applied
        Whether the voxels are real values already.
    """

    slope: float
    intercept: float
    dtype: str
    applied: bool = True


@dataclass
class Additions:
    """The content of ``meta.extra["mlarray"]``.

    Parameters
    ----------
    rescale
        How stored values become real ones, see `Rescale`.
    axes
        By an axis's index in the array its ``name``, ``unit`` and the ``values`` along it, such as b-values.
    channels
        One dict for each channel, in the source's words.
    labels
        What the values of a label map mean.
    bids
        Fields of a BIDS sidecar.
    lossy
        Which lossy compression the values went through, and who applied it.
    losses
        What a conversion couldn't keep: dicts of ``what`` and ``why``.
    classes
        Where the classes of a label map are, see `mlarray_core.statistics.class_locations`.
    unknown
        What a newer writer put there; kept.
    """

    rescale: Rescale | None = None
    axes: dict[int, AxisValues] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    bids: JsonDict = field(default_factory=dict)
    lossy: JsonDict = field(default_factory=dict)
    losses: list[dict[str, str]] = field(default_factory=list)
    classes: JsonDict = field(default_factory=dict)
    unknown: JsonDict = field(default_factory=dict)

    @classmethod
    def of(cls, meta: Meta) -> Additions:
        """Read them from an image's metadata; the result shares nothing with it.

        Raises
        ------
        MetadataError
            If ``meta.extra["mlarray"]`` isn't what `store` writes.
        """
        stored = json_dict(meta.extra.get(KEY, {}), PATH)
        rescale = stored.pop("rescale", None)
        return cls(
            rescale=None if rescale is None else _rescale(rescale),
            axes=_axes(stored.pop("axes", {})),
            channels=[
                Channel(one) for one in each(stored.pop("channels", []), f"{PATH}.channels", json_dict)
            ],
            labels=_labels(stored.pop("labels", [])),
            bids=json_dict(stored.pop("bids", {}), f"{PATH}.bids"),
            lossy=json_dict(stored.pop("lossy", {}), f"{PATH}.lossy"),
            losses=each(stored.pop("losses", []), f"{PATH}.losses", json_dict),
            classes=json_dict(stored.pop("classes", {}), f"{PATH}.classes"),
            unknown=stored,
        )

    def store(self, meta: Meta) -> None:
        """Write them to an image's metadata, leaving out what is empty.

        Raises
        ------
        MetadataError
            If JSON can't hold something, or two labels have one value.
        """
        content: JsonDict = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "unknown"}
        content["rescale"] = None if self.rescale is None else asdict(self.rescale)
        content["axes"] = {str(index): axis.to_mapping() for index, axis in self.axes.items()}
        content["labels"] = [label.to_mapping() for label in checked_labels(self.labels, f"{PATH}.labels")]
        content = {**self.unknown, **{name: part for name, part in content.items() if part}}
        if content:
            meta.extra[KEY] = content
        else:
            meta.extra.pop(KEY, None)


def _rescale(stored: object) -> Rescale:
    path = f"{PATH}.rescale"
    content = json_dict(stored, path)
    try:
        return Rescale(
            float(finite(content["slope"], f"{path}.slope")),
            float(finite(content["intercept"], f"{path}.intercept")),
            text(content["dtype"], f"{path}.dtype"),
            flag(content.get("applied", True), f"{path}.applied"),
        )
    except KeyError as error:
        if isinstance(error, MetadataError):
            raise
        raise MetadataKeyError("missing", field=f"{path}.{error.args[0]}") from None


def _axes(stored: object) -> dict[int, AxisValues]:
    axes: dict[int, AxisValues] = {}
    for key, axis in json_dict(stored, f"{PATH}.axes").items():
        if not key.isdecimal():
            raise mistyped(f"{PATH}.axes", "axis indices as keys", key)
        axes[int(key)] = AxisValues.from_mapping(json_dict(axis, f"{PATH}.axes[{key!r}]"))
    return axes


def _labels(stored: object) -> list[Label]:
    path = f"{PATH}.labels"
    return checked_labels((json_dict(one, path) for one in items(stored, path)), path)
