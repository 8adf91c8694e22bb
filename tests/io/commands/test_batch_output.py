"""What a batch prints at a terminal while it runs."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from mlarray_io.batch.jobs import Job, Report
from mlarray_io.commands.batch_output import Bar, batch_progress


@pytest.mark.parametrize(
    ("images", "seconds", "rate"),
    [(3, 4.0, "1.5 images/s"), (1, 40.0, "0.05 images/s"), (500, 0.5, "2,000 images/s")],
)
def test_a_bar_says_how_many_images_a_second(images, seconds, rate):
    """Two of five sources are done, which held so many images each; looking for them took an hour before."""
    clock = [1000.0]
    progress = batch_progress()
    progress.get_time = lambda: clock[0]
    bar = Bar(progress)
    clock[0] += 3600
    jobs = [Job(f"/in/{number}", f"{number}", "file", 1, 1) for number in range(5)]
    bar.planned(jobs)
    clock[0] += seconds
    done = SimpleNamespace(conversion=SimpleNamespace(warnings=(), losses=(), identifying=()))
    for job in jobs[:2]:
        bar.reported(job, Report(job.source, "done", images=(done,) * images))
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(progress.get_renderable())
    (line,) = console.export_text().strip().splitlines()
    assert rate in line
    assert "2/5" in line
    assert line.startswith("converting")
