"""From a file to voxels and metadata."""
