"""A folder for nnU-Net's variable ``nnUNet_extTrainer``: where it looks for trainers that aren't its own."""
