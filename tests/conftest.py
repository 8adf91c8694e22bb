"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_make_parametrize_id(val):
    """Name bytes by their number: compressed ones hold the time, and workers must agree on names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None
