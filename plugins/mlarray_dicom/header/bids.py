"""Fields of a BIDS sidecar, derived from the header (BIDS 1.9, MRI and PET metadata)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlarray_dicom.elements import loose_number, text_of
from mlarray_dicom.frames.enhanced import Groups, groups_of, is_enhanced
from mlarray_dicom.header.ge_protocol import group_delay
from mlarray_dicom.header.phase_encoding import is_positive
from mlarray_dicom.header.timing import slice_timing
from mlarray_dicom.sidecar import attributes, ge, protocol
from mlarray_dicom.sidecar.lookup import Lookup
from mlarray_dicom.sidecar.readout import encoding, readout
from mlarray_dicom.sidecar.table import table_position
from mlarray_dicom.volumes.stack import ABSENT

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.group import Group

_ENHANCED = {
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "InPlanePhaseEncodingDirection": ("MRFOVGeometrySequence", "InPlanePhaseEncodingDirection"),
}


def first_groups(group: Group, arrangement: Arrangement) -> Groups | None:
    """Return the functional groups of the first frame of an array, None of an object without them."""
    first = next((int(index) for index in arrangement.order.ravel() if index != ABSENT), 0)
    frame = group.frames[first]
    instance = group.instances[frame.file]
    if not is_enhanced(instance):
        return None
    return next(groups for number, groups in enumerate(groups_of(instance)) if number == frame.number)


def frame_number(dataset: Dataset, keyword: str, group: Group, arrangement: Arrangement) -> float | None:
    """Return a number of the header, of enhanced objects that of the first frame; None when it isn't said.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    keyword
        Of the attribute.
    group, arrangement
        The image.
    """
    return _number(dataset, keyword, first_groups(group, arrangement))


def _number(dataset: Dataset, keyword: str, groups: Groups | None) -> float | None:
    found = loose_number(dataset, keyword)
    if found is None and groups is not None and keyword in _ENHANCED:
        return groups.number(*_ENHANCED[keyword])
    return found


class Sidecar:
    """What a header answers of a BIDS sidecar.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    group, arrangement
        The image.

    Attributes
    ----------
    fields
        By name; times in s.
    notes
        What the user should know.
    """

    def __init__(self, dataset: Dataset, group: Group, arrangement: Arrangement) -> None:
        self._dataset, self._group, self._arrangement = dataset, group, arrangement
        self._groups = first_groups(group, arrangement)
        self._header = Lookup(dataset, self._groups)
        self.notes: list[str] = []
        self.fields: dict[str, object] = dict(attributes.described(self._header))
        self._of_resonance()
        self._phase_encoding()
        self._timing()
        self._gradients()
        if "bval" not in self.fields:  # protocols say a scheme of every sequence
            self.fields.pop("DiffusionScheme", None)
        self.fields = {
            name: value
            for name, value in self.fields.items()
            if not isinstance(value, float) or math.isfinite(value)
        }

    def _of_resonance(self) -> None:
        """Add what Siemens' protocol and the readout say of an MR image, and how its planes lie."""
        dataset, header, fields = self._dataset, self._header, self.fields
        if text_of(dataset, "Modality") == "MR":
            if header.maker == "Siemens":
                fields.update(protocol.described(header))
            if header.maker == "GE":
                fields.update(ge.described(header))
            fields.update(readout(header, self._arrangement.plane, fields))
            table = table_position(header)
            if table is not None:
                fields["TablePosition"] = table
            delay = group_delay(dataset)
            repetition = fields.get("RepetitionTime")
            if delay and isinstance(repetition, int | float):
                fields["RepetitionTime"] = round(repetition + delay, 9)
        first = self._group.frames[
            next((int(index) for index in self._arrangement.order.ravel() if index != ABSENT), 0)
        ]
        if first.orientation is not None:
            fields["ImageOrientationPatientDICOM"] = [float(one) for one in first.orientation]

    def _phase_encoding(self) -> None:
        """Add the axis of phase encoding: i along a row, j along a column, of the image as it is stored here.

        With its sign it is ``PhaseEncodingDirection``, without ``PhaseEncodingAxis`` (as dcm2niix has them).
        """
        axis = {"ROW": "i", "COL": "j"}.get(encoding(self._header))
        positive = is_positive(self._dataset, self._groups)
        if axis is None or (positive is not None and self.fields.get("MRAcquisitionType") == "3D"):
            return
        if positive is None:
            self.fields["PhaseEncodingAxis"] = axis
        else:
            self.fields["PhaseEncodingDirection"] = axis if positive else f"{axis}-"

    def _timing(self) -> None:
        times, computed = slice_timing(self._dataset, self._group, self._arrangement)
        if times is not None:
            self.fields["SliceTiming"] = [round(time, 6) for time in times]
            at_once = times.count(min(times))
            if at_once > 1 and self._header.maker == "Siemens":
                self.fields.setdefault("MultibandAccelerationFactor", at_once)
        if computed:
            self.notes.append(
                "times of slices are computed from the order in GE's protocol, none are recorded"
            )

    def _gradients(self) -> None:
        """Add b-values, and gradient directions as BIDS and FSL have them, fastest axis first.

        They are along the axes of the image, and where these are right-handed (positive determinant) the
        first element is inverted (BIDS, "Gradient orientation file formats"). A volume without weighting has
        0 0 0. If a weighted one says no direction (a trace, a lost one), none are written.
        """
        arrangement = self._arrangement
        axis = arrangement.axes.get(0)
        if (
            axis is None
            or axis.name != "b-value"
            or arrangement.affine is None
            or arrangement.order.ndim != 2
        ):
            return
        self.fields["bval"] = list(axis.values)
        columns = arrangement.affine[:3, :3] / np.linalg.norm(arrangement.affine[:3, :3], axis=0)
        handed = np.linalg.det(columns[:, ::-1])
        directions, lost = [], 0
        for row in arrangement.order:
            frame = self._group.frames[next(int(index) for index in row if index != ABSENT)]
            weighting = frame.keys.diffusion
            if weighting is None or weighting.b == 0 or weighting.direction is None:
                lost += weighting is not None and weighting.b > 0
                directions.append([0.0, 0.0, 0.0])
                continue
            inside = np.linalg.solve(columns, weighting.direction)[::-1]
            signs = np.array([-1.0 if handed > 0 else 1.0, 1.0, 1.0])
            directions.append([round(float(part), 8) + 0.0 for part in inside * signs])
        if lost:
            self.notes.append(
                f"{lost} of {len(directions)} diffusion volumes say no direction: bvec is left out"
            )
            return
        self.fields["bvec"] = [list(row) for row in zip(*directions, strict=True)]
