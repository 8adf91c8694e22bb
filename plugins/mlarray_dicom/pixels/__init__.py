"""Stored bits as numbers: layouts, decoders, lookup tables and scales."""
