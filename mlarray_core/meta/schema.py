"""Meta: all sections together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypedDict, TypeVar, Unpack, overload

from mlarray_core.errors import MetadataError, MetadataTypeError, ReadOnlyError
from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.bbox import MetaBbox
from mlarray_core.meta.checks import JsonDict, unwrapped
from mlarray_core.meta.extension import Additions
from mlarray_core.meta.json_sections import MetaExtra, MetaSource
from mlarray_core.meta.record import MetaHasArray, MetaImageFormat, MetaVersion
from mlarray_core.meta.segmentation import Label, MetaIsSeg, checked_labels
from mlarray_core.meta.spatial import MetaSpatial
from mlarray_core.meta.statistics import MetaStatistics
from mlarray_core.meta.storage import MetaBlosc2

S = TypeVar("S", bound=BaseMeta)


class LibraryFields(TypedDict, total=False):
    """What only the library sets, by the names of `Meta._set_by_library`."""

    has_array: bool
    image_meta_format: str | None
    mlarray_version: str | None
    blosc2: MetaBlosc2 | Mapping[str, object] | None
    spatial: MetaSpatial | Mapping[str, object] | None
    shape: Sequence[int] | None


class Section(Generic[S]):
    """A field of `Meta`: takes whatever makes a section, gives the section."""

    def __init__(self, kind: type[S]) -> None:
        self.kind = kind

    def __set_name__(self, owner: type[Meta], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, meta: None, owner: type[Meta]) -> None: ...
    @overload
    def __get__(self, meta: Meta, owner: type[Meta]) -> S: ...
    def __get__(self, meta: Meta | None, owner: type[Meta]) -> S | None:
        """Return the section; on the class None, which the dataclass takes for the default."""
        if meta is None:
            return None
        section: S = meta.__dict__[self.name]
        return section

    def __set__(self, meta: Meta, value: S | Any) -> None:
        """Make a section of `value` and put it in, unless that contradicts the other sections."""
        section: BaseMeta = self.kind.ensure(value)
        before = meta.__dict__.get(self.name)
        if before is not None:
            meta._guard(self.name)
            if isinstance(section, MetaSpatial):
                section = _with_shape(section, before)
        meta._replace(self.name, section)


@dataclass(eq=False, repr=False)
class Meta(BaseMeta):
    """All metadata of an image. Each argument is a section, or whatever makes one, and is copied.

    Attributes
    ----------
    source
        Header of the original image: a dict of JSON.
    extra
        Anything else: a dict of JSON.
    spatial
        Geometry and meaning of the axes.
    stats
        Summary statistics.
    bbox
        Bounding boxes.
    is_seg
        Whether the image is a segmentation.
    blosc2
        Layout and compression; read-only.
    _has_array
        Whether there are voxels; read-only.
    _image_meta_format
        The format whose header `source` holds; read-only.
    _mlarray_version
        Version of the schema; read-only.
    """

    _READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {"blosc2", "_has_array", "_image_meta_format", "_mlarray_version"}
    )

    source: Section[MetaSource] = Section(MetaSource)
    extra: Section[MetaExtra] = Section(MetaExtra)
    spatial: Section[MetaSpatial] = Section(MetaSpatial)
    stats: Section[MetaStatistics] = Section(MetaStatistics)
    bbox: Section[MetaBbox] = Section(MetaBbox)
    is_seg: Section[MetaIsSeg] = Section(MetaIsSeg)
    blosc2: Section[MetaBlosc2] = Section(MetaBlosc2)
    _has_array: Section[MetaHasArray] = Section(MetaHasArray)
    _image_meta_format: Section[MetaImageFormat] = Section(MetaImageFormat)
    _mlarray_version: Section[MetaVersion] = Section(MetaVersion)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._names():
            object.__setattr__(self, name, value)
        else:
            BaseMeta.__setattr__(self, name, value)

    def _replace(self, name: str, section: BaseMeta) -> None:
        """Put in a section, or leave the old one when the sections contradict each other."""
        before = self.__dict__.get(name)
        self.__dict__[name] = section
        if before is None and len(self.__dict__) < len(self._names()):
            return  # the dataclass's __init__ checks when all are in
        try:
            self._check_sections()
        except BaseException:
            self.__dict__[name] = before
            raise

    def _set_by_library(self, **values: Unpack[LibraryFields]) -> None:
        """Set what is read-only to users.

        Parameters
        ----------
        has_array
            Whether there are voxels.
        image_meta_format
            The format whose header `source` holds.
        mlarray_version
            Version of the schema.
        blosc2
            The whole section; None resets it.
        spatial
            The whole section, `shape` included: that of an image with other axes.
        shape
            Of the array; set in `spatial`.

        Raises
        ------
        MetadataError
            Something is refused; what was named before it is set.
        """
        if "has_array" in values:
            self._has_array._assign({"has_array": values["has_array"]})
        if "image_meta_format" in values:
            self._image_meta_format._assign({"image_meta_format": values["image_meta_format"]})
        if "mlarray_version" in values:
            self._mlarray_version._assign({"mlarray_version": values["mlarray_version"]})
        if "blosc2" in values:
            self._replace("blosc2", MetaBlosc2.ensure(values["blosc2"]))
        if "spatial" in values:
            self._replace("spatial", MetaSpatial.ensure(values["spatial"]))
        if "shape" in values:
            self.spatial._assign({"shape": values["shape"]})

    def _validate_and_cast(self) -> None:
        self._check_sections()

    def _check_sections(self, ndim: int | None = None, spatial_ndim: int | None = None) -> None:
        """Check the sections against each other."""
        ndim = self.spatial.ndim if ndim is None else ndim
        spatial_ndim = self.spatial.spatial_ndim if spatial_ndim is None else spatial_ndim
        known = tuple(count for count in (ndim, spatial_ndim) if count is not None)
        if known and ndim is not None:
            self.bbox._check_dimensions(known)

    def validate(
        self,
        *,
        ndim: int | None = None,
        spatial_ndim: int | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        """Check everything, edits in place included, and against the array if it is known.

        Parameters
        ----------
        ndim, spatial_ndim
            Number of axes and of spatial axes of the array; None for what `shape` and the labels say.
        shape
            Shape of the array. `spatial.shape`, if set, must be the same.

        Raises
        ------
        MetadataError
            Naming the first field that is wrong.
        """
        sizes = None if shape is None else [int(size) for size in shape]
        if ndim is None and sizes is not None:
            ndim = len(sizes)
        for name in self._names():
            if name != "spatial":
                getattr(self, name)._validate_and_cast()
        self.spatial._check_context(ndim, spatial_ndim, sizes)
        if spatial_ndim is None and self.spatial.axis_labels is None:
            spatial_ndim = ndim
        self._check_sections(ndim, spatial_ndim)
        ndim = self.spatial.ndim if ndim is None else ndim
        self.blosc2._check_lengths(ndim, self.spatial.spatial_ndim if spatial_ndim is None else spatial_ndim)

    def reset(self) -> None:
        """Unset everything, but for what only the library sets."""
        for name in self._user_names():
            getattr(self, name).reset()

    def copy_from(self, other: Self, *, overwrite: bool = False) -> None:
        """Copy the sections of another Meta; what only the library sets is left out.

        Parameters
        ----------
        other
            Where to copy from.
        overwrite
            Copy every section whole; otherwise only the fields that aren't set here.
        """
        self._same_class(other)
        twin = self.copy()
        for name in self._user_names():
            getattr(twin, name).copy_from(getattr(other, name), overwrite=overwrite)
        twin._check_sections()
        self.__dict__.update(twin.__dict__)

    def _fill_by_library(self, other: Self) -> None:
        """Copy every field that isn't set here, those included that only the library sets."""
        twin = self.copy()
        for name in self._names():
            section: BaseMeta = getattr(twin, name)
            section._copy_fields(getattr(other, name), section._names(), overwrite=False)
        twin._check_sections()
        self.__dict__.update(twin.__dict__)

    def to_plain(self, *, include_none: bool = False) -> Any:
        """Return everything as a new dict to be shown. Sections that aren't set are None.

        Parameters
        ----------
        include_none
            Whether what is None is in it.
        """
        plain: JsonDict = {}
        for name in self._names():
            section: BaseMeta = getattr(self, name)
            value = None if section.is_default() else section.to_plain(include_none=include_none)
            if value is not None or include_none:
                plain[name] = value
        return plain

    def set_source(self, value: MetaSource | Mapping[str, object]) -> Self:
        """Replace `source` and return this Meta."""
        self.source = value
        return self

    def set_extra(self, value: MetaExtra | Mapping[str, object]) -> Self:
        """Replace `extra` and return this Meta."""
        self.extra = value
        return self

    def set_spatial(self, value: MetaSpatial | Mapping[str, object]) -> Self:
        """Replace `spatial` and return this Meta. `spatial.shape` stays as it is."""
        self.spatial = value
        return self

    def set_stats(self, value: MetaStatistics | Mapping[str, object]) -> Self:
        """Replace `stats` and return this Meta."""
        self.stats = value
        return self

    def set_bbox(self, value: MetaBbox | Mapping[str, object] | list[list[list[int | float]]]) -> Self:
        """Replace `bbox` and return this Meta."""
        self.bbox = value
        return self

    def set_is_seg(self, value: MetaIsSeg | bool | None) -> Self:
        """Replace `is_seg` and return this Meta."""
        self.is_seg = value
        return self

    def update_source(self, value: Mapping[str, object]) -> Self:
        """Update the dict `source` and return this Meta."""
        self.source.update(_mapping(value, "source"))
        return self

    def update_extra(self, value: Mapping[str, object]) -> Self:
        """Update the dict `extra` and return this Meta."""
        self.extra.update(_mapping(value, "extra"))
        return self

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the values of a label map mean, empty when unknown; kept in ``extra["mlarray"]``.

        Assign a list of `Label`, or of dicts of its fields, to replace the table.

        Raises
        ------
        MetadataError
            What is stored, or assigned, is no label table.
        """
        return tuple(Additions.of(self).labels)

    @labels.setter
    def labels(self, labels: Iterable[Label | Mapping[str, object]] | None) -> None:
        additions = Additions.of(self)
        additions.labels = checked_labels(labels or (), "labels")
        additions.store(self)

    def add_bbox(
        self,
        bbox: list[list[int | float]],
        score: int | float | None = None,
        label: str | int | float | None = None,
    ) -> Self:
        """Add one box and return this Meta.

        Parameters
        ----------
        bbox
            ``[min, max]`` for each axis.
        score, label
            Given for all boxes or for none.

        Raises
        ------
        ValueError
            If some boxes would have a score or a label and others not.
        """
        boxes = list(self.bbox.bboxes or [])
        changed = MetaBbox(
            bboxes=[*boxes, unwrapped(bbox)],
            scores=_joined(self.bbox.scores, score, len(boxes), "score"),
            labels=_joined(self.bbox.labels, label, len(boxes), "label"),
        )
        self.bbox = changed
        return self


def _with_shape(section: MetaSpatial, before: MetaSpatial) -> MetaSpatial:
    """Return `section` with the shape that users can't change."""
    if section.shape is not None and section.shape != before.shape:
        raise ReadOnlyError("only the library sets this", field="spatial.shape")
    return MetaSpatial.from_mapping({**section.to_mapping(), "shape": before.shape})


def _mapping(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise MetadataTypeError(f"expected a dict, got {type(value).__name__}", field=path)
    return value


def _joined(values: list[Any] | None, value: object, count: int, what: str) -> list[Any] | None:
    if count and (values is None) != (value is None):
        have = "no" if values is None else "a"
        raise MetadataError(f"the other boxes have {have} {what}, so must this one", field=f"bbox.{what}s")
    return None if value is None else [*(values or []), value]
