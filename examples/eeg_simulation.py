"""Simulated EEG whose emotions are known: neither trivial nor hopeless, the same for a seed.

It is made to compare methods, and says nothing about people. Subjects watch trials of one emotion
each. A channel is the sum of a 1/f background, five rhythms (theta at the frontal midline, alpha at
the left and the right of the front, temporal beta and gamma, posterior alpha) and the noise of the
amplifier; neighbouring channels mix. An emotion changes the amplitudes of the rhythms, in some
windows only: amplitude x exp(.35 x activation x code x responsiveness), where a window is active
with probability .5 (activation .6 to 1.4), else 0. Subjects differ in gain, channels, topography,
the peak of alpha, mixing and responsiveness; trials drift.

    simulation = Simulation(seed=0)
    trial = simulation.trial(subject=3, number=7)  # (channels, time), uV
    python examples/eeg_simulation.py OUT [--subjects 20] [--trials 8] [--seed 0] [--format edf|fif]

writes a recording per subject and a table of its trials; `--format bids` a BIDS folder, EDF with
events. EDF needs `pip install edfio`. The n-th trial of an emotion is the n-th film of it, which
all subjects see; a film has no traits of its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.signals import eeg_montage

Array = npt.NDArray[np.float64]

RATE_HZ = 128
WINDOW_S = 4
WINDOWS = 6  # of a trial
TRIALS = 8  # of an emotion
SUBJECTS = 20
RAMP_S = 0.25  # in which an activation comes and goes
FADE_S = 0.1  # at both ends of a trial, so that trials join without a click

EMOTIONS = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
# emotion -> frontal alpha asymmetry, theta, beta, gamma, posterior alpha
CODE = np.array(
    [
        *((0, 0, 0, 0, 0), (1, 0, 0, 0.6, 0), (-1, 0.6, -0.5, 0, 0.5), (0.8, 0, 1, 0, -0.5)),
        *((-0.8, 0, 1, 0.4, -0.5), (-0.6, -0.5, 0, 1, 0), (0, 1, 0.4, 0, -1)),
    ]
)
EFFECT = 0.35  # of a code of 1, in the logarithm of the amplitude
ACTIVE = 0.5  # share of active windows
ACTIVATION = (0.6, 1.4)
DRIFT = 0.25  # SD of the log amplitude of a rhythm, between trials

# Differences between subjects, SD; of logarithms where no unit stands.
GAIN = 0.25
CHANNEL_GAIN = 0.125
CHANNEL_NOISE = 0.2
TOPOGRAPHY = 0.125
MIXING = 0.125
RESPONSIVENESS = 0.25
ALPHA_PEAK_HZ = 0.45

BACKGROUND_UV = 4.0  # RMS, 1/f in power from 1 Hz on
AMPLIFIER_UV = 1.0  # RMS, white
MIXING_RAD = 0.35  # width of a Gaussian on the sphere
SPREAD_RAD = 0.6  # of a rhythm around its electrodes

CHANNELS = (
    *("Fp1", "AF3", "F7", "F3", "FC1", "FC5", "T7", "C3", "CP1", "CP5", "P7", "P3", "Pz", "PO3"),
    *("O1", "Oz", "O2", "PO4", "P4", "P8", "CP6", "CP2", "C4", "T8", "FC6", "FC2", "F4", "F8"),
    *("AF4", "Fp2", "Fz", "Cz"),
)


@dataclass(frozen=True)
class Rhythm:
    """Noise around a frequency, around electrodes; `code` is a column of CODE, and its sign."""

    electrodes: tuple[str, ...]
    peak_hz: float
    width_hz: float  # SD of a Gaussian, in amplitude
    rms_uv: float  # at its electrodes
    code: int
    sign: int = 1


RHYTHMS = (
    Rhythm(("F3",), 10.0, 1.0, 4.0, code=0, sign=-1),
    Rhythm(("F4",), 10.0, 1.0, 4.0, code=0),
    Rhythm(("Fz",), 6.0, 0.8, 4.0, code=1),
    Rhythm(("T7", "T8"), 21.0, 3.0, 3.0, code=2),
    Rhythm(("T7", "T8"), 38.0, 4.0, 2.0, code=3),
    Rhythm(("O1", "Oz", "O2", "Pz"), 10.0, 1.0, 8.0, code=4),
)


@dataclass(frozen=True)
class Subject:
    """What distinguishes a subject."""

    gain: Array  # (channels,)
    amplifier_uv: Array  # (channels,)
    topography: Array  # (rhythms, channels)
    mixing: Array  # (channels, channels)
    alpha_shift_hz: float
    responsiveness: float


def positions() -> Array:
    """Return the electrodes on the unit sphere, (channels, 3), as mne has them."""
    places = eeg_montage.positions()
    found = np.array([places[name] for name in CHANNELS])
    found = found - [0.0, 0.0, 0.04]  # m, near the centre of the head
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def angles() -> Array:
    """Return the angles between electrodes, (channels, channels), rad."""
    places = positions()
    return np.arccos(np.clip(places @ places.T, -1.0, 1.0))


@dataclass(frozen=True)
class Simulation:
    """All recordings of a seed; a trial is made when it is asked for."""

    seed: int = 0
    subjects: int = SUBJECTS
    trials: int = TRIALS  # of an emotion

    @cached_property
    def _angles(self) -> Array:
        return angles()

    @cached_property
    def people(self) -> list[Subject]:
        """The subjects."""
        return [self._subject(np.random.default_rng([self.seed, n])) for n in range(self.subjects)]

    def _subject(self, random: np.random.Generator) -> Subject:
        count = len(CHANNELS)
        nearest = np.stack([self._near(rhythm.electrodes) for rhythm in RHYTHMS])
        width = MIXING_RAD * math.exp(MIXING * random.standard_normal())
        mixing = np.exp(-0.5 * (self._angles / width) ** 2)
        gain = GAIN * random.standard_normal() + CHANNEL_GAIN * random.standard_normal(count)
        return Subject(
            gain=np.exp(gain),
            amplifier_uv=AMPLIFIER_UV * np.exp(CHANNEL_NOISE * random.standard_normal(count)),
            topography=nearest * np.exp(TOPOGRAPHY * random.standard_normal(nearest.shape)),
            mixing=mixing / np.linalg.norm(mixing, axis=1, keepdims=True),
            alpha_shift_hz=ALPHA_PEAK_HZ * random.standard_normal(),
            responsiveness=math.exp(RESPONSIVENESS * random.standard_normal()),
        )

    def _near(self, electrodes: tuple[str, ...]) -> Array:
        """Return the weight of a rhythm at each channel: 1 at its electrodes."""
        distance = self._angles[[CHANNELS.index(name) for name in electrodes]].min(axis=0)
        return np.exp(-0.5 * (distance / SPREAD_RAD) ** 2)

    def emotions(self, subject: int) -> npt.NDArray[np.int64]:
        """Return the emotion of each of a subject's trials, (trials,), as a place in EMOTIONS."""
        random = np.random.default_rng([self.seed, subject, 1])
        return random.permutation(np.repeat(np.arange(len(EMOTIONS)), self.trials))

    def trial(self, subject: int, number: int) -> npt.NDArray[np.float32]:
        """Return a trial (channels, time) in uV."""
        random = np.random.default_rng([self.seed, subject, 2, number])
        person, time = self.people[subject], WINDOWS * WINDOW_S * RATE_HZ
        emotion = self.emotions(subject)[number]
        signal = BACKGROUND_UV * noise(random, _pink(time))
        activation = _activation(random)
        drift = DRIFT * random.standard_normal(len(RHYTHMS))
        for rhythm, weight, more in zip(RHYTHMS, person.topography, drift, strict=True):
            change = rhythm.sign * CODE[emotion, rhythm.code] * person.responsiveness
            envelope = np.exp(EFFECT * change * activation + more)
            shift = person.alpha_shift_hz if rhythm.peak_hz == 10.0 else 0.0
            wave = noise(random, _peak(time, rhythm.peak_hz + shift, rhythm.width_hz))
            signal += rhythm.rms_uv * weight[:, None] * envelope * wave
        signal = person.mixing @ signal
        white = random.standard_normal(signal.shape)
        signal = person.gain[:, None] * signal + person.amplifier_uv[:, None] * white
        return (signal * _fade(time)).astype(np.float32)


def noise(random: np.random.Generator, amplitude: Array) -> Array:
    """Return noise (channels, time) of RMS 1 with this amplitude spectrum."""
    shape = (len(CHANNELS), len(amplitude))
    parts = random.standard_normal((2, *shape))
    time = 2 * (len(amplitude) - 1)
    scale = time / math.sqrt(4 * float(np.square(amplitude).sum()))
    return np.fft.irfft((parts[0] + 1j * parts[1]) * amplitude * scale, n=time, axis=1)


def _frequencies(time: int) -> Array:
    return np.fft.rfftfreq(time, 1 / RATE_HZ)


def _pink(time: int) -> Array:
    """Return the amplitude spectrum of 1/f noise, without what is slower than 0.5 Hz."""
    hz = _frequencies(time)
    return np.where(hz >= 0.5, 1 / np.sqrt(np.maximum(hz, 1.0)), 0.0)


def _peak(time: int, peak_hz: float, width_hz: float) -> Array:
    return np.exp(-0.5 * ((_frequencies(time) - peak_hz) / width_hz) ** 2)


def _activation(random: np.random.Generator) -> Array:
    """Return the activation of a trial over time (time,)."""
    levels = random.uniform(*ACTIVATION, WINDOWS) * (random.random(WINDOWS) < ACTIVE)
    steps = np.repeat(levels, WINDOW_S * RATE_HZ)
    ramp = np.ones(round(RAMP_S * RATE_HZ))
    edges = np.pad(steps, (len(ramp) // 2, len(ramp) - 1 - len(ramp) // 2), mode="edge")
    return np.convolve(edges, ramp / len(ramp), mode="valid")


def _fade(time: int) -> Array:
    """Return the weights (time,) that let a trial come and go."""
    count = round(FADE_S * RATE_HZ)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return np.concatenate([rise, np.ones(time - 2 * count), rise[::-1]])


def recording(simulation: Simulation, subject: int) -> Any:
    """Return a subject's trials one after the other, as mne's Raw with an annotation each."""
    import mne

    emotions = simulation.emotions(subject)
    trials = [simulation.trial(subject, number) for number in range(len(emotions))]
    volts = np.concatenate(trials, axis=1).astype(np.float64) * 1e-6
    info = mne.create_info(list(CHANNELS), RATE_HZ, "eeg")
    raw = mne.io.RawArray(volts, info, verbose="ERROR")
    seconds = WINDOWS * WINDOW_S
    starts = np.arange(len(emotions)) * float(seconds)
    raw.set_annotations(mne.Annotations(starts, seconds, [EMOTIONS[e] for e in emotions]))
    return raw


def rows(simulation: Simulation, subject: int, file: str) -> list[dict[str, Any]]:
    """Return a row of the table for each trial of a subject."""
    seconds = WINDOWS * WINDOW_S
    return [
        {
            "id": f"s{subject:02}-t{number:02}",
            "file": file,
            "start": number * seconds,
            "end": (number + 1) * seconds,
            "speaker": f"s{subject:02}",
            "trial": f"s{subject:02}-t{number:02}",
            "stimulus": film,
            "emotion": EMOTIONS[emotion],
        }
        for number, (emotion, film) in enumerate(shown(simulation, subject))
    ]


def shown(simulation: Simulation, subject: int) -> list[tuple[int, str]]:
    """Return the emotion and the film of each trial of a subject."""
    seen: Counter[int] = Counter()
    found = []
    for emotion in simulation.emotions(subject).tolist():
        seen[emotion] += 1
        found.append((emotion, f"{EMOTIONS[emotion]}-{seen[emotion]}"))
    return found


def write(raw: Any, path: Path) -> None:
    """Write a recording as EDF, which needs edfio, or as FIF."""
    if path.suffix == ".fif":
        raw.save(path, overwrite=True, verbose="ERROR")
        return
    try:
        raw.export(path, overwrite=True, verbose="ERROR")
    except (ImportError, RuntimeError) as error:
        raise SystemExit(f"{path}: {error} (pip install edfio, or --format fif)") from None


def write_bids(simulation: Simulation, folder: Path) -> None:
    """Write a BIDS folder: a recording per subject, its events, its channels."""
    about = {"Name": "Simulated EEG", "BIDSVersion": "1.9.0", "DatasetType": "raw"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text(json.dumps(about, indent=2) + "\n")
    people = [{"participant_id": f"sub-{n:02}"} for n in range(simulation.subjects)]
    table(people, folder / "participants.tsv", "\t")
    for subject in range(simulation.subjects):
        name = f"sub-{subject:02}"
        start = folder / name / "eeg" / f"{name}_task-films"
        start.parent.mkdir(parents=True, exist_ok=True)
        write(recording(simulation, subject), Path(f"{start}_eeg.edf"))
        events = [
            {
                "onset": row["start"],
                "duration": row["end"] - row["start"],
                "trial_type": row["emotion"],
                "stim_file": f"{row['stimulus']}.mp4",
            }
            for row in rows(simulation, subject, "")
        ]
        table(events, Path(f"{start}_events.tsv"), "\t")
        channels = [{"name": name, "type": "EEG", "units": "uV"} for name in CHANNELS]
        table(channels, Path(f"{start}_channels.tsv"), "\t")


def table(rows: list[dict[str, Any]], path: Path, delimiter: str = ",") -> None:
    """Write a table with a header."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write the recordings and the table of their trials."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--subjects", type=int, default=SUBJECTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=TRIALS, help="of each emotion")
    parser.add_argument("--format", choices=("edf", "fif", "bids"), default="edf")
    chosen = parser.parse_args()
    simulation = Simulation(chosen.seed, chosen.subjects, trials=chosen.trials)
    if chosen.format == "bids":
        write_bids(simulation, chosen.output)
        return
    chosen.output.mkdir(parents=True, exist_ok=True)
    trials = []
    for subject in range(chosen.subjects):
        name = f"s{subject:02}.edf" if chosen.format == "edf" else f"s{subject:02}_raw.fif"
        write(recording(simulation, subject), chosen.output / name)
        trials += rows(simulation, subject, name)
    table(trials, chosen.output / "trials.csv")


if __name__ == "__main__":
    main()
