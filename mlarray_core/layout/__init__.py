"""Chunk and block shapes, codec and filters."""
