"""Checks of files and of pairs of them."""
