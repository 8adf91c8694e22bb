"""nnU-Net's trainer for preprocessed folders of `.mla` files."""

from __future__ import annotations

from nnunetv2.training.dataloading.nnunet_dataset import file_ending_dataset_mapping
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from mlarray.nnunet.dataset import MLArrayDataset

# nnU-Net chooses the dataset by the suffix of the files, in every process that has found the trainer
file_ending_dataset_mapping["mla"] = MLArrayDataset


class nnUNetTrainerMLArray(nnUNetTrainer):  # noqa: N801 - nnU-Net's trainers are named so
    """`nnUNetTrainer` as it is: finding it by name makes nnU-Net know the suffix."""
