"""Contours of structure sets: drawn into a grid, and traced around labels."""
