"""Frames as arrays: which make one image, and where each goes."""
