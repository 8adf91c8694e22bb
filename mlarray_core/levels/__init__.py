"""Coarser versions of an image."""
