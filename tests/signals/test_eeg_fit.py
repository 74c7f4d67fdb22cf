"""A recording is fitted to a network: electrodes, rate, windows."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
import pytest

from emocli.encoders.cbramod import ELECTRODES
from emocli.encoders.eegpt import MONTAGES
from emocli.errors import RecordError
from emocli.signals import eeg_fit, eeg_splines
from tests.encoders.tiny_eeg import eeg

SEED = (*MONTAGES[0], "PO5", "PO6", "CB1", "CB2")
BIOSEMI_32 = tuple(mne.channels.make_standard_montage("biosemi32").ch_names)
EMOTIV = tuple("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split())  # noqa: SIM905


def test_electrodes_are_found_by_name_in_the_order_of_the_network() -> None:
    fit = eeg_fit.fitted(("Cz", "Pz", "Fz", "Oz"), [("Fz", "Cz")], "it")
    windows = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    assert np.array_equal(fit.applied(windows), windows[:, [2, 0]])
    assert fit.unused == ("Pz", "Oz")
    assert fit.told("it") == ["electrodes left out, since it does not take them: Pz, Oz"]


def test_an_electrode_that_is_missing_is_interpolated_and_said() -> None:
    names = tuple(name for name in ELECTRODES if name not in ("Cz", "P8"))
    fit = eeg_fit.fitted(names, [ELECTRODES], "it")
    assert fit.told("it") == ["2 of 19 electrodes interpolated: P8, Cz"]
    windows = np.random.default_rng(1).standard_normal((3, 17, 50)).astype(np.float32)
    found = fit.applied(windows)
    place = ELECTRODES.index("Cz")
    matrix = eeg_splines.interpolation(names, ["Cz"])
    np.testing.assert_allclose(found[:, place], (matrix @ windows)[:, 0], atol=1e-5)
    np.testing.assert_allclose(found[:, 0], windows[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("names", "montage", "made"),
    [
        (SEED, 0, 0),
        (MONTAGES[0][5:], 0, 5),
        (BIOSEMI_32, 1, 0),
        (MONTAGES[1], 1, 0),
        (EMOTIV, 1, 9),
    ],
)
def test_the_larger_montage_is_taken_unless_much_of_it_is_missing(
    names: tuple[str, ...], montage: int, made: int
) -> None:
    fit = eeg_fit.fitted(names, MONTAGES, "EEGPT")
    assert fit.names == MONTAGES[montage]
    assert len(fit.made) == made


def test_a_recording_that_lacks_too_many_is_refused_with_their_names() -> None:
    with pytest.raises(RecordError, match="15 of the 19 electrodes that it takes are missing: Fp1"):
        eeg_fit.fitted(ELECTRODES[-4:], [ELECTRODES], "it")
    with pytest.raises(RecordError, match="it knows none of them") as caught:
        eeg_fit.fitted(("Cz",), [()], "it")
    assert caught.value.code == "missing_electrode"
    with pytest.raises(RecordError, match="are missing: Pz"):  # three cannot say what is between
        eeg_fit.fitted(("Cz", "Fz", "Oz"), [("Cz", "Fz", "Oz", "Pz")], "it")


@pytest.mark.parametrize(("rate", "new"), [(250.0, 200.0), (1000.0, 256.0), (200.0, 256.0)])
def test_another_rate_keeps_signal_and_windows(rate: float, new: float) -> None:
    times = np.arange(round(11.3 * rate)) / rate
    given = eeg(11.3, names=("Cz", "Pz"), rate_hz=rate)
    sine = (10 * np.sin(2 * np.pi * 9.0 * times)).astype(np.float32)
    found = eeg_fit.at_rate(replace(given, samples=np.stack([sine, -sine])), new, 100.0, "it")
    assert found.rate_hz == new
    assert found.grid.count(found.samples.shape[1]) == len(given.wrong) == len(found.wrong)
    assert found.samples.dtype == np.float32
    wanted = 10 * np.sin(2 * np.pi * 9.0 * np.arange(found.samples.shape[1]) / new)
    inner = slice(round(new), -round(new))
    np.testing.assert_allclose(found.samples[0, inner], wanted[inner], atol=0.02)


@pytest.mark.parametrize("rate", [199.9, 333.3, 512.1])
@pytest.mark.parametrize("seconds", [4.0, 4.01, 5.99, 6.0, 121.2])
def test_there_are_as_many_windows_whatever_the_rates(rate: float, seconds: float) -> None:
    given = eeg(seconds, names=("Cz",), rate_hz=rate)
    found = eeg_fit.at_rate(given, 256.0, 100.0, "it")
    assert found.grid.count(found.samples.shape[1]) == len(given.wrong)


def test_a_rate_that_is_too_low_is_refused_and_the_way_out_named() -> None:
    with pytest.raises(RecordError, match=r"up to 75 Hz.*100 Hz.*extract-eeg --rate 200") as caught:
        eeg_fit.at_rate(eeg(8, rate_hz=100.0), 200.0, 150.0, "it")
    assert caught.value.code == "rate_too_low"


def test_windows_are_a_whole_number_of_patches() -> None:
    given = eeg(20)
    assert eeg_fit.patches(given, 200, 15, "it") == 4
    with pytest.raises(RecordError, match=r"windows of 1.5 s, or a multiple up to 22.5 s, not 4 s"):
        eeg_fit.patches(given, 300, 15, "it")
    with pytest.raises(RecordError, match=r"up to 3 s, not 4 s .*--window") as caught:
        eeg_fit.patches(given, 200, 3, "it")
    assert caught.value.code == "bad_windows"
    with pytest.raises(RecordError, match="less than a window"):
        eeg_fit.patches(eeg(3), 200, 15, "it")
