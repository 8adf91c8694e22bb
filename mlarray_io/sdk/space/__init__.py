"""Where images lie, and the voxels that turn with their world."""
