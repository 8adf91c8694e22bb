"""Patches for training: this package beside what nnU-Net, MONAI and TorchIO do."""
