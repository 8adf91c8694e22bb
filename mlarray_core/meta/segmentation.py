"""Whether the voxels are labels, and the label table: what each label means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Self

from mlarray_core.errors import MetadataError, MetadataKeyError
from mlarray_core.meta.checks import JsonDict, flag, json_dict, number, refused, text
from mlarray_core.meta.single import SingleKeyBaseMeta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COLOR = re.compile(r"#[0-9a-f]{6}([0-9a-f]{2})?")
_CODES = ("code", "category", "modifier", "region")


@dataclass(eq=False, repr=False)
class MetaIsSeg(SingleKeyBaseMeta):
    """Whether the image is a segmentation.

    Attributes
    ----------
    is_seg
        True or False, None when unknown.
    """

    _PATH: ClassVar[str] = "is_seg"

    is_seg: bool | None = None

    def _validate_and_cast(self) -> None:
        if self.is_seg is not None:
            self._put("is_seg", flag(self.is_seg, self._PATH))


@dataclass(frozen=True)
class Code:
    """A coded concept of a terminology (DICOM PS3.3, 8.8, Standard Attribute Sets for Code Sequence).

    Parameters
    ----------
    scheme
        Coding scheme designator, such as ``SCT`` for SNOMED CT.
    value
        Code value within the scheme, such as ``10200004``.
    meaning
        In words, such as ``Liver``.
    """

    scheme: str
    value: str
    meaning: str = ""

    @classmethod
    def from_mapping(cls, content: Mapping[str, object], path: str = "code") -> Self:
        """Return the code that a dict of JSON holds.

        Raises
        ------
        MetadataError
            Something is missing, or no text.
        """
        for name in ("scheme", "value"):
            if name not in content:
                raise MetadataKeyError("missing", field=f"{path}.{name}")
        return cls(
            text(content["scheme"], f"{path}.scheme"),
            text(content["value"], f"{path}.value"),
            text(content.get("meaning", ""), f"{path}.meaning"),
        )

    def to_mapping(self) -> dict[str, str]:
        """Return a dict of JSON."""
        return {"scheme": self.scheme, "value": self.value, "meaning": self.meaning}


@dataclass(frozen=True)
class Label:
    """What one value of a label map means.

    Parameters
    ----------
    value
        Of the voxels.
    name
        Of the structure, empty when unknown.
    color
        ``#rrggbb``, or ``#rrggbbaa`` with opacity; None when unknown.
    code
        What the structure is (DICOM's segmented property type).
    category
        What kind of thing it is (DICOM's segmented property category).
    modifier
        What the code is narrowed down by, such as ``Left``.
    region
        Where it is (DICOM's anatomic region).
    others
        What else the source or a newer writer says, as JSON; kept.
    """

    value: int
    name: str = ""
    color: str | None = None
    code: Code | None = None
    category: Code | None = None
    modifier: Code | None = None
    region: Code | None = None
    others: Mapping[str, object] = field(default_factory=dict)

    @property
    def rgba(self) -> tuple[int, int, int, int] | None:
        """Red, green, blue and opacity, 0 to 255; None without a colour."""
        if self.color is None:
            return None
        red, green, blue, *opacity = bytes.fromhex(self.color[1:])
        return red, green, blue, opacity[0] if opacity else 255

    @classmethod
    def from_mapping(cls, content: Mapping[str, object], path: str = "label") -> Self:
        """Return the label that a dict of JSON holds.

        Raises
        ------
        MetadataError
            The value is missing or no integer, or something is of another type or form.
        """
        others = json_dict(content, path)
        if "value" not in others:
            raise MetadataKeyError("missing", field=f"{path}.value")
        value = number(others.pop("value"), f"{path}.value")
        if not isinstance(value, int):
            raise refused(f"{path}.value", "an integer", value)
        name = text(others.pop("name", ""), f"{path}.name")
        color = others.pop("color", None)
        codes = {key: _code(others.pop(key, None), f"{path}.{key}") for key in _CODES}
        return cls(
            value, name, None if color is None else _checked(color, f"{path}.color"), **codes, others=others
        )

    def to_mapping(self) -> JsonDict:
        """Return a dict of JSON, without what isn't set."""
        content: JsonDict = {"value": self.value}
        for one in fields(self)[1:-1]:
            given = getattr(self, one.name)
            if given:
                content[one.name] = given.to_mapping() if isinstance(given, Code) else given
        return {**content, **self.others}


def color_of(red: float, green: float, blue: float, opacity: float = 255) -> str:
    """Return a colour as the label table spells it.

    Parameters
    ----------
    red, green, blue
        From 0 to 255; rounded.
    opacity
        From 0, which can't be seen, to 255, which is left out.

    Raises
    ------
    MetadataError
        A number is out of range.
    """
    parts = [red, green, blue, *([] if opacity == 255 else [opacity])]
    if not all(0 <= part <= 255 for part in parts):
        raise MetadataError(
            f"expected numbers from 0 to 255, got {', '.join(map(str, parts))}", field="color"
        )
    return "#" + bytes(round(part) for part in parts).hex()


def checked_labels(labels: Iterable[Label | Mapping[str, object]], path: str) -> list[Label]:
    """Return labels, each checked, in the order that they are in.

    Raises
    ------
    MetadataError
        A label is no label, or two have the same value.
    """
    found: list[Label] = []
    values: set[int] = set()
    for index, label in enumerate(labels):
        mapping = label.to_mapping() if isinstance(label, Label) else label
        one = Label.from_mapping(mapping, f"{path}[{index}]")
        if one.value in values:
            raise MetadataError(f"{one.value} is in the table already", field=f"{path}[{index}].value")
        values.add(one.value)
        found.append(one)
    return found


def _code(content: object, path: str) -> Code | None:
    return None if content is None else Code.from_mapping(json_dict(content, path), path)


def _checked(color: object, path: str) -> str:
    plain = text(color, path).lower()
    if not _COLOR.fullmatch(plain):
        raise refused(path, "a colour such as '#dd8265' or '#dd8265ff'", color)
    return plain
