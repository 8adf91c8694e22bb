"""What the module uses of 3D Slicer, as its developers' guide describes it, over NumPy.

https://slicer.readthedocs.io/en/latest/developer_guide/slicer.html: arrays of volumes are k, j, i, and
columns of IJKToRAS are i, j, k. Importing a label map makes a segment of each value that it holds, with that
value as its label; exporting numbers the segments from 1 on.
"""

from __future__ import annotations

import sys
import types

import numpy as np

PARENTS = {
    "vtkMRMLLabelMapVolumeNode": "vtkMRMLScalarVolumeNode",
    "vtkMRMLVectorVolumeNode": "vtkMRMLScalarVolumeNode",
    "vtkMRMLScalarVolumeNode": "vtkMRMLVolumeNode",
}


class Node:
    """A node of the scene, or a segment."""

    def __init__(self, kind, name):
        self.kind, self.name, self.array, self.matrix = kind, name, None, np.eye(4)
        self.display, self.segments = False, []

    def GetID(self):
        return self.name

    def GetName(self):
        return self.name

    def IsA(self, kind):
        own = self.kind
        while own is not None and own != kind:
            own = PARENTS.get(own)
        return own == kind

    def SetIJKToRASMatrix(self, matrix):
        self.matrix = matrix.values.copy()

    def GetIJKToRASMatrix(self, matrix):
        matrix.values = self.matrix.copy()

    def CreateDefaultDisplayNodes(self):
        self.display = True

    def SetReferenceImageGeometryParameterFromVolumeNode(self, volume):
        self.matrix = volume.matrix

    def GetSegmentation(self):
        return self

    def GetNumberOfSegments(self):
        return len(self.segments)

    def GetNthSegment(self, index):
        return self.segments[index]


class Segment:
    """One structure."""

    def __init__(self, value, mask):
        self.value, self.mask, self.name, self.color = value, mask, f"Segment_{value}", (0.5, 0.5, 0.5)

    def GetLabelValue(self):
        return self.value

    def GetName(self):
        return self.name

    def SetName(self, name):
        self.name = name

    def GetColor(self):
        return self.color

    def SetColor(self, *color):
        self.color = color


class Matrix:
    """A 4 x 4 matrix."""

    def __init__(self, values=None):
        self.values = np.eye(4) if values is None else np.asarray(values, np.float64)


class Scene:
    """The scene."""

    def __init__(self):
        self.nodes = []

    def AddNewNodeByClass(self, kind, name):
        self.nodes.append(Node(kind, name))
        return self.nodes[-1]

    def RemoveNode(self, node):
        self.nodes.remove(node)

    def GetNodeByID(self, name):
        return next(node for node in self.nodes if node.name == name)


class Segmentations:
    """The logic of the module of that name."""

    def logic(self):
        return self

    def ImportLabelmapToSegmentationNode(self, labelmap, node):
        for value in np.unique(labelmap.array[labelmap.array != 0]):
            node.segments.append(Segment(int(value), labelmap.array == value))

    def ExportAllSegmentsToLabelmapNode(self, node, labelmap, extent):
        assert extent == "reference"
        labelmap.array = sum(
            (one.mask.astype(np.int16) * number for number, one in enumerate(node.segments, 1)), np.int16(0)
        )
        labelmap.matrix = node.matrix


class Parent:
    """The reader of Slicer's around the one of a module."""

    def __init__(self):
        self.loadedNodes, self.writtenNodes, self.messages = [], [], []

    def userMessages(self):
        return self

    def AddMessage(self, event, text):
        self.messages.append((event, text))


def install(monkeypatch):
    """Have `slicer` and `vtk` be these, and return `slicer`."""
    slicer = types.ModuleType("slicer")
    slicer.mrmlScene = Scene()
    slicer.modules = types.SimpleNamespace(segmentations=Segmentations())
    slicer.vtkSegmentation = types.SimpleNamespace(EXTENT_REFERENCE_GEOMETRY="reference")
    slicer.util = types.SimpleNamespace(
        updateVolumeFromArray=lambda node, array: setattr(node, "array", array.copy()),
        arrayFromVolume=lambda node: node.array,
        vtkMatrixFromArray=Matrix,
        arrayFromVTKMatrix=lambda matrix: matrix.values,
    )
    loadable = types.ModuleType("slicer.ScriptedLoadableModule")
    loadable.ScriptedLoadableModule = type(
        "ScriptedLoadableModule", (), {"__init__": lambda self, parent: setattr(self, "parent", parent)}
    )
    vtk = types.ModuleType("vtk")
    vtk.vtkCommand, vtk.vtkMatrix4x4 = types.SimpleNamespace(ErrorEvent=39), Matrix
    for module in (slicer, loadable, vtk):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return slicer
