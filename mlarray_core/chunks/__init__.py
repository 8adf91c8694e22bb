"""Chunks: how an array is cut, and the bytes of a piece."""
