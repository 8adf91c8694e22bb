"""What the library notes about the file itself; read-only to users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlarray_core.meta.checks import flag, text
from mlarray_core.meta.single import SingleKeyBaseMeta


@dataclass(eq=False, repr=False)
class MetaHasArray(SingleKeyBaseMeta):
    """Whether there are voxels, or metadata only.

    Attributes
    ----------
    has_array
        True when there are voxels.
    """

    _PATH: ClassVar[str] = "_has_array"
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset({"has_array"})

    has_array: bool = False

    def _validate_and_cast(self) -> None:
        self._put("has_array", flag(self.has_array, self._PATH))


@dataclass(eq=False, repr=False)
class MetaImageFormat(SingleKeyBaseMeta):
    """The format whose header `source` holds.

    Attributes
    ----------
    image_meta_format
        The format's name, such as ``nifti``, or None.
    """

    _PATH: ClassVar[str] = "_image_meta_format"
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset({"image_meta_format"})

    image_meta_format: str | None = None

    def _validate_and_cast(self) -> None:
        if self.image_meta_format is not None:
            self._put("image_meta_format", text(self.image_meta_format, self._PATH))


@dataclass(eq=False, repr=False)
class MetaVersion(SingleKeyBaseMeta):
    """The version of the metadata schema.

    Attributes
    ----------
    mlarray_version
        ``v0`` in every file so far, None before it is written.
    """

    _PATH: ClassVar[str] = "_mlarray_version"
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset({"mlarray_version"})

    mlarray_version: str | None = None

    def _validate_and_cast(self) -> None:
        if self.mlarray_version is not None:
            self._put("mlarray_version", text(self.mlarray_version, self._PATH))
