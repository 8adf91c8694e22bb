"""Every file that pydicom brings along: the values that pydicom finds, or a refusal with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, apply_rescale

from mlarray_core.errors import MLArrayError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(FOLDER.glob("*.dcm"))
REFUSED = {
    "ExplVR_BigEndNoMeta.dcm": "no image in it: RT Ion Plan",
    "ExplVR_LitEndNoMeta.dcm": "no image in it: RT Ion Plan",
    "JPEG2000-embedded-sequence-delimiter.dcm": "its pixel data hold 1024 x 3722445056",
    "MR_truncated.dcm": "cut short",
    "badVR.dcm": "has 1A frames",
    "empty_charset_LEI.dcm": "no SOP Class UID",
    "liver_1frame.dcm": "describes 3 frames, 1 are there",
    "liver_expb_1frame.dcm": "describes 3 frames, 1 are there",
    "no_meta.dcm": "is not DICOM",
    "no_meta_group_length.dcm": "no image in it: RT Image",
    "UN_sequence.dcm": "no image",
    "meta_missing_tsyntax.dcm": "no SOP Class UID",
    "nested_priv_SQ.dcm": "damaged",
    "priv_SQ.dcm": "no image",
    "reportsi.dcm": "no image in it: Basic Text SR",
    "reportsi_with_empty_number_tags.dcm": "no image in it",
    "rtplan.dcm": "no image in it: RT Plan",
    "rtplan_truncated.dcm": "no image",
    "rtstruct.dcm": "no image in it: RT Structure Set",
    "test-SR.dcm": "no image in it: Comprehensive SR",
    "waveform_ecg.dcm": "no image in it: 12-lead ECG Waveform",
}


def expected(path: Path) -> np.ndarray:
    """Return what pydicom makes of a file."""
    header: Any = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in header.file_meta:
        implicit, little = header.original_encoding
        syntax = "1.2.840.10008.1.2" if implicit else f"1.2.840.10008.1.2.{1 if little else 2}"
        header.file_meta.TransferSyntaxUID = syntax
    values = header.pixel_array
    if header.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(values, header) >> 8
    values = apply_rescale(values, header)
    return values * float(header.DoseGridScaling) if "DoseGridScaling" in header else values


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file(load: Callable[..., Any], path: Path) -> None:
    if path.name in REFUSED:
        with pytest.raises(MLArrayError, match=REFUSED[path.name]):
            load(path)
        return
    found = load(path).array
    wanted = expected(path)
    assert found.squeeze().shape == wanted.squeeze().shape
    np.testing.assert_allclose(found.squeeze(), wanted.squeeze(), rtol=1e-6)
