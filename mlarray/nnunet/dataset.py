"""Preprocessed cases for nnU-Net's own data loader: opened once for each process, and kept open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_pickle, write_pickle
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset

from mlarray.kept import Kept
from mlarray.nnunet.preprocessed import save_array
from mlarray_core.array.image import MLArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]
    Properties = dict[str, Any]


class Case(NamedTuple):
    """What nnU-Net's loader takes apart; arrays are read where it slices them."""

    data: MLArray
    seg: MLArray
    seg_prev: MLArray | None
    properties: Properties


class MLArrayDataset(nnUNetBaseDataset):
    """A folder of preprocessed cases: ``case.mla``, ``case_seg.mla`` and nnU-Net's ``case.pkl``.

    Parameters
    ----------
    folder
        Of the cases, as `pack` or nnU-Net's preprocessing leaves it.
    identifiers
        Names of the cases to use; None for all.
    folder_with_segs_from_previous_stage
        Of a cascade, None without one.
    """

    def __init__(
        self,
        folder: str,
        identifiers: list[str] | None = None,
        folder_with_segs_from_previous_stage: str | None = None,
    ) -> None:
        super().__init__(folder, identifiers, folder_with_segs_from_previous_stage)
        self.kept = Kept(self._opened, self._files_of)

    def load_case(self, identifier: str) -> Case:
        """Return data, segmentation, that of the previous stage or None, and properties of a case."""
        return self.kept[identifier]

    def _files_of(self, _: str) -> int:
        return 2 if self.folder_with_segs_from_previous_stage is None else 3

    def _opened(self, identifier: str) -> Case:
        folder, before = Path(self.source_folder), self.folder_with_segs_from_previous_stage
        properties = load_pickle(str(folder / f"{identifier}.pkl"))
        if "class_locations" in properties:  # thousands of voxels a class, which stay in memory here
            properties["class_locations"] = {
                label: np.asarray(voxels, np.int32) for label, voxels in properties["class_locations"].items()
            }
        return Case(
            MLArray.open(folder / f"{identifier}.mla"),
            MLArray.open(folder / f"{identifier}_seg.mla"),
            None if before is None else MLArray.open(Path(before) / f"{identifier}.mla"),
            properties,
        )

    @staticmethod
    def save_case(
        data: Array,
        seg: Array,
        properties: Properties,
        output_filename_truncated: str,
        patch_size: Sequence[int] | None = None,
        **_: object,
    ) -> None:
        """Write a case.

        Parameters
        ----------
        data, seg
            Channels first.
        properties
            What nnU-Net knows of the case.
        output_filename_truncated
            Path without a suffix.
        patch_size
            Patch that training reads; None for the default layout. Blosc2's sizes, which nnU-Net's own class
            takes, are not used.
        """
        save_array(data, Path(f"{output_filename_truncated}.mla"), patch_size)
        save_array(seg, Path(f"{output_filename_truncated}_seg.mla"), patch_size, is_seg=True)
        write_pickle(properties, f"{output_filename_truncated}.pkl")

    @staticmethod
    def save_seg(seg: Array, output_filename_truncated: str, **_: object) -> None:
        """Write a segmentation for the next stage of a cascade.

        Parameters
        ----------
        seg
            Channels first, or without channels.
        output_filename_truncated
            Path without a suffix.
        """
        save_array(seg, Path(f"{output_filename_truncated}.mla"), None, is_seg=True)

    @staticmethod
    def get_identifiers(folder: str) -> list[str]:
        """Return the names of the cases in a folder."""
        names = [name.removesuffix(".mla") for name in os.listdir(folder) if name.endswith(".mla")]
        return sorted(name for name in names if not name.endswith("_seg"))

    @staticmethod
    def unpack_dataset(folder: str, *_: object, **__: object) -> None:
        """Do nothing: cases are read as they are stored."""
