"""What is the same for all sources of a batch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlarray_io.engine.registry import installed
from mlarray_io.engine.settings import Choice, Settings
from mlarray_io.places.place import LocalPlace, Place
from mlarray_io.search.names import join

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io.batch.jobs import Job

_ELSEWHERE = ("overwrite", "threads", "max_bytes", "strict")
"""Settings that decide whether and how fast something is converted, not what the target holds."""


@dataclass(frozen=True)
class BatchSettings:
    """What is the same for all sources of a batch.

    Attributes
    ----------
    target
        The folder to convert into, or the one file.
    conversion
        Of every conversion; its `target_format` may be a suffix such as ``nii.gz``.
    single
        Whether `target` is the one file.
    choice
        Which images of every source, and how their files are called.
    verify
        Read every result back and compare its voxels with the source's.
    """

    target: Place
    conversion: Settings
    single: bool = False
    choice: Choice = field(default_factory=Choice)
    verify: bool = False

    @property
    def root(self) -> Place:
        """The folder that paths of targets are relative to."""
        return self.target.beside("") if self.single else self.target

    @property
    def suffix(self) -> str:
        """The suffix of every target."""
        return installed().kind(self.conversion.target_format or "mla")[1]

    def at(self, folder: Path) -> BatchSettings:
        """Return the same settings with a folder of this machine for target."""
        return replace(self, target=LocalPlace(folder / self.target.name if self.single else folder))

    def of(self, job: Job) -> Settings:
        """Return the settings of one source's conversions: what the journal knows as ours is replaced."""
        return replace(self.conversion, overwrite=self.conversion.overwrite or job.overwrite)

    def target_of(self, job: Job, name: str, count: int) -> Place:
        """Return where an image belongs: the source's place, or below it when the source holds several.

        Parameters
        ----------
        job
            The source.
        name
            Of the image's file, suffix included.
        count
            How many images the source holds.
        """
        if self.single:
            return self.target
        if job.kind == "collection" or count > 1:
            return self.root.joined(join(job.place, name))
        if self.choice.template is not None:
            return self.root.joined(join(job.place.rpartition("/")[0], name))
        return self.root.joined(job.place + self.suffix)

    def fingerprint(self) -> str:
        """Return a digest of everything that decides what a target holds."""
        settings, template = self.conversion, self.choice.template
        asked = {
            name: getattr(settings, name)
            for name in sorted(settings.__dataclass_fields__)
            if name not in _ELSEWHERE
        }
        named = [] if template is None else [template.text]
        text = json.dumps([asked, self.suffix, self.choice.image, *named], sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
