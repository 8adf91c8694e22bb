"""Measures mlarray beside its reference and its peers: ``python -m benchmarks --reference PYTHON``."""
