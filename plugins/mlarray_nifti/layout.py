"""Where the fields of the three headers lie: nifti1.h, nifti2.h and Analyze's dbh.h.

The tables stand here, and not only in nibabel, because importing nibabel takes longer than converting a small
file: it imports pydicom. The tests hold them against nibabel's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlarray_nifti.signature import Variant

_NIFTI1 = """
    sizeof_hdr i4, data_type S10, db_name S18, extents i4, session_error i2, regular S1, dim_info u1,
    dim 8i2, intent_p1 f4, intent_p2 f4, intent_p3 f4, intent_code i2, datatype i2, bitpix i2,
    slice_start i2, pixdim 8f4, vox_offset f4, scl_slope f4, scl_inter f4, slice_end i2, slice_code u1,
    xyzt_units u1, cal_max f4, cal_min f4, slice_duration f4, toffset f4, glmax i4, glmin i4,
    descrip S80, aux_file S24, qform_code i2, sform_code i2, quatern_b f4, quatern_c f4, quatern_d f4,
    qoffset_x f4, qoffset_y f4, qoffset_z f4, srow_x 4f4, srow_y 4f4, srow_z 4f4, intent_name S16, magic S4
"""

_NIFTI2 = """
    sizeof_hdr i4, magic S4, eol_check 4i1, datatype i2, bitpix i2, dim 8i8, intent_p1 f8, intent_p2 f8,
    intent_p3 f8, pixdim 8f8, vox_offset i8, scl_slope f8, scl_inter f8, cal_max f8, cal_min f8,
    slice_duration f8, toffset f8, slice_start i8, slice_end i8, descrip S80, aux_file S24, qform_code i4,
    sform_code i4, quatern_b f8, quatern_c f8, quatern_d f8, qoffset_x f8, qoffset_y f8, qoffset_z f8,
    srow_x 4f8, srow_y 4f8, srow_z 4f8, slice_code i4, xyzt_units i4, intent_code i4, intent_name S16,
    dim_info u1, unused_str S15
"""

_ANALYZE = """
    sizeof_hdr i4, data_type S10, db_name S18, extents i4, session_error i2, regular S1, hkey_un0 S1,
    dim 8i2, vox_units S4, cal_units S8, unused1 i2, datatype i2, bitpix i2, dim_un0 i2, pixdim 8f4,
    vox_offset f4, funused1 f4, funused2 f4, funused3 f4, cal_max f4, cal_min f4, compressed i4,
    verified i4, glmax i4, glmin i4, descrip S80, aux_file S24, orient S1, originator S10, generated S10,
    scannum S10, patient_id S10, exp_date S10, exp_time S10, hist_un0 S3, views i4, vols_added i4,
    start_field i4, field_skip i4, omax i4, omin i4, smax i4, smin i4
"""

_TABLES: dict[Variant, str] = {"nifti1": _NIFTI1, "nifti2": _NIFTI2, "analyze": _ANALYZE}


@cache
def layout(variant: Variant) -> np.dtype[np.void]:
    """Return the record of one kind of header, little-endian.

    Parameters
    ----------
    variant
        Kind of header.
    """
    fields = []
    for entry in _TABLES[variant].replace("\n", " ").split(","):
        name, form = entry.split()
        count = form[:-2] if form[0].isdigit() else ""
        kind = form.removeprefix(count)
        fields.append((name, f"<{kind}", (int(count),)) if count else (name, f"<{kind}"))
    return np.dtype(fields)
