"""Secrets, pseudonyms, dates, words and fields of sidecars."""

import os
import stat

import pytest

from mlarray_core.errors import OptionError
from mlarray_io.privacy.key import make_key
from mlarray_io.privacy.options import codes_of
from mlarray_io.privacy.profile import Privacy
from mlarray_io.privacy.request import asked_privacy
from mlarray_io.privacy.sidecar import clean_sidecar, identifying_fields
from mlarray_io.privacy.words import cleaned_text

KEY = b"a secret of sixteen bytes"


def test_pseudonyms_are_the_same_with_one_secret_and_others_with_another():
    one, again, other = Privacy(KEY), Privacy(KEY, frozenset({"uids"})), Privacy(KEY + b"!")
    assert one.pseudonym("Smith") == again.pseudonym("Smith") != other.pseudonym("Smith")
    assert one.pseudonym("Smith", "patient") != one.pseudonym("Smith")
    assert one.uid("1.2.3") == again.uid("1.2.3") != other.uid("1.2.3")
    assert one.check == again.check != other.check
    assert KEY.decode() not in repr(one) + str(one)


def test_places_keep_their_folders():
    one = Privacy(KEY)
    a, b = one.place("smith/ct/a").split("/"), one.place("smith/ct/b").split("/")
    assert (a[:2], len(a)) == (b[:2], 3)
    assert a[2] != b[2]
    assert one.place("") == ""
    assert Privacy(KEY, frozenset({"names"})).place("smith/a") == "smith/a"


@pytest.mark.parametrize(
    ("text", "days", "moved"),
    [
        ("20200301", -1, "20200229"),
        ("20200301101112.5+0100", 366, "20210302101112.5+0100"),
        ("2020-03-01T10:11:12", -1, "2020-02-29T10:11:12"),
        ("202003", -1, "20200229"),
        ("2020", 1, "20200102"),
        ("20201301", 1, None),
        ("today", 1, None),
        ("99991231", 1, None),
        ("", 1, None),
    ],
)
def test_moved_dates(text, days, moved):
    assert Privacy(KEY, shift=days).shifted(text, days) == moved


def test_days_are_a_patients_own():
    one = Privacy(KEY, shift="patient")
    assert one.days("A") == one.days("A") != one.days("B")
    assert -3651 <= one.days("A") < 0
    assert Privacy(KEY).days("A") == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("t1_mprage_sag_p2_iso", "t1 mprage sag"),
        ("CT Thorax 5.0 B31f", "CT Thorax"),
        ("Müller^Hans 12.03.1950", ""),
        ("b1000 DWI tra 4711/12", "b1000 DWI tra"),
        ("12345T2", ""),
    ],
)
def test_cleaned_texts(text, kept):
    assert cleaned_text(text) == kept


def test_a_key_is_made_for_its_owner_alone_and_read_again(tmp_path):
    path = tmp_path / "key"
    made = make_key(path)
    assert len(made) >= 32
    assert make_key(path) == made != make_key(None)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("short")
    with pytest.raises(OptionError, match="holds 5 bytes"):
        make_key(path)


def test_flags_without_anonymize_are_refused():
    assert asked_privacy(anonymize=False) is None
    with pytest.raises(OptionError, match="isn't asked for"):
        asked_privacy(anonymize=False, retain=["uids"])


def test_a_contradiction_makes_no_key(tmp_path):
    with pytest.raises(OptionError, match="either kept or moved"):
        asked_privacy(anonymize=True, retain=["dates"], shift_dates="3", key=tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_codes_begin_with_the_profile():
    assert codes_of(frozenset({"uids"})) == [
        ("113100", "Basic Application Confidentiality Profile"),
        ("113110", "Retain UIDs Option"),
    ]


SIDECAR = {
    "EchoTime": 0.03,
    "SliceTiming": [0.0, 1.0],
    "Manufacturer": "Siemens",
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "PatientName": "Smith",
    "PatientWeight": 80,
    "AcquisitionTime": "10:11:12",
    "AcquisitionDateTime": "2020-03-01T10:11:12",
    "SeriesDescription": "t1 Smith",
    "SeriesInstanceUID": "1.2.3",
    "DeviceSerialNumber": "4711",
    "Comment": "Smith",
    "Mine": {"name": "Smith"},
}


def test_fields_of_a_sidecar():
    plain = clean_sidecar(SIDECAR, Privacy(KEY), "")
    assert set(plain) == {"EchoTime", "SliceTiming", "Manufacturer", "ImageType", "SeriesInstanceUID"}
    assert plain["SeriesInstanceUID"].startswith("2.25.")
    assert set(identifying_fields(SIDECAR)) == set(SIDECAR) - set(plain) - {"Comment", "Mine"} | {
        "SeriesInstanceUID"
    }
    more = Privacy(KEY, frozenset({"patient", "device", "uids"}), frozenset({"descriptors"}), -1)
    kept = clean_sidecar(SIDECAR, more, "")
    assert kept["PatientWeight"] == 80
    assert kept["DeviceSerialNumber"] == "4711"
    assert kept["SeriesDescription"] == "t1"
    assert kept["SeriesInstanceUID"] == "1.2.3"
    assert kept["AcquisitionDateTime"] == "2020-02-29T10:11:12"
    assert kept["AcquisitionTime"] == "10:11:12"
    assert "PatientName" not in kept
