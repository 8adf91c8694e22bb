"""What other libraries read of our package's metadata, whether they are installed or not."""

from importlib.metadata import distribution

import pytest


def test_bioio_finds_the_one_requirement_it_looks_for():
    """BioIO fails for every file when a package with a reader has none of these, or two (`bioio.plugins`)."""
    requirements = distribution("mlarray").requires or []
    assert len([one for one in requirements if one.startswith("bioio-base")]) == 1


@pytest.mark.parametrize(
    ("group", "value"),
    [
        ("bioio.readers", "mlarray.bioio"),
        ("xarray.backends", "mlarray.xarray:MLArrayBackendEntrypoint"),
    ],
)
def test_entry_points(group, value):
    """BioIO takes the name for that of the distribution, xarray for that of the engine."""
    points = [one for one in distribution("mlarray").entry_points if one.group == group]
    assert [(one.name, one.value) for one in points] == [("mlarray", value)]
