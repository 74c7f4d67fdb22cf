"""The simulated EEG is the same for a seed, and its emotions stand where they are said to be."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np

from emocli.signals import eeg_bands, eeg_files
from examples import eeg_simulation as simulated

ROOT = Path(__file__).parents[2]
JOY = simulated.EMOTIONS.index("joy")


def test_a_seed_gives_the_same_trials_and_another_seed_others() -> None:
    first, again, other = (simulated.Simulation(seed, subjects=2) for seed in (3, 3, 4))
    trial = first.trial(1, 5)
    assert trial.shape == (32, 24 * 128)
    assert np.array_equal(trial, again.trial(1, 5))
    assert not np.array_equal(trial, other.trial(1, 5))
    assert not np.array_equal(trial, first.trial(0, 5))
    assert sorted(first.emotions(0)) == sorted(list(range(7)) * 8)
    assert 5 < np.median(trial.std(axis=1)) < 50  # uV, as people have it


def test_joy_moves_frontal_alpha_to_the_right() -> None:
    """The code says so: the left minus the right falls, against neutral, in the mean of trials."""
    simulation = simulated.Simulation(0, subjects=1)
    emotions = simulation.emotions(0)
    trials = np.stack([simulation.trial(0, int(n)) for n in np.flatnonzero(emotions <= JOY)])
    power = eeg_bands.band_power(trials, simulated.RATE_HZ)
    pair = [(simulated.CHANNELS.index("F3"), simulated.CHANNELS.index("F4"))]
    alpha = list(eeg_bands.BANDS).index("alpha")
    entropy = eeg_bands.differential_entropy(power)
    asymmetry = eeg_bands.asymmetry(entropy, pair)[:, 0, alpha]
    joy = emotions[emotions <= JOY] == JOY
    assert asymmetry[joy].mean() < asymmetry[~joy].mean() - 0.05


def test_recordings_and_their_table_are_written(tmp_path: Path) -> None:
    edf = importlib.util.find_spec("edfio") is not None
    command = [sys.executable, "examples/eeg_simulation.py", str(tmp_path), "--subjects", "1"]
    command += [] if edf else ["--format", "fif"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    with open(tmp_path / "trials.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    recording = eeg_files.read(tmp_path / rows[0]["file"])
    assert recording.names == simulated.CHANNELS
    assert [mark.text for mark in recording.marks] == [row["emotion"] for row in rows]
    assert [mark.start for mark in recording.marks] == [float(row["start"]) for row in rows]
    found = recording.read(0, 512)
    trial = simulated.Simulation(0, subjects=1).trial(0, 0)
    np.testing.assert_allclose(found, trial[:, :512], atol=0.01)
