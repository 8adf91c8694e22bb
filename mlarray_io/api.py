"""Convert, read, write and inspect images of any installed format, from Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlarray_io.engine.believing import check_size
from mlarray_io.engine.conversion import convert as _convert
from mlarray_io.engine.conversion import convert_all, write_to
from mlarray_io.engine.result import Failure
from mlarray_io.engine.select import open_one
from mlarray_io.engine.settings import Settings
from mlarray_io.places.place import place_of
from mlarray_io.privacy.request import asked_privacy
from mlarray_io.requests.arguments import bar, key_of, privacy_flags, texts
from mlarray_io.requests.in_memory import ArrayReader, whole
from mlarray_io.requests.request import ConvertFlags, Kind, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta
    from mlarray_io.engine.result import Conversion
    from mlarray_io.engine.writing import Progress
    from mlarray_io.requests.launch import Batch
    from mlarray_io.requests.request import Request

    Path = str | os.PathLike[str]
    PatchSize = int | Sequence[int] | None


def convert(
    source: Path | Sequence[Path],
    target: Path,
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    image: str | int | None = None,
    overwrite: bool = False,
    strict: bool = False,
    coord_system: str | None = None,
    orient: str | None = None,
    raw: bool = False,
    labels: bool | str | Sequence[str] | None = None,
    label_table: Path | None = None,
    write_label_table: str | None = None,
    anonymize: bool | Mapping[str, object] = False,
    options: Mapping[str, object] | None = None,
    patch_size: PatchSize = None,
    chunk_size: Sequence[int] | None = None,
    block_size: Sequence[int] | None = None,
    codec: str | None = None,
    clevel: int | None = None,
    profile: str | None = None,
    levels: str | int | None = None,
    lossy: str | None = None,
    stats: bool = False,
    foreground: float | None = None,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    name: str | None = None,
    jobs: int | None = None,
    verify: bool = False,
    dry_run: bool = False,
    threads: int | None = None,
    max_bytes: int | None = None,
    progress: Progress | bool | None = None,
) -> Conversion | Batch:
    """Convert images from any format to any other, in bounded memory. A target appears whole or not at all.

    What is one image and what are several is decided as by the command ``mlarray convert``: a folder of
    images, a pattern such as ``raw/*.nii.gz``, a list ``@list.txt`` or several sources need a folder for
    target, which gets a file for each, and a second call does only what is left to do.

    Parameters
    ----------
    source
        File or folder to read, its URL, a pattern, or a list of such.
    target
        File to write, or its URL; its suffix says the format. A folder for several images.
    source_format, target_format
        Names of formats, to overrule content and suffix.
    image
        Key of the image, for a source that holds several.
    overwrite
        Replace an existing target.
    strict
        Fail, without a target, when the target can't hold everything.
    coord_system
        World to give the geometry in: ``RAS``, ``LPS`` or ``LAS``. None keeps the source's.
    orient
        Voxel order, a letter for each spatial axis, the fastest first, such as ``RAS``: axes are permuted and
        flipped, nothing is resampled. None keeps the stored order.
    raw
        Keep stored values; slope and intercept go to the metadata.
    labels
        Whether the voxels are labels, or patterns of the sources that hold labels, such as ``labelsTr/*``;
        None for what the sources say.
    label_table
        File that says what the labels mean: a table of FreeSurfer, ITK-SNAP, 3D Slicer or nnU-Net.
    write_label_table
        Write the label table beside the target, for ``freesurfer`` or ``itksnap``.
    anonymize
        Leave out what identifies a person (DICOM PS3.15, basic profile); or its options, as a dict of
        ``retain``, ``clean``, ``shift_dates`` and ``key``, which docs/privacy.md explains.
    options
        Settings of the two formats, by name; `formats` lists them.
    patch_size, chunk_size, block_size, codec, clevel, profile
        Layout and compression of a `.mla` target. None keeps those of a `.mla` source, or is the default.
    levels
        Coarser versions in a `.mla` target: ``auto``, ``none``, how many, or ``source``.
    lossy
        Bound within which values of a `.mla` target are rounded: ``tolerance=0.5`` or ``relative=0.001``.
    stats, foreground
        Note statistics in a `.mla` target, only of voxels above `foreground` where that is given.
    include, exclude
        Patterns of the files to take, and to leave out, below a folder; one that fits nothing is warned of.
    name
        Template for the names of files in a folder, such as ``{PatientID}_{SeriesNumber}``.
    jobs
        How many processes convert a folder; None for one a core.
    verify
        Read every result back and compare it with its source.
    dry_run
        Convert nothing, and return what would be converted.
    threads
        How many threads may be used; None for all processors.
    max_bytes
        The most that an image may need in memory when read whole; None for no limit.
    progress
        Called with the bytes of voxels that are done and the bytes of all, or with sources of a batch. True
        shows a bar on standard error.

    Returns
    -------
    Conversion or Batch
        What was done, and what the target couldn't hold; a `Batch` for several images, with their failures.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do; of several images only what concerns them all.
    """
    marked = labels if isinstance(labels, bool) else None
    flags = ConvertFlags(
        source_format=source_format,
        target_format=target_format,
        image=key_of(image),
        force=overwrite,
        strict=strict,
        coord_system=coord_system,
        orient=orient,
        raw=raw,
        labels=marked,
        label_pattern=() if labels is None or isinstance(labels, bool) else texts(labels),
        label_table=None if label_table is None else os.fspath(label_table),
        write_label_table=write_label_table,
        **privacy_flags(anonymize),
        options=options or {},
        patch_size=(patch_size,) if isinstance(patch_size, int) else patch_size,
        chunk_size=chunk_size,
        block_size=block_size,
        codec=codec,
        clevel=clevel,
        profile=profile,
        levels=levels,
        lossy=lossy,
        stats=stats or None,
        foreground=foreground,
        include=texts(include),
        exclude=texts(exclude),
        name=name,
        jobs=jobs,
        verify=verify,
        dry_run=dry_run,
        threads=threads,
        max_bytes=max_bytes,
    )
    request = parse(texts(source), os.fspath(target), flags)
    with bar(progress, request.source.name, images=request.kind is Kind.BATCH) as report:
        return _launched(request, report)


def _launched(request: Request, progress: Progress | None) -> Conversion | Batch:
    """Have done what is asked for."""
    image, settings = request.choice.image, request.settings
    if request.kind is Kind.ONE:
        return _convert(request.source, request.target, settings, image, progress)
    from mlarray_io.requests.launch import Batch, Collector, run_batch

    if request.kind is Kind.EACH:
        batch = Batch()
        for result in convert_all(request.source, request.target, settings, image, progress):
            if isinstance(result, Failure):
                batch.failed.append(result)
            else:
                batch.converted.append(result)
        return batch
    collector = Collector(progress)
    run_batch(request, collector)
    return collector.batch


def read(
    path: Path,
    *,
    format: str | None = None,
    image: str | int | None = None,
    coord_system: str | None = None,
    orient: str | None = None,
    raw: bool = False,
    labels: bool | None = None,
    anonymize: bool | Mapping[str, object] = False,
    options: Mapping[str, object] | None = None,
    threads: int | None = None,
    max_bytes: int | None = None,
) -> MLArray:
    """Read an image of any format into memory. The arguments are those of `convert`.

    Parameters
    ----------
    path
        The file or folder, or its URL.
    format
        Name of its format, to overrule its content.
    image
        Key of the image, for a source that holds several.
    coord_system, orient, raw, labels, anonymize, options, threads, max_bytes
        As for `convert`.

    Returns
    -------
    MLArray
        With voxels in memory, slowest axis first, and all metadata.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    from mlarray_core.array.image import MLArray

    settings = Settings(
        source_format=format,
        coord_system=coord_system,
        orient=orient,
        raw=raw,
        labels=labels,
        privacy=asked_privacy(**privacy_flags(anonymize)),
        options=options or {},
        threads=threads,
        max_bytes=max_bytes,
    )
    with open_one(place_of(path), settings, key_of(image)) as opened:
        shown = opened.reader
        if shown.shape == (0,) and not shown.meta._has_array.has_array:  # metadata only
            return MLArray(meta=shown.meta)
        check_size(opened.reader, opened.source, opened.format, opened.context)
        return MLArray(whole(shown, place_of(path), max_bytes), meta=shown.meta)


def write(
    image: MLArray | npt.ArrayLike,
    path: Path,
    *,
    format: str | None = None,
    overwrite: bool = False,
    strict: bool = False,
    coord_system: str | None = None,
    orient: str | None = None,
    labels: bool | None = None,
    anonymize: bool | Mapping[str, object] = False,
    options: Mapping[str, object] | None = None,
    patch_size: PatchSize = None,
    chunk_size: Sequence[int] | None = None,
    block_size: Sequence[int] | None = None,
    codec: str | None = None,
    clevel: int | None = None,
    profile: str | None = None,
    levels: str | int | None = None,
    lossy: str | None = None,
    stats: bool = False,
    foreground: float | None = None,
    threads: int | None = None,
) -> Conversion:
    """Write an image to any format that can be written. The arguments are those of `convert`.

    Parameters
    ----------
    image
        An `MLArray`, or anything that NumPy takes for an array.
    path
        Where to; the suffix says the format.
    format
        Name of the format, to overrule the suffix.
    overwrite, strict, coord_system, orient, labels, anonymize, options, threads
        As for `convert`.
    patch_size, chunk_size, block_size, codec, clevel, profile, levels, lossy, stats, foreground
        Of a `.mla` target, as for `convert`.

    Returns
    -------
    Conversion
        What was done, and what the target couldn't hold.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    flags = ConvertFlags(
        patch_size=patch_size,
        chunk_size=chunk_size,
        block_size=block_size,
        codec=codec,
        clevel=clevel,
        profile=profile,
        levels=levels,
        lossy=lossy,
        stats=stats or None,
        foreground=foreground,
    )
    settings = Settings(
        target_format=format,
        overwrite=overwrite,
        strict=strict,
        coord_system=coord_system,
        orient=orient,
        labels=labels,
        options=options or {},
        privacy=asked_privacy(**privacy_flags(anonymize)),
        layout=flags.settings().layout,
        threads=threads,
    )
    return write_to(ArrayReader(image), place_of(path), settings)


def info(path: Path, *, format: str | None = None, image: str | int | None = None) -> Meta:
    """Return the metadata of an image of any format without reading its voxels.

    Parameters
    ----------
    path
        The file or folder, or its URL.
    format
        Name of its format, to overrule its content.
    image
        Key of the image, for a source that holds several.

    Returns
    -------
    Meta
        Geometry, the header of the source and the rest; nothing of a layout unless the image is a `.mla`.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    with open_one(place_of(path), Settings(source_format=format), key_of(image)) as opened:
        return opened.reader.meta
