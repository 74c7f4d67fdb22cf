"""Electrodes that are not there are interpolated, as mne does it."""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_montage, eeg_splines

NAMES = mne.channels.make_standard_montage("biosemi64").ch_names


def mne_s(samples: np.ndarray, bad: list[str], origin: Any = "auto") -> np.ndarray:
    """What mne makes of bad channels; it fits the middle of the head itself if none is given."""
    raw = mne.io.RawArray(samples, mne.create_info(NAMES, 128.0, "eeg"), verbose="ERROR")
    places = {name: np.array(eeg_montage.positions()[name]) for name in NAMES}
    raw.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    raw.info["bads"] = bad
    raw.interpolate_bads(origin=origin, verbose="ERROR")
    return raw.get_data(bad)


def ours(samples: np.ndarray, bad: list[str]) -> np.ndarray:
    good = [name for name in NAMES if name not in bad]
    return eeg_splines.interpolation(good, bad) @ samples[[NAMES.index(name) for name in good]]


@pytest.mark.parametrize("bad", [["Cz"], ["Fp1", "Oz", "T7", "TP8"], NAMES[::3]])
def test_the_numbers_are_mne_s(bad: list[str]) -> None:
    samples = np.random.default_rng(1).standard_normal((len(NAMES), 300))
    wanted = mne_s(samples, bad, eeg_splines.middle())
    np.testing.assert_allclose(ours(samples, bad), wanted, atol=1e-6)


def test_mne_s_own_fit_of_the_head_makes_little_difference() -> None:
    field = np.array([mne_field(name) for name in NAMES])[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(ours(field, ["Cz", "P5"]), mne_s(field, ["Cz", "P5"]), atol=0.01)


def mne_field(name: str) -> float:
    """A smooth potential: of a dipole in the middle."""
    place = np.array(eeg_montage.positions()[name]) - eeg_splines.middle()
    return float(place @ [0.3, 0.5, 0.8] / np.linalg.norm(place))


def test_a_smooth_field_is_found_again_and_a_constant_exactly() -> None:
    bad = ["Cz", "F5", "PO8"]
    good = [name for name in NAMES if name not in bad]
    matrix = eeg_splines.interpolation(good, bad)
    field = np.array([mne_field(name) for name in good])
    assert matrix @ field == pytest.approx([mne_field(name) for name in bad], abs=0.01)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)


def test_what_is_there_is_handed_on_in_the_order_that_is_wanted() -> None:
    matrix = eeg_splines.interpolation(["Cz", "Pz", "Fz"], ["Fz", "CPz", "Cz"])
    assert matrix.shape == (3, 3)
    assert matrix[0].tolist() == [0, 0, 1]
    assert matrix[2].tolist() == [1, 0, 0]
    assert matrix[1].sum() == pytest.approx(1)
    assert matrix.dtype == np.float32


def test_the_same_names_have_the_same_matrix_which_nobody_can_change() -> None:
    matrix = eeg_splines.interpolation(["Cz", "Pz", "Fz"], ["CPz"])
    assert eeg_splines.interpolation(("Cz", "Pz", "Fz"), ("CPz",)) is matrix
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1


def test_electrodes_without_a_position_take_no_part_and_cannot_be_made() -> None:
    matrix = eeg_splines.interpolation(["Cz", "CB1", "Pz"], ["CPz", "CB1"])
    assert matrix[0, 1] == 0
    assert matrix[1].tolist() == [0, 1, 0]  # it is there
    with pytest.raises(RecordError, match="CB2 has no position"):
        eeg_splines.interpolation(["Cz", "Pz"], ["CB2"])
    with pytest.raises(RecordError, match="no electrode with a position"):
        eeg_splines.interpolation(["CB1", "CB2"], ["Cz"])


def test_one_electrode_is_enough_and_none_is_asked_for_nothing() -> None:
    assert eeg_splines.interpolation(["Cz"], ["Pz"]).tolist() == [[pytest.approx(1)]]
    assert eeg_splines.interpolation(["Cz"], []).shape == (0, 1)
