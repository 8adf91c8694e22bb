"""The page in a browser: what people do with it, and what they get to see."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest

from mlarray import MLArray, convert
from mlarray_core.meta import Label, Meta, MetaSpatial
from tests.viewer import chromium
from tests.viewer.served import served

nibabel = pytest.importorskip("nibabel")
if chromium.executable() is None:
    pytest.skip("needs Chromium: apt install chromium", allow_module_level=True)

SHAPE = (40, 48, 56)
AFFINE = np.array([[-1.4, 0.3, 0.2, 30], [0.25, 1.5, -0.4, -35], [0.1, 0.5, 1.9, -50], [0, 0, 0, 1]])
LOADED = "Number(document.documentElement.dataset.loads || 0)"


def text(page, name):
    return page.run(f"document.getElementById({name!r}).textContent")


def choose(page, name, value):
    """Set a control as a person does, with its events."""
    page.run(
        f"(() => {{ const c = document.getElementById({name!r}); c.value = {value!r};"
        " c.dispatchEvent(new Event('input', {bubbles: true})); c.dispatchEvent(new Event('change')) })()"
    )


def rests(page):
    """Wait until nothing more is loaded."""
    page.wait(f"{LOADED} > 0")
    before, quiet = -1, 0
    page.wait("Boolean(window.page.volumes || window.page.slides.base())")
    while quiet < 4:
        page.wait("document.getElementById('slide').hidden || window.page.slides.base().getFullyLoaded()")
        now = page.run(f"{LOADED} + performance.getEntriesByType('resource').length")
        quiet, before = (quiet + 1 if now == before else 0), now
        time.sleep(0.1)


@pytest.fixture(scope="module")
def page():
    with chromium.browser() as running:
        running.size(1000, 600)
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with an oblique image of two resolutions and its labels."""
    folder = tmp_path_factory.mktemp("seen")
    x, y, z = np.indices(SHAPE)
    voxels = (x * 1000 + y * 20 + z * 3 - 700).astype(np.int32)
    labels = (((x - 20) ** 2 + (y - 24) ** 2 + (z - 28) ** 2) < 150).astype(np.uint8) * 5
    for name, values in (("ct", voxels), ("seg", labels)):
        image = nibabel.Nifti1Image(values, AFFINE)
        image.header.set_xyzt_units("mm")
        nibabel.save(image, folder / f"{name}.nii.gz")
    convert(folder / "ct.nii.gz", folder / "ct.mla", levels=1)
    convert(folder / "seg.nii.gz", folder / "seg.mla", labels=True)
    labelled = MLArray(folder / "seg.mla")
    labelled.meta.labels = [Label(5, "ball", "#ff0000")]
    labelled.save(folder / "ball.mla")
    return folder


@pytest.fixture(scope="module")
def volumes(page, folder):
    with served(folder / "ct.mla", folder / "ball.mla") as server:
        page.open(server.url)
        rests(page)
        yield page, np.asarray(nibabel.load(folder / "ct.nii.gz").dataobj)


@pytest.mark.parametrize("index", [(20, 24, 28), (5, 40, 11), (33, 9, 50)])
def test_value_and_position_under_the_pointer_are_those_of_the_voxel(volumes, index):
    page, voxels = volumes
    position = nibabel.affines.apply_affine(AFFINE, index).tolist()
    page.run(f"window.page.volumes.moveTo({json.dumps(position)})")
    place = page.wait(f"window.page.volumes.pixelOf({json.dumps(position)})")
    page.move(place[0] + 30, place[1])
    page.move(*place)
    page.wait(f"document.getElementById('value').textContent === '{voxels[index]}'")
    assert text(page, "voxel") == ", ".join(map(str, index))
    shown = [float(part) for part in text(page, "position").removesuffix(" mm").split(", ")]
    assert np.allclose(shown, position, atol=0.75)  # half a pixel of the screen
    label = text(page, "label")
    assert label == ("5 ball" if index == (20, 24, 28) else "0")


def test_the_wheel_goes_through_the_planes(volumes):
    page, _ = volumes
    position = json.dumps(nibabel.affines.apply_affine(AFFINE, (20, 24, 28)).tolist())
    page.run(f"window.page.volumes.moveTo({position})")
    before = np.array(page.run("window.page.volumes.crosshair()"))
    place = page.run(f"window.page.volumes.pixelOf({position})")
    page.mouse("mouseWheel", *place, deltaX=0, deltaY=100)
    after = page.wait(
        "(() => { const now = window.page.volumes.crosshair();"
        f" return now.some((part, axis) => Math.abs(part - {before.tolist()}[axis]) > 0.5) && now }})()"
    )
    moved = np.linalg.inv(AFFINE[:3, :3]) @ (np.array(after) - before)
    assert np.sort(np.abs(moved)) == pytest.approx([0, 0, 1], abs=0.01)


def test_a_window_is_set_and_what_is_drawn_follows(volumes):
    page, _ = volumes
    choose(page, "centre", "10000")
    choose(page, "width", "4000")
    assert page.run(
        "[window.page.volumes.nv.volumes[0].cal_min, window.page.volumes.nv.volumes[0].cal_max]"
    ) == [
        8000,
        12000,
    ]
    dark = page.picture()
    choose(page, "preset", "")
    assert page.picture() != dark
    low, high = page.run("window.page.defaults[0]")
    assert float(page.run("document.getElementById('width').value")) == pytest.approx(high - low, rel=1e-6)


def test_labels_lie_over_the_image_with_their_legend(volumes):
    page, _ = volumes
    legend = page.run("[...document.querySelectorAll('#legend tbody tr')].map((row) => row.textContent)")
    assert legend == ["5ball"]
    assert page.run("window.page.volumes.nv.volumes.length") == 2
    position = json.dumps(nibabel.affines.apply_affine(AFFINE, (20, 24, 28)).tolist())
    page.run(f"window.page.volumes.moveTo({position})")
    choose(page, "opacity", "1")
    red = _colour_beside(page, position)
    assert red[0] > 200
    assert max(red[1:]) < 60
    choose(page, "opacity", "0")
    grey = _colour_beside(page, position)
    assert max(grey) - min(grey) < 8
    choose(page, "opacity", "0.5")


def _colour_beside(page, position):
    """Return the colour that is drawn close to a point, beside the lines of the cross-hair."""
    pil = pytest.importorskip("PIL.Image")
    import io

    time.sleep(0.2)
    x, y = page.run(f"window.page.volumes.pixelOf({position})")
    return pil.open(io.BytesIO(page.picture())).convert("RGB").getpixel((round(x) + 9, round(y) + 9))


def test_a_resolution_is_chosen(volumes):
    page, _ = volumes
    names = page.run("[...document.getElementById('level').options].map((one) => one.textContent)")
    assert names[0] == "automatic"
    assert names[2].startswith("20 x 24 x 28")
    for level, dims in ((1, [20, 24, 28]), (0, list(SHAPE))):
        choose(page, "level", str(level))
        page.wait(f"document.documentElement.dataset.level === '{level}'")
        page.wait(
            f"String(window.page.volumes.nv.volumes[0].dims.slice(1, 4)) === '{','.join(map(str, dims))}'"
        )


def test_keys_do_what_the_mouse_does(volumes):
    page, _ = volumes
    page.run("document.getElementById('volume').focus()")
    before = page.run("window.page.volumes.crosshair()")
    page.press("2")
    page.press("PageUp")
    after = page.run("window.page.volumes.crosshair()")
    moved = np.linalg.inv(AFFINE[:3, :3]) @ np.subtract(after, before)
    assert np.abs(moved) == pytest.approx([0, 1, 0], abs=0.01)
    page.press("?")
    assert page.run("document.getElementById('keys').open")
    page.run("document.getElementById('keys').close()")
    page.press("l")
    page.wait("window.page.volumes.nv.volumes.length === 1")
    page.press("l")
    page.wait("window.page.volumes.nv.volumes.length === 2")


def test_every_control_has_a_name(volumes):
    page, _ = volumes
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "combobox", "slider", "checkbox", "spinbutton", "searchbox", "application"}
    controls = [node for node in nodes if node.get("role", {}).get("value") in roles and not node["ignored"]]
    assert len(controls) > 12
    assert [node for node in controls if not node.get("name", {}).get("value")] == []


def test_nothing_is_loaded_from_elsewhere_and_nothing_complains(volumes):
    page, _ = volumes
    origin = page.run("location.origin")
    assert all(url.startswith((origin, "data:", "blob:")) for url in page.addresses())
    assert page.complaints() == []


def test_light_and_dark(volumes):
    page, _ = volumes
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.run(background)
    page.size(1000, 600, dark=True)
    page.wait(f"{background} !== {light!r}")
    page.size(1000, 600)
    page.wait(f"{background} === {light!r}")


def test_letters_of_planes_and_positions_are_nibabels_in_all_48_orientations(page, tmp_path):
    """The library that draws turns volumes itself: what it says of voxels must be what nibabel says."""
    count = itertools.count()
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    paths, affines = [], []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            affine = np.zeros((4, 4))
            affine[order, range(3)] = np.multiply(signs, (1.0, 1.5, 2.0))
            affine[:, 3] = 10, -20, 30, 1
            paths.append(tmp_path / f"{next(count)}.nii")
            affines.append(affine)
            nibabel.save(nibabel.Nifti1Image(voxels, affine), paths[-1])
    with served(*paths) as server:
        page.size(700, 400)
        page.open(server.url)
        rests(page)
        page.run("window.page.setLayout('0')")
        page.run("window.page.candidates = () => []")  # nothing lies over them
        for number, affine in enumerate(affines):
            page.run(f"window.page.show({number})")
            indices = [(0, 0, 0), (3, 1, 2), (1, 4, 5)]
            positions = nibabel.affines.apply_affine(affine, indices).tolist()
            found = page.run(
                "(() => { const {nv} = window.page.volumes; const [v] = nv.volumes;"
                f" const at = {json.dumps(positions)}.map((mm) => nv.mm2frac(mm, 0, true)); return {{"
                " values: at.map((frac) => v.getValue(...nv.frac2vox(frac))),"
                " back: at.map((frac) => Array.from(nv.frac2mm(frac, 0, true))),"
                " ends: [0, 1].map((x) => Array.from(nv.frac2mm([x, 0.5, 0.5], 0, true))),"
                " facts: document.getElementById('facts').textContent } })()"
            )
            assert found["values"] == [int(voxels[index]) for index in indices]
            assert np.allclose([point[:3] for point in found["back"]], positions, atol=1e-4)
            assert found["ends"][1][0] > found["ends"][0][0]  # the side that gets the letter R
            assert f"orientation{''.join(nibabel.aff2axcodes(affine))}" in found["facts"]


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    """Return a slide of 30000 x 30000 pixels, of which the middle holds a picture that compresses badly."""
    path = tmp_path_factory.mktemp("slide") / "slide.mla"
    labels = ["spatial_y", "spatial_x", "components"]
    spatial = MetaSpatial(axis_labels=labels, axis_units=["mm", "mm", ""], spacing=[0.00025] * 2)
    random = np.random.default_rng(0)
    noisy = random.normal(170, 14, (1250, 1500, 3)).clip(0, 255).astype(np.uint8)
    noisy = np.tile(noisy, (4, 4, 1))
    with MLArray.create(path, (30_000, 30_000, 3), np.uint8, Meta(spatial=spatial)) as image:
        image[12_500:17_500, 12_000:18_000] = noisy
    return path, noisy


def test_a_slide_of_30000_pixels_moves_less_than_5_megabytes_per_view(page, slide):
    path, noisy = slide
    page.size(1920, 1080)
    with served(path) as server:
        page.open(server.url)
        rests(page)
        page.run(
            "void window.page.slides.osd.viewport.zoomTo(30000 / 1590, null, true)"
        )  # about pixel by pixel
        rests(page)
        for keys in (["ArrowRight"] * 5, ["ArrowDown"] * 5, ["ArrowLeft"] * 5):
            before, count = page.received()
            page.run("document.getElementById('slide').focus()")
            for key in keys:
                page.press(key)
            rests(page)
            after, more = page.received()
            assert more - count >= 15  # a whole new view of tiles
            assert 100_000 < after - before < 5e6
        x, y = 500, 500
        page.move(x + 20, y)
        page.move(x, y)
        page.wait("document.getElementById('value').textContent.split(', ').length === 3")
        time.sleep(0.5)
        column, row = map(int, text(page, "voxel").split(", "))
        assert np.allclose(page.run(f"window.page.slides.pixelAt({x}, {y})"), (column, row), atol=0.51)
        pixel = noisy[row - 12_500, column - 12_000].tolist()
        assert text(page, "value") == ", ".join(map(str, pixel))
        assert text(page, "position").endswith(" µm")
        assert page.complaints() == []
    page.size(1000, 600)


def test_time_is_stepped_through_and_window_and_labels_work_on_planes(page, tmp_path):
    frames = np.arange(3 * 300 * 400, dtype=np.int32).reshape(3, 300, 400)
    labels = ["temporal", "spatial_y", "spatial_x"]
    MLArray(frames, axis_labels=labels, spacing=[1, 1]).save(tmp_path / "frames.mla")
    mask = MLArray((frames[0] % 400 < 200).astype(np.uint8), spacing=[1, 1])
    mask.meta.is_seg = True
    mask.meta.labels = [Label(1, "left half", "#00ff00")]
    mask.save(tmp_path / "mask.mla")
    with served(tmp_path / "frames.mla", tmp_path / "mask.mla") as server:
        page.open(server.url)
        rests(page)
        legend = page.run("[...document.querySelectorAll('#legend tbody tr')].map((row) => row.textContent)")
        assert legend == ["1left half"]
        page.run("document.getElementById('slide').focus()")
        page.press("t")
        rests(page)
        position = page.run("window.page.slides.pixelOf([50, 100, 0])")
        page.move(position[0] + 9, position[1])
        page.move(*position)
        page.wait("document.getElementById('voxel').textContent === '100, 50'")
        assert int(text(page, "value")) == frames[1, 50, 100]
        assert text(page, "label") == "1 left half"
        choose(page, "width", "100")
        rests(page)
        assert any("window=" in url for url in page.addresses())
        assert page.complaints() == []


@pytest.mark.slow
def test_the_first_picture_of_ten_gigabytes_comes_with_less_than_2_megabytes(page, tmp_path):
    image = MLArray.zeros((2400, 1500, 1500), dtype=np.int16)
    image.meta.is_seg = False
    image.save(tmp_path / "large.mla")
    with served(tmp_path / "large.mla") as server:
        page.open(server.url)
        page.wait(f"{LOADED} > 0")
        sent = page.run(
            "(() => { const [first] = performance.getEntriesByName('shown');"
            " const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));"
            " const early = all.filter((one) => one.responseEnd <= first.startTime);"
            " return early.map((one) => one.transferSize) })()"
        )
        assert len(sent) > 10
        assert 800_000 < sum(sent) < 2_000_000  # page, the library that draws, coarsest resolution
        choose(page, "level", "0")
        page.wait("document.documentElement.dataset.level === '0'")
        dims = page.run("window.page.volumes.nv.volumes[0].dims.slice(1, 4)")  # around the cross-hair
        assert 24 << 20 < 2 * np.prod(dims) <= 32 << 20
        assert page.complaints() == []
