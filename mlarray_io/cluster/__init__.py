"""Conversions on a Dask cluster."""
