"""Refusals name what a file is and a way out; samples are written by other programs where those are here."""

import bz2
import gzip
import io
import lzma
import tracemalloc

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io import Confidence, Source
from mlarray_io.engine import foreign
from mlarray_io.engine.registry import installed
from mlarray_io.search.claims import claim_of
from mlarray_io.search.names import Names


def refusal(path):
    with pytest.raises(errors.UnknownFormatError) as caught:
        mlarray.read(path)
    assert caught.value.path == str(path)
    return str(caught.value)


def pillow(kind):
    image = pytest.importorskip("PIL.Image")
    out = io.BytesIO()
    image.fromarray(np.zeros((4, 5), "u1")).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "name", "way"),
    [
        (lambda: b"8BPS" + bytes(60), "a Photoshop document", "PNG"),
        (lambda: b"OMAS_BF\n" + bytes(600), "an OBF or MSR of Imspector", "bfconvert"),
        (lambda: b"%PDF-1.4\n", "a document, which holds no image", ""),
        (lambda: b"FLV\x01" + bytes(60), "a video", "ffmpeg"),
        (lambda: b"\t\nics_version\t2.0\n" + bytes(60), "an ICS or IDS", "bfconvert"),
        (lambda: b"###CBF: VERSION 1.5\r\n" + bytes(60), "a CBF of a detector", "fabio-convert"),
        (lambda: b"# AmiraMesh BINARY-LITTLE-ENDIAN 2.1\n", "an AmiraMesh", "NRRD"),
        (lambda: b"#INRIMAGE-4#{\nXDIM=4\n", "an Inrimage", "MetaImage"),
        (lambda: b":NANONIS_VERSION:\n2\n", "a Nanonis SXM", "Gwyddion"),
        (lambda: b"MTZ " + bytes(60), "reflections of a crystal", ""),
    ],
)
def test_content_tells_whatever_the_name(make, name, way, tmp_path):
    path = tmp_path / "strange.xyz"
    path.write_bytes(make())
    said = refusal(path)
    assert name in said
    assert way in said


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.OBF", "an OBF or MSR"),
        ("a.dv", "a DeltaVision"),
        ("a.pic", "a Bio-Rad PIC"),
        ("a.edf", "images of the ESRF, or an EEG"),
        ("a.nd", "a MetaMorph ND, which refers"),
        ("a.vff", "a Sun VFF"),
        ("a.ibw", "a probe microscope"),
        ("lh.white", "a surface"),
        ("lh.func.gii", "a GIFTI of a surface, or of values"),
        ("scan.rdf", "raw data, before reconstruction"),
        ("dwi.bval", "a table"),
        ("model.pth", "never opened"),
    ],
)
def test_names_tell_where_content_does_not(file, name, tmp_path):
    (tmp_path / file).write_bytes(b"\x01\x02\x03\x04" * 40)
    assert name in refusal(tmp_path / file)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
@pytest.mark.parametrize(
    ("file", "name"), [("a.xlsx", "a table"), ("b.docx", "a document"), ("c.pth", "model")]
)
def test_names_tell_what_an_archive_is_used_for(start, file, name, tmp_path):
    """Office documents are ZIPs (ECMA-376, part 2) or OLE, models of PyTorch are ZIPs: no image is lost."""
    (tmp_path / file).write_bytes(start + bytes(600))
    said = refusal(tmp_path / file)
    assert name in said
    assert "which holds no image" in said


def test_a_folder_says_what_to_do_with_it(tmp_path):
    (tmp_path / "sub").mkdir()
    assert "mlarray scan" in refusal(tmp_path)


def test_voxels_under_the_suffix_of_another_format(tmp_path):
    """Hamamatsu's ``.img`` has a text behind 64 bytes (ITEX)."""
    head = b"IM" + np.array([200, 4, 3, 0, 0, 2], "<u2").tobytes()
    (tmp_path / "streak.img").write_bytes(head.ljust(64, b"\0") + b'[Application],Application="HPD-TA"')
    said = refusal(tmp_path / "streak.img")
    assert "Hamamatsu" in said
    assert "Was it copied whole" not in said


def test_previews_are_not_taken_for_the_slide(tmp_path):
    """As MIRAX lays its files: a JPEG beside the folder with the slide (OpenSlide, "MIRAX format")."""
    pytest.importorskip("imagecodecs")
    (tmp_path / "slide.mrxs").write_bytes(pillow("JPEG"))
    (tmp_path / "slide").mkdir()
    (tmp_path / "alone.mrxs").write_bytes(pillow("JPEG"))
    for name in ("slide", "alone"):
        for forced in (None, "pictures"):
            with pytest.raises(errors.UnknownFormatError, match="preview of a MIRAX slide") as caught:
                mlarray.read(tmp_path / f"{name}.mrxs", format=forced)
            assert "Slidedat.ini" in caught.value.hint


def test_a_detector_is_not_taken_for_an_analyze(tmp_path):
    path = tmp_path / "frame.img"
    path.write_bytes(b"{\nHEADER_BYTES=  512;\nDIM=2;\n}".ljust(512) + bytes(5000))
    assert "an image of an ADSC detector" in refusal(path)


def test_what_is_read_is_not_in_the_table():
    """No suffix of an installed format, but for those that several programs use for unlike things."""
    shared = {suffix for entry in foreign.TABLE for suffix in entry.suffixes}
    assert not shared & installed().suffixes.read.keys()


def test_certain_signatures_override_a_mere_suffix(tmp_path):
    path = tmp_path / "a.img"
    path.write_bytes(b"WDF1" + bytes(400))  # a Renishaw WDF begins so, and so may voxels
    assert foreign.by_content(Source(path)) is not None
    assert foreign.by_content(Source(path), certain=True) is None
    assert installed().claims(Source(path))[0][1] is Confidence.SUFFIX


@pytest.mark.parametrize(
    ("end", "pack", "way"),
    [
        (".gz", gzip.compress, "gzip -dk"),
        (".bz2", bz2.compress, "bzip2 -dk"),
        (".xz", lzma.compress, "xz -dk"),
    ],
)
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.nrrd", b"NRRD0004\ntype: uint8\ndimension: 1\nsizes: 4\n\n0123", "a file of the format nrrd"),
        ("a.tif", b"II*\0" + bytes(200_000), "a file of the format tiff"),
        ("a", b"GIF89a" + bytes(90), "a file of the format gif"),
        ("a.oir", bytes(90), "an Olympus OIR"),
    ],
)
def test_what_is_packed_as_a_whole_is_named(tmp_path, name, content, told, end, pack, way):
    path = tmp_path / f"{name}{end}"
    path.write_bytes(pack(content))
    said = refusal(path)
    assert f"is {told} packed with" in said
    assert f"{way} {path}" in said


@pytest.mark.parametrize(
    ("name", "pack", "way"),
    [
        ("a b;$(c).gz", gzip.compress, "gzip -dk '{}'"),
        ("a", gzip.compress, "gzip -dc {} > FILE"),
        ("a.gz", lzma.compress, "xz -dc {} > FILE"),
    ],
)
def test_the_command_that_unpacks_a_file_is_one(tmp_path, name, pack, way):
    """The programs refuse a suffix that isn't theirs: gzip(1), xz(1)."""
    path = tmp_path / name
    path.write_bytes(pack(b"GIF89a" + bytes(90)))
    assert way.format(path) in refusal(path)


def test_a_packed_file_behind_a_url_is_fetched_first():
    import fsspec

    fsspec.filesystem("memory").pipe("/packed/a.oir.gz", gzip.compress(bytes(90)))
    assert "Fetch it and unpack it first: gzip does" in refusal("memory://packed/a.oir.gz")


def test_a_bomb_is_named_by_its_beginning(tmp_path):
    path = tmp_path / "a.nrrd.gz"
    path.write_bytes(gzip.compress(b"NRRD0004\n" + bytes(50 << 20)))
    tracemalloc.start()
    said = refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()
    assert "nrrd packed with gzip" in said


def test_a_packed_file_that_is_cut_is_named_as_far_as_it_goes(tmp_path):
    path = tmp_path / "a.nrrd.gz"
    path.write_bytes(gzip.compress(b"NRRD0004\n" + np.random.default_rng(1).bytes(5000))[:2000])
    assert "nrrd packed with gzip" in refusal(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sub-01_physio.tsv.gz", "is a table packed with gzip, which holds no image"),
        ("notes.gz", "no installed format recognises it"),
    ],
)
def test_packed_files_that_hold_no_image_are_none_that_is_lost(tmp_path, name, said):
    """BIDS 1.10, Physiological recordings: a compressed table beside each image."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"1.0\t2.0\n" * 50))
    assert said in refusal(path)
    claim = claim_of(str(path), Names())
    assert (claim.format, claim.lost) == (None, False)
    assert said in claim.reason
