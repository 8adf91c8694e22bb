"""Runs in the other process: what nibabel says of a file, and its voxels, slowest axis first.

Each format has two functions: one yields what its header says, as JSON can hold it, the other an empty dict
and then the voxels, a plane or volume at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from mlarray_core.headers import plain
from mlarray_core.rescale import is_scaled, rescaled_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    from nibabel.brikhead import AFNIImage
    from nibabel.ecat import EcatImage
    from nibabel.minc1 import Minc1File, Minc1Image
    from nibabel.parrec import PARRECImage
    from nibabel.spatialimages import SpatialImage

    Answer = dict[str, object] | memoryview
    Steps = dict[int, tuple[float, float]]

_LONGEST = 1 << 16
_UNITS = {77001: "ms", 77002: "s"}
"""AFNI's README.attributes, TAXIS_NUMS."""


class Described(TypedDict):
    """What a header says: the array slowest axis first, the affine from its indices to RAS in mm.

    ``steps`` holds start and step of the temporal axes, ``bytes`` the size of all files of the image.
    """

    shape: list[int]
    dtype: str
    affine: list[list[float]]
    axes: list[str]
    units: list[str]
    steps: dict[str, tuple[float, float]]
    bytes: int
    source: dict[str, object]


def minc(path: str) -> Iterator[Described]:
    """Yield the header of a MINC file. Its axes are slowest first already."""
    image = _minc(path)
    file = image.dataobj.minc_file
    names = list(file._dim_names)
    axes = ["space" if name in file._spatial_dims else _kind(name) for name in names]
    steps = {
        axis: (float(getattr(dim, "start", 0.0)), float(getattr(dim, "step", 0.0)))
        for axis, (name, dim) in enumerate(zip(names, file._dims, strict=True))
        if name == "time"
    }
    source = _minc_source(file, names)
    yield _described(image.shape, _minc_dtype(file), file.get_affine(), axes, source, path, steps=steps)


def minc_voxels(path: str) -> Iterator[Answer]:
    """Yield the voxels of a MINC file, with the range of each slice applied."""
    image = _minc(path)
    dtype = next(minc(path))["dtype"]
    yield {}
    for index in range(image.shape[0]):
        yield _bytes(image.dataobj[index], dtype)


def _minc(path: str) -> Minc1Image:
    from nibabel.minc1 import Minc1Image
    from nibabel.minc2 import Minc2Image

    with Path(path).open("rb") as file:
        hdf5 = file.read(4) == b"\x89HDF"
    return (Minc2Image if hdf5 else Minc1Image).from_filename(path)


def _minc_dtype(file: Minc1File) -> np.dtype[Any]:
    """Return the type that holds the values of all slices; integers always have a range to be scaled to."""
    stored: np.dtype[Any] = np.dtype(file.get_data_dtype())
    if stored.kind == "f":
        return stored.newbyteorder("=")
    low, high = file._get_valid_range()
    least, most = _minc_range(file, file._image_min), _minc_range(file, file._image_max)
    slopes = (most - least) / (high - low)
    scaled: np.dtype[Any] = np.result_type(np.float32, _scaled(stored, slopes, least - low * slopes))
    return scaled


def _minc_range(file: Minc1File, variable: object) -> np.ndarray[Any, np.dtype[np.float64]]:
    get = file._get_array if file._get_dimensions(variable) else file._get_scalar
    return np.asarray(get(variable), dtype=np.float64)


def _kind(name: str) -> str:
    return {"time": "temporal", "vector_dimension": "components"}.get(name, "non_spatial")


def _minc_source(file: Minc1File, names: list[str]) -> dict[str, object]:
    """Return the attributes of dimensions, image and whole file."""
    whole = file._mincfile
    if hasattr(whole, "variables"):
        variables = {name: _attributes(variable._attributes) for name, variable in whole.variables.items()}
        return {"dimensions": names, "attributes": _attributes(whole._attributes), "variables": variables}
    found: dict[str, object] = {}
    whole["minc-2.0"].visititems(lambda name, item: found.__setitem__(name, _attributes(item.attrs)))
    return {"dimensions": names, "attributes": _attributes(whole["minc-2.0"].attrs), "variables": found}


def _attributes(attributes: Mapping[str, object]) -> dict[str, object]:
    return {str(name): _plain(value) for name, value in attributes.items()}


def _plain(value: object) -> Any:
    """Return a header's value as JSON can hold it; text as text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bytes):
        value = _text(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if not isinstance(value, str | int | float | bool | None):
        value = str(value)
    return plain(value)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def afni(path: str) -> Iterator[Described]:
    """Yield the header of an AFNI dataset."""
    image = _afni(path)
    info, scaling = image.header.info, image.header.get_data_scaling()
    times = info.get("TAXIS_NUMS")
    fourth = "temporal" if times is not None else "non_spatial"
    steps, unit = {}, ""
    if times is not None and len(image.shape) > 3:
        floats = list(info.get("TAXIS_FLOATS", [0, 0]))
        steps, unit = {0: (float(floats[0]), float(floats[1]))}, _UNITS.get(list(times)[2], "")
    dtype = _scaled(image.get_data_dtype(), scaling, 0.0)
    yield _fortran(image, dtype, {"attributes": _plain(dict(info))}, fourth, steps, unit)


def afni_voxels(path: str) -> Iterator[Answer]:
    """Yield the voxels of an AFNI dataset, with each sub-brick's factor applied."""
    yield from _planes(_afni(path), next(afni(path))["dtype"])


def _afni(path: str) -> AFNIImage:
    from nibabel.brikhead import AFNIImage

    return AFNIImage.from_filename(path)


def parrec(path: str) -> Iterator[Described]:
    """Yield the header of a PAR file."""
    image = _parrec(path)
    header = image.header
    slopes, intercepts = header.get_data_scaling("dv")
    dtype = _scaled(image.get_data_dtype(), slopes, intercepts)
    definitions = {name: _plain(header.image_defs[name]) for name in header.image_defs.dtype.names}
    source = {"general": _plain(dict(header.general_info)), "images": definitions}
    dynamic = len(image.shape) > 3 and len(set(definitions["dynamic scan number"])) == image.shape[3]
    zooms = header.get_zooms()
    steps = {0: (0.0, float(zooms[3]))} if dynamic and len(zooms) > 3 else {}
    yield _fortran(
        image, dtype, source, "temporal" if dynamic else "non_spatial", steps, "s" if dynamic else ""
    )


def parrec_voxels(path: str) -> Iterator[Answer]:
    """Yield the voxels of a REC file, in the display's scaling."""
    yield from _planes(_parrec(path), next(parrec(path))["dtype"])


def _parrec(path: str) -> PARRECImage:
    from nibabel.parrec import PARRECImage

    return PARRECImage.from_filename(path, permit_truncated=False, scaling="dv", strict_sort=False)


def ecat(path: str) -> Iterator[Described]:
    """Yield the header of an ECAT file."""
    image = _ecat(path)
    frames = [
        _plain({name: block[name] for name in block.dtype.names})
        for block in image.get_subheaders().subheaders
    ]
    header = {name: _plain(image.header[name]) for name in image.header.keys()}  # noqa: SIM118  no dict
    yield _fortran(image, np.dtype("f4"), {"header": header, "frames": frames}, "temporal", {}, "")


def ecat_voxels(path: str) -> Iterator[Answer]:
    """Yield the voxels of an ECAT file, with each frame's factor applied."""
    yield from _planes(_ecat(path), "<f4")


def _ecat(path: str) -> EcatImage:
    from nibabel.ecat import EcatImage

    return EcatImage.from_filename(path)


def _scaled(stored: npt.DTypeLike, slopes: npt.ArrayLike | None, intercepts: npt.ArrayLike) -> np.dtype[Any]:
    """Return the type that holds values of all slopes and intercepts."""
    native: np.dtype[Any] = np.dtype(stored).newbyteorder("=")
    if slopes is None:
        return native
    pairs = np.broadcast_arrays(np.asarray(slopes, dtype=np.float64), intercepts)
    kinds = {
        rescaled_dtype(stored, slope, intercept)
        for slope, intercept in zip(pairs[0].ravel().tolist(), pairs[1].ravel().tolist(), strict=True)
        if is_scaled(slope, intercept)
    }
    return np.result_type(*kinds) if kinds else native


def _fortran(
    image: SpatialImage,
    dtype: np.dtype[Any],
    source: dict[str, object],
    fourth: str,
    steps: Steps,
    unit: str,
) -> Described:
    """Describe an image whose axes nibabel counts x first."""
    shape = tuple(image.shape)[::-1]
    affine = np.asarray(image.affine, dtype=np.float64)[:, [2, 1, 0, 3]]
    axes = [*[fourth] * (len(shape) - 3), *["space"] * 3]
    files = [holder.filename for holder in image.file_map.values() if holder.filename]
    return _described(shape, dtype, affine, axes, source, *files, steps=steps, unit=unit)


def _described(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: npt.ArrayLike,
    axes: list[str],
    source: dict[str, object],
    *files: str,
    steps: Steps,
    unit: str = "s",
) -> Described:
    return {
        "shape": [int(size) for size in shape],
        "dtype": dtype.newbyteorder("<").str,
        "affine": plain(np.asarray(affine, dtype=np.float64).tolist()),
        "axes": axes,
        "units": [unit if axis == "temporal" else "" for axis in axes],
        "steps": {str(axis): line for axis, line in steps.items()},
        "bytes": sum(Path(file).stat().st_size for file in files if Path(file).exists()),
        "source": source,
    }


def _planes(image: SpatialImage, dtype: str) -> Iterator[Answer]:
    """Yield an empty dict and an image's volumes or planes, along its last axis in nibabel's order."""
    yield {}
    for index in range(image.shape[-1]):
        yield _bytes(image.dataobj[..., index].T, dtype)


def _bytes(voxels: npt.ArrayLike, dtype: str) -> memoryview:
    return memoryview(np.ascontiguousarray(voxels, dtype=dtype).reshape(-1).view("u1"))  # type: ignore[arg-type]
