"""Coarser versions of an image: which ones, their values, where they lie, and where a file keeps them."""
