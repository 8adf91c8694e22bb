"""Tables of datasets, what stands out in them, and the report."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mlarray_io.commands.main import main
from mlarray_io.scan import charts, outliers
from mlarray_io.scan.rows import Row
from mlarray_io.scan.thumbnails import SIDE, png

sys.path.insert(0, str(Path(__file__).parents[1]))
from batches import tree

nibabel = pytest.importorskip("nibabel")

HERE = pytest.mark.usefixtures("here")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Twelve images, one with another spacing, one of another type; and one that is cut short."""
    root = tmp_path_factory.mktemp("dataset")
    for i in range(12):
        voxels = np.arange(8 * 9 * 10, dtype="f4" if i == 5 else "i2").reshape(8, 9, 10)
        image = nibabel.Nifti1Image(voxels, np.diag([1, 1, 9 if i == 3 else 2 + i % 2 * 0.01, 1.0]))
        nibabel.save(image, root / f"case<{i:02}>.nii.gz")
    whole = (root / "case<00>.nii.gz").read_bytes()
    (root / "cut.nii.gz").write_bytes(whole[:150])
    return root


def scan(dataset, output, *more):
    assert main(["scan", str(dataset), "-o", str(output), "--jobs", "1", *more]) == 1


def test_csv(dataset, tmp_path):
    scan(dataset, tmp_path / "t.csv", "--stats")
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 13
    first = rows[0]
    assert (first["shape"], first["spacing"], first["orientation"]) == ("10x9x8", "2x1x1", "RAS")
    assert (float(first["max"]), float(first["mean"])) == (719, 359.5)
    assert [row["source"][-9:-7] for row in rows if row["outlier"]] == ["3>", "5>"]
    assert "spacing[0] 9" in rows[3]["outlier"]
    assert [bool(row["error"]) for row in rows] == [False] * 12 + [True]


@HERE
def test_json(dataset, tmp_path, capsys):
    scan(dataset, tmp_path / "t.json")
    rows = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert rows[0]["shape"] == [10, 9, 8]
    capsys.readouterr()
    assert main(["scan", str(dataset), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == rows


@HERE
def test_parquet(dataset, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra scan isn't installed")
    scan(dataset, tmp_path / "t.parquet", "--stats")
    rows = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert (rows[0]["spacing"], rows[0]["max"]) == ([2, 1, 1], 719)


@HERE
def test_the_terminal_gets_a_table(dataset, capsys):
    main(["scan", str(dataset)])
    out, err = capsys.readouterr()
    assert "10 x 9 x 8" in out
    assert "12 images, 2 stand out, 1 can't be read" in out
    assert err.count("failed: ") == 1


def test_errors(dataset, tmp_path, capsys):
    assert main(["scan", str(dataset), "-o", str(tmp_path / "t.xls")]) == 2
    (tmp_path / "t.csv").touch()
    assert main(["scan", str(dataset), "-o", str(tmp_path / "t.csv")]) == 1
    assert main(["scan", str(tmp_path)]) == 1
    assert "no image was found" in capsys.readouterr().err
    scan(dataset, tmp_path / "t.csv", "--force")


@HERE
def test_the_report_holds_all_and_loads_nothing(dataset, tmp_path):
    scan(dataset, tmp_path / "t.html")
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert text.count('class="image') == 12 + 1  # and their grid
    assert text.count('class="image marked"') == 2
    assert "case&lt;03&gt;" in text
    assert "case<03>" not in text
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,)', text)
    picture = base64.b64decode(re.findall(r"base64,([^\"]+)", text)[0])
    assert picture.startswith(b"\x89PNG")


@HERE
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed (Debian's package is called chromium)")
def test_the_report_opens_in_a_browser(dataset, tmp_path):
    scan(dataset, tmp_path / "t.html")
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile")
    page = (tmp_path / "t.html").as_uri()
    shot = tmp_path / "t.png"
    command = [CHROMIUM, *options, "--window-size=1360,1400", f"--screenshot={shot}", page]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert len(shot.read_bytes()) > 20_000
    command = [CHROMIUM, *options, "--dump-dom", page]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "12 shown" in found.stdout  # the script ran


def test_png_is_what_another_reader_sees(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")
    for channels in (1, 3):
        pixels = np.random.default_rng(0).integers(0, 256, (7, 5, channels), dtype="u1")
        (tmp_path / "p.png").write_bytes(png(pixels))
        with image.open(tmp_path / "p.png") as opened:
            np.testing.assert_array_equal(np.asarray(opened).reshape(7, 5, channels), pixels)


def test_thumbnails_have_true_proportions_and_stand_upright(tmp_path):
    from mlarray_io.scan.facts import Wish, look
    from mlarray_io.search.criteria import Found

    voxels = np.zeros((10, 20, 3), "f4")
    voxels[:, 10:] = 200  # the front half
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([4, 1, 1, 1.0])), tmp_path / "a.nii")
    (row,) = look(Found(str(tmp_path / "a.nii"), "a"), Wish(thumbnail=True)).rows
    picture = base64.b64decode(row.thumbnail)
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (SIDE, SIDE // 2)
    start = picture.index(b"IDAT") + 4
    lines = np.frombuffer(zlib.decompress(picture[start:]), "u1").reshape(height, width + 1)
    assert lines[0, 1:].min() == 255
    assert lines[-1, 1:].max() == 0


def test_outliers_need_company_and_distance():
    def marked(spacings):
        rows = [Row("a.nii", shape=[4, 4], spacing=[s, 1.0], dtype="i2") for s in spacings]
        outliers.mark(rows)
        return [i for i, row in enumerate(rows) if row.outlier]

    assert marked([1, 1, 1, 99]) == []
    assert marked([1.0] * 12 + [99.0]) == [12]
    assert marked([1 + i / 10 for i in range(20)]) == []
    assert marked([1 + i / 10 for i in range(20)] + [500]) == [20]


def test_charts_show_the_bulk():
    assert charts.histogram("x", []) == charts.bars("x", []) == ""
    text = charts.histogram("x<y", [float(i) for i in range(100)] + [1e9])
    assert "x&lt;y" in text
    assert "1e+09 \u2192" in text
    assert text.count("<rect") > 5
    assert "3 others" in charts.bars("x", [str(i) for i in range(11)])


@HERE
def test_sources_are_found_as_for_conversion(tmp_path, capsys):
    source = tree(tmp_path / "in", broken=0)
    assert main(["scan", str(source / "sub"), str(source / "*.npy"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def mixed_rows():
    """Twelve CT of int16, twelve label maps of them, and one MR: what nnU-Net's folders hold."""
    rows = []
    for number in range(12):
        rows.append(
            Row(
                f"/data/imagesTr/case_{number:03}_with_a_long_name_0000.nii.gz", shape=[120, 512, 512],
                spacing=[2.5, 0.810547, 0.810547], dtype="int16", modality="CT", orientation="RAS",
                coord_system="RAS", min=-1024, max=3071, mean=-500, std=400,
            )
        )  # fmt: skip
        rows.append(
            Row(
                f"/data/labelsTr/case_{number:03}_with_a_long_name.nii.gz", shape=[120, 512, 512],
                spacing=[2.5, 0.810547, 0.810547], dtype="uint8", labels=True, orientation="RAS",
                coord_system="RAS", min=0, max=2, mean=0.1, std=0.2,
                label_names={"0": "background", "1": "liver"},
            )
        )  # fmt: skip
    rows.append(
        Row("/data/mr.nii.gz", shape=[30, 256, 256], spacing=[1, 1, 1], dtype="uint16", modality="MR")
    )
    return rows


def test_images_are_judged_among_their_like():
    """Labels have other values than images, and an MR another spacing than CT: neither stands out by that."""
    rows = mixed_rows()
    outliers.mark(rows)
    assert [row.source for row in rows if row.outlier] == []
    rows[0].spacing = [9, 0.810547, 0.810547]
    rows[1].max = 255
    outliers.mark(rows)
    assert [row.outlier for row in rows if row.outlier] == ["spacing[0] 9", "max 255"]


@pytest.mark.parametrize("columns", [50, 80, 132])
def test_a_narrow_terminal_gets_whole_numbers(columns, capsys, monkeypatch):
    """Columns that don't fit are named instead; the column of names is folded."""
    from mlarray_io.commands import scan as command

    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    command._overview(mixed_rows(), None)
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)  # bold and the like take no columns
    table, _, hidden = out.partition("no room for: ")
    assert max(map(len, table.splitlines())) <= columns
    assert out.count("120 x 512 x 512") == 24
    spacing = "2.5 x 0.8105 x 0.8105"
    assert out.count(spacing) == (0 if columns == 50 else 24)
    assert ("spacing" in hidden) == (columns == 50)
    assert "12 images: CT, int16" in out
    assert "12 label maps: no modality, uint8" in out
    assert "1 image: MR, uint16" in out
    assert "25 images, 0 stand out, 0 can't be read" in out
