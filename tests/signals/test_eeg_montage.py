"""Names of electrodes, however they are written."""

from __future__ import annotations

import mne
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_montage


@pytest.mark.parametrize(
    ("channel", "electrode"),
    [
        *(("FP1", "Fp1"), ("fp1", "Fp1"), ("Fp1", "Fp1"), ("FCZ", "FCz"), ("poz", "POz")),
        *(("T3", "T7"), ("t4", "T8"), ("T5", "P7"), ("T6", "P8"), ("Cb1", "CB1")),
        *(("EEG Fp1-REF", "Fp1"), ("EEG F3-LE", "F3"), ("EEG O1-A1A2", "O1"), ("EEG_Cz", "Cz")),
        *(("Fc5.", "FC5"), ("Af7..", "AF7"), (" Pz ", "Pz"), ("FP1-1", "Fp1"), ("ffc5h", "FFC5h")),
        *(("A1", "A1"), ("M2", "M2"), ("Iz", "Iz")),
        *(("ECG", None), ("Status", None), ("Fp1-F3", None), ("EEG", None), ("", None)),
    ],
)
def test_a_channel_is_the_electrode_it_is_named_after(channel: str, electrode: str | None) -> None:
    assert eeg_montage.electrode(channel) == electrode


def test_every_name_of_mne_s_standards_is_known() -> None:
    for standard in ("biosemi64", "biosemi32", "GSN-HydroCel-32"):
        for name in mne.channels.make_standard_montage(standard).ch_names:
            if not name.startswith("E") or not name[1:].isdigit():  # EGI's nets number theirs
                assert eeg_montage.electrode(name), (standard, name)


def test_the_letters_of_biosemi_are_not_taken_for_electrodes() -> None:
    letters = [f"{letter}{n}" for letter in "ABCDF" for n in range(1, 33)]
    found = eeg_montage.montage([*letters, "Cz"])
    assert found.claims == {"Cz": (160,)}
    assert found.chosen(["C3"]) == {"BioSemi C3": letters.index("C3")}
    assert not [name for name in found.chosen() if name in eeg_montage.positions() and name != "Cz"]
    assert eeg_montage.pairs(list(found.chosen())) == []
    assert eeg_montage.montage(["A1", "A2", "Cz"]).chosen() == {"A1": 0, "A2": 1, "Cz": 2}


def test_all_are_chosen_without_wishes_and_in_the_order_of_wishes() -> None:
    found = eeg_montage.montage(["T3", "ECG", "CZ", "fp1"])
    assert found.chosen() == {"T7": 0, "Cz": 2, "Fp1": 3}
    assert found.others == {"ECG": 1}
    assert list(found.chosen(["FP1", "T3"]).items()) == [("Fp1", 3), ("T7", 0)]


def test_a_missing_electrode_is_named() -> None:
    found = eeg_montage.montage(["Fp1", "ECG"])
    with pytest.raises(RecordError, match=r"no electrode Cz, Pz \(the recording has Fp1, ECG\)"):
        found.chosen(["fp1", "cz", "Pz"])


def test_a_doubled_electrode_is_named_unless_others_are_chosen() -> None:
    found = eeg_montage.montage(["FP1-0", "FP1-1", "T3", "T7", "Cz"])
    with pytest.raises(RecordError, match="the electrode Fp1 is there 2 times: FP1-0, FP1-1"):
        found.chosen()
    with pytest.raises(RecordError, match="T7 is there 2 times"):
        found.chosen(["t7"])
    assert found.chosen(["Cz"]) == {"Cz": 4}
    assert found.chosen(["FP1-0", "T7"]) == {"Fp1": 0, "T7": 3}
    assert found.chosen(["-FP1-1", "-T3"]) == {"Fp1": 0, "T7": 3, "Cz": 4}
    with pytest.raises(RecordError, match="no electrode Foo"):
        found.chosen(["-Foo"])


def test_where_most_channels_have_other_names_all_means_all() -> None:
    assert eeg_montage.montage(["E1", "Cz", "E2"]).chosen() == {"Cz": 1, "E1": 0, "E2": 2}
    assert eeg_montage.montage(["Cz", "ECG", "Fz"]).chosen(["fz"]) == {"Fz": 2}
    assert eeg_montage.montage(["Cz", "ECG", "Fz"]).chosen(["ECG"]) == {"ECG": 1}


def test_a_name_behind_a_minus_is_left_out() -> None:
    found = eeg_montage.montage(["Fp1", "CZ", "T3", "ECG"])
    assert found.chosen(["-cz"]) == {"Fp1": 0, "T7": 2}
    assert found.chosen(["-T3", "-ECG"]) == {"Fp1": 0, "Cz": 1}


def test_a_recording_without_channels_is_refused() -> None:
    with pytest.raises(RecordError, match="no channels"):
        eeg_montage.montage([]).chosen()


def test_pairs_mirror_each_other() -> None:
    names = ["Fz", "F4", "F3", "AF7", "AF8", "FCC5h", "FCC6h", "O1", "P9", "P10"]
    expected = [("F3", "F4"), ("AF7", "AF8"), ("FCC5h", "FCC6h"), ("P9", "P10")]
    assert eeg_montage.pairs(names) == expected
    places = eeg_montage.positions()
    for left, right in expected:
        assert places[left][0] == pytest.approx(-places[right][0], abs=0.005)
        assert places[left][1] == pytest.approx(places[right][1], abs=0.005)


def test_what_is_recorded_beside_eeg_is_never_taken_for_it() -> None:
    beside = ["EOG left", "EMG1", "ECG", "Resp oro-nasal", "Temp rectal", "EXG1", "Event marker"]
    assert eeg_montage.montage(["Fz", "Cz", *beside]).chosen() == {"Fz": 0, "Cz": 1}
    caps = [f"{letter}{n}" for letter in "ABCD" for n in range(1, 33)]
    assert len(eeg_montage.montage([*caps, *beside]).chosen()) == len(caps)


def test_names_that_are_no_electrodes_have_no_mirror_image() -> None:
    assert eeg_montage.pairs([f"Ch{n}" for n in range(8)]) == []
