"""3D Slicer opens and saves `.mla` files: images as volumes, label maps as segmentations.

A scripted module: Slicer registers the classes `MLArrayIOFileReader` and `MLArrayIOFileWriter` by name.
It uses the package `mlarray`, which is installed into Slicer's Python: see docs/slicer.md.
"""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray import Meta, MLArray

    Array = np.ndarray[Any, Any]

SUFFIX = ".mla"
FILTER = "MLArray (*.mla)"
INSTALL = "slicer.util.pip_install('/path/to/the/clone/of/mlarray')"
MOST = 64
"""Volumes that one file may become: entries along time, channels and the like."""


class MLArrayIO(ScriptedLoadableModule):
    """The module: it is not shown, it only registers a reader and a writer."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "MLArray files"
        parent.categories = ["Informatics"]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["the developers of mlarray"]
        parent.helpText = "Opens and saves .mla files. It needs mlarray: in the Python console, " + INSTALL
        parent.acknowledgementText = ""
        parent.hidden = True


class MLArrayIOFileReader:
    """What Slicer asks to open files; `parent` is its own reader, which gets messages and nodes."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        """Return what files are called."""
        return "MLArray"

    def fileType(self) -> str:  # noqa: N802 - Slicer's names
        """Return the name that `slicer.util.loadNodeFromFile` takes."""
        return "MLArrayFile"

    def extensions(self) -> list[str]:
        """Return the filter of the file dialogue."""
        return [FILTER]

    def canLoadFileConfidence(self, filePath: str) -> float:  # noqa: N802, N803
        """Return how sure it is that it can: nothing else has this suffix."""
        return 0.9 if filePath.lower().endswith(SUFFIX) else 0.0

    def load(self, properties: dict[str, Any]) -> bool:
        """Open a file; what is wrong with it becomes a message of Slicer's."""
        path = properties["fileName"]
        try:
            nodes = load(path, properties.get("name") or Path(path).stem)
        except Exception as error:
            _complain(self.parent, error)
            return False
        self.parent.loadedNodes = [node.GetID() for node in nodes]
        return True


class MLArrayIOFileWriter:
    """What Slicer asks to save nodes."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        """Return what files are called."""
        return "MLArray"

    def fileType(self) -> str:  # noqa: N802
        """Return the name that `slicer.util.saveNode` takes."""
        return "MLArrayFile"

    def extensions(self, obj: Any) -> list[str]:
        """Return the filter of the file dialogue."""
        return [FILTER]

    def canWriteObject(self, obj: Any) -> bool:  # noqa: N802
        """Return whether a node is a volume or a segmentation."""
        return bool(obj.IsA("vtkMRMLVolumeNode") or obj.IsA("vtkMRMLSegmentationNode"))

    def write(self, properties: dict[str, Any]) -> bool:
        """Save a node; what is wrong becomes a message of Slicer's."""
        try:
            save(slicer.mrmlScene.GetNodeByID(properties["nodeID"]), properties["fileName"])
        except Exception as error:
            _complain(self.parent, error)
            return False
        self.parent.writtenNodes = [properties["nodeID"]]
        return True


def _complain(parent: Any, error: Exception) -> None:
    import vtk

    missing = isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("mlarray")
    text = f"mlarray isn't installed in Slicer. In the Python console: {INSTALL}" if missing else str(error)
    parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, text)


class Volume(NamedTuple):
    """One volume as Slicer has it."""

    name: str
    voxels: Array
    """Axes k, j, i, and the parts of one value."""
    ijk_to_ras: Array
    """4 x 4, in millimetres."""


def volumes_of(image: MLArray, name: str) -> Iterator[Volume]:
    """Yield the volumes of an image: one for each entry of the axes that aren't spatial.

    Parameters
    ----------
    image
        The image.
    name
        Of the volumes; entries are numbered.

    Raises
    ------
    ArgumentError
        The image names no world.
    UnsupportedError
        It has no or too many spatial axes, too many entries, or voxels that Slicer can't hold.
    """
    from mlarray.errors import UnsupportedError
    from mlarray_core.exchange.arranged import arrangement, storable

    shape = image.shape or ()
    if not math.prod(shape) or image.dtype.kind not in "biuf":
        raise UnsupportedError(f"Slicer holds no volume of {image.dtype} {shape}", path=image.filepath)
    order, affine = arrangement(image.meta, len(shape), "RAS", None)
    entries = [range(shape[axis]) for axis in order.others]
    if math.prod(map(len, entries)) > MOST:
        raise UnsupportedError(
            f"it has {math.prod(map(len, entries))} volumes, at most {MOST} are opened",
            path=image.filepath,
            hint="Save a part of it as a file of its own",
        )
    parts = [len(shape) - 1] if order.components else []
    stored = range(len(shape))
    for entry in product(*entries):
        key = dict(zip(order.others, entry, strict=True))
        voxels = image.read(tuple(key.get(axis, slice(None)) for axis in stored))
        left = [axis for axis in stored if axis not in key]
        wanted = [*reversed(order.x_first), *parts]
        kji = storable(np.transpose(voxels, [left.index(axis) for axis in wanted]))
        kji = kji.reshape((1,) * (3 - order.spatial) + kji.shape)
        yield Volume(" ".join([name, *map(str, entry)]), np.ascontiguousarray(kji), affine)


def load(path: str, name: str) -> list[Any]:
    """Open a file and return the nodes that were made of it.

    Parameters
    ----------
    path
        Of the file.
    name
        Of the nodes.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file.
    """
    from mlarray import MLArray
    from mlarray_core.errors import about

    with MLArray.open(path) as image, about(path):
        made: list[Any] = []
        try:
            for volume in volumes_of(image, name):
                kind = _kind(image, volume.voxels)
                node = slicer.mrmlScene.AddNewNodeByClass(kind, volume.name)
                made.append(node)
                node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
                slicer.util.updateVolumeFromArray(node, volume.voxels)
                if kind == "vtkMRMLLabelMapVolumeNode":
                    made[-1] = _segmentation(node, image.meta)
                else:
                    node.CreateDefaultDisplayNodes()
        except BaseException:  # a file is opened whole or not at all
            for node in made:
                slicer.mrmlScene.RemoveNode(node)
            raise
    return made


def _kind(image: MLArray, voxels: Array) -> str:
    if voxels.ndim > 3:
        return "vtkMRMLVectorVolumeNode"
    labels = bool(image.meta.is_seg.value) and voxels.dtype.kind in "iu"
    return "vtkMRMLLabelMapVolumeNode" if labels else "vtkMRMLScalarVolumeNode"


def _segmentation(labelmap: Any, meta: Meta) -> Any:
    """Return a segmentation in the place of a label map, with the names and colours of the label table."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", labelmap.GetName())
    node.SetReferenceImageGeometryParameterFromVolumeNode(labelmap)
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labelmap, node)
    slicer.mrmlScene.RemoveNode(labelmap)
    node.CreateDefaultDisplayNodes()
    table = {one.value: one for one in meta.labels}
    for segment in _segments(node):
        known = table.get(segment.GetLabelValue())
        if known is not None and known.name:
            segment.SetName(known.name)
        if known is not None and known.rgba is not None:
            segment.SetColor(*(part / 255 for part in known.rgba[:3]))
    return node


def _segments(node: Any) -> list[Any]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]


def save(node: Any, path: str) -> None:
    """Save a volume or a segmentation: in LPS, as it lies.

    Parameters
    ----------
    node
        A node of the scene.
    path
        Ends in ``.mla``.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        _image(node, labels=bool(node.IsA("vtkMRMLLabelMapVolumeNode"))).save(path)
        return
    from mlarray_core import Label

    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", node.GetName())
    try:
        extent = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
        logic = slicer.modules.segmentations.logic()
        logic.ExportAllSegmentsToLabelmapNode(node, labelmap, extent)
        image = _image(labelmap, labels=True)
        # the exported values count the segments
        image.meta.labels = [
            Label(
                value, segment.GetName(), "#" + bytes(round(255 * part) for part in segment.GetColor()).hex()
            )
            for value, segment in enumerate(_segments(node), 1)
        ]
        image.save(path)
    finally:
        slicer.mrmlScene.RemoveNode(labelmap)


def _image(node: Any, *, labels: bool) -> MLArray:
    from mlarray import Meta, MLArray
    from mlarray_core import geometry

    voxels = slicer.util.arrayFromVolume(node)
    ijk = np.array(slicer.util.arrayFromVTKMatrix(_matrix(node)), np.float64)
    kji = geometry.to_world(ijk, "RAS", "LPS")[:, [2, 1, 0, 3]]
    names = ["spatial_z", "spatial_y", "spatial_x", *["components"][: voxels.ndim - 3]]
    units = ["mm", "mm", "mm", *[""][: voxels.ndim - 3]]
    spatial = geometry.spatial_meta(kji, axis_labels=names, axis_units=units, coord_system="LPS")
    return MLArray(np.ascontiguousarray(voxels), meta=Meta(spatial=spatial, is_seg=labels or None))


def _matrix(node: Any) -> Any:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix
