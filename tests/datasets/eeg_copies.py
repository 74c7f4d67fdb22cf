"""Small copies of the EEG datasets, made by a function of each name."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import scipy.io

from tests.signals import edf_files

SEED = 62  # channels
RATE_HZ = 200


def eeg(*shape: int) -> np.ndarray:
    """Samples like those of EEG, in uV: the last axis is time."""
    return np.random.default_rng(sum(shape)).normal(0, 10, shape)


def mat(file: Path, **variables: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(file, variables, do_compression=True)


def seed(folder: Path) -> Path:
    trials = {f"djc_eeg{n}": eeg(SEED, 100 + n) for n in (1, 2, 3)}
    mat(folder / "Preprocessed_EEG/1_20131027.mat", **trials)
    mat(folder / "Preprocessed_EEG/10_20131130.mat", ww_eeg15=eeg(SEED, 100))
    mat(folder / "Preprocessed_EEG/label.mat", label=[[1, 0, -1]])
    mat(folder / "ExtractedFeatures/1_20131027.mat", de_LDS1=eeg(SEED, 4, 5))
    return folder


def seed_iv(folder: Path) -> Path:
    for session, variable in ((1, "cz_eeg1"), (3, "cz_eeg5")):
        place = folder / f"eeg_raw_data/{session}/2_20150915.mat"
        mat(place, **{variable: eeg(SEED, 120)})
    mat(folder / "eeg_feature_smooth/1/2_20150915.mat", de_LDS1=eeg(SEED, 4, 5))
    return folder


def seed_vii(folder: Path) -> Path:
    trials = {str(n): eeg(SEED, 100) for n in (1, 21, 45)}
    mat(folder / "EEG_preprocessed/3.mat", **trials)
    mat(folder / "continuous_labels/3.mat", **{"1": eeg(1, 10)})
    mat(folder / "EEG_features/3.mat", de_1=eeg(4, 5, SEED))
    return folder


def python2(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes that Python 2 pickles a dict of arrays to (protocol 2)."""
    whole = struct.Struct("<i").pack
    parts = [b"\x80\x02}("]
    for name, array in arrays.items():
        data = array.astype("<f8").tobytes()
        parts += [
            b"U" + bytes([len(name)]) + name.encode(),
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
            b"(K\x01(" + b"".join(b"J" + whole(size) for size in array.shape) + b"t",
            b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff",
            b"K\x00tb\x89T" + whole(len(data)) + data + b"tb",
        ]
    return b"".join([*parts, b"u."])


def deap(folder: Path) -> Path:
    ratings = np.array([[7.71, 7.6, 6.9, 7.83], [1.0, 9.0, 5.5, 3.0]])
    python = folder / "data_preprocessed_python"
    python.mkdir()
    data = {"data": eeg(2, 40, 4 * 128), "labels": ratings}
    (python / "s01.dat").write_bytes(python2(data))
    mat(folder / "data_preprocessed_matlab/s02.mat", **data)
    return folder


def cell(*values: object) -> np.ndarray:
    found = np.empty((len(values), 1), object)
    found[:, 0] = values
    return found


def dreamer(folder: Path) -> Path:
    trials = [4000 + eeg(128 + n, 14) for n in (1, 2)]
    scores = {
        "ScoreValence": [[4], [1]], "ScoreArousal": [[3], [5]], "ScoreDominance": [[2], [2]],
    }  # fmt: skip
    signals = {"baseline": cell(*trials), "stimuli": cell(*trials)}
    people = [
        {"Age": age, "Gender": "male", "EEG": signals, "ECG": signals, **scores}
        for age in ("22", "n/a")
    ]
    data = {"Data": cell(*people).T, "EEG_SamplingRate": 128, "noOfSubjects": 2}
    scipy.io.savemat(folder / "DREAMER.mat", {"DREAMER": data}, do_compression=True)
    return folder


def faced(folder: Path) -> Path:
    place = folder / "Processed_data"
    place.mkdir()
    (place / "sub007.pkl").write_bytes(pickle.dumps(eeg(28, 32, 50), protocol=4))
    return folder


def mahnob(folder: Path) -> Path:
    """Sessions with two triggers, with one, and of another experiment."""
    felt = 'feltEmo="{}" feltArsl="6" feltVlnc="8" feltCtrl="5" feltPred="3"'
    sheets = {10: felt.format(11), 12: felt.format(4), 140: felt.format(0), 1800: ""}
    for session, given in sheets.items():
        place = folder / f"Sessions/{session}"
        place.mkdir(parents=True)
        triggers = [(64, 70)] if session == 140 else [(64, 70), (256, 262)]
        recording(place / "Part_2_S_Trial5_emotion.bdf", triggers)
        (place / "session.xml").write_text(
            f'<?xml version="1.0" encoding="utf-8"?><session sessionId="{session}" {given} '
            'mediaFile="earworm_f.avi" cutLenSec="60"><subject id="2" gender="female"/></session>'
        )
    return folder


def recording(file: Path, triggers: list[tuple[int, int]], rate_hz: int = 64) -> None:
    """Write 5 s of three channels of EEG, a pulse, and the triggers that BioSemi writes."""
    samples = np.zeros((5, 5 * rate_hz))
    samples[:4] = eeg(4, 5 * rate_hz)
    top, digit = 3276.7, 3276.7 / (2**23 - 1)
    for start, end in triggers:
        samples[4, start:end] = 16 * digit
    names = ["Fp1", "AF3", "O2", "EXG1", "Status"]
    edf_files.write(file, samples, rate_hz, names, range_uv=top)


def text(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [line.replace("|", "\t") for line in lines]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def bids(folder: Path) -> Path:
    """Two subjects; one has the channels and the length of the study, the other of its own."""
    names = ["Fp1", "Cz", "VEOG"]
    about = {"Name": "Films & moods", "BIDSVersion": "1.8.0"}
    text(folder / "dataset_description.json", json.dumps(about))
    text(
        folder / "participants.tsv",
        "participant_id|age|sex|hair",
        "sub-01|24|F|red",
        "sub-02|n/a|M|n/a",
    )
    text(folder / "task-film_eeg.json", json.dumps({"RecordingDuration": 10.0}))
    table = ("name|type|units|status", "Fp1|EEG|µV|good", "Cz|EEG|µV|bad", "VEOG|VEOG|µV|good")
    text(folder / "task-film_channels.tsv", *table)
    for subject in ("01", "02"):
        start = folder / f"sub-{subject}/eeg/sub-{subject}_task-film"
        start.parent.mkdir(parents=True)
        edf_files.write(Path(f"{start}_eeg.edf"), eeg(3, 10 * 64), 64, names, unit="uV")
        text(
            Path(f"{start}_events.tsv"),
            "onset|duration|trial_type|stim_file|trial|valence",
            "1.0|2.5|happy|films/wall-e.mp4|1|4.5",
            "5|0|boredom|films/clock.mp4|2|n/a",
            "8.5|n/a|sad|films/my_girl.mp4|3|1",
        )
    return folder


EVERY = (seed, seed_iv, seed_vii, deap, dreamer, faced, mahnob, bids)
