"""Bytes of files: plain or compressed, in one file or several, as voxels, or read by another process."""
