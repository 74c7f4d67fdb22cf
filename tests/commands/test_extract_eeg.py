"""extract-eeg, and what encode and predict make of recordings of EEG: files with every fault."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.io.store import Store
from emocli.signals import eeg_bands
from tests.conftest import Emocli
from tests.signals import edf_files

Record = dict[str, Any]
LABELS = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2")
RATE_HZ = 128


def noise(seconds: float = 20, channels: int = len(LABELS), rate_hz: int = RATE_HZ) -> np.ndarray:
    random = np.random.default_rng(5)
    return random.normal(0, 15, (channels, round(seconds * rate_hz)))


@pytest.fixture
def edf(tmp_path: Path) -> Callable[..., Path]:
    """Write a recording: edf("a.edf", samples=..., labels=..., unit=..., rate_hz=...)."""

    def write(name: str = "a.edf", samples: np.ndarray | None = None, **how: Any) -> Path:
        labels, rate_hz = how.pop("labels", LABELS), how.pop("rate_hz", RATE_HZ)
        values = noise(channels=len(labels), rate_hz=rate_hz) if samples is None else samples
        return edf_files.write(tmp_path / name, values, rate_hz, labels, **how)

    return write


def test_samples_are_in_the_store_with_what_was_done(
    edf: Callable[..., Path], emocli: Emocli
) -> None:
    (record,) = emocli("extract-eeg", str(edf()), "--band", "1,40", "--notch", "50").records
    about = record["eeg"]
    assert about["channels"] == list(LABELS)
    assert (about["sample_rate_hz"], about["duration"]) == (128, 20)
    assert (about["band_hz"], about["notch_hz"], about["reference"]) == ([1, 40], 50, "average")
    assert about["decoder"].startswith("mne ")
    samples = Store().array({"path": about["path"]})
    assert samples.shape == (8, 2560)
    np.testing.assert_allclose(samples.mean(axis=0), 0, atol=1e-4)
    assert Store().array(about["mask"]).shape == (9, 8)
    again = emocli("extract-eeg", stdin=[record]).records
    assert again == [record]


def test_a_part_of_a_file_is_a_part(edf: Callable[..., Path], emocli: Emocli) -> None:
    record = {"id": "t", "path": str(edf()), "start": 4.0, "end": 12.0}
    assert emocli("extract-eeg", stdin=[record]).records[0]["eeg"]["duration"] == 8


def test_names_of_electrodes_are_chosen_and_left_out(
    edf: Callable[..., Path], emocli: Emocli
) -> None:
    path = str(edf(labels=("EEG FP1-REF", "t3", "EEG Cz", "ECG")))
    (some,) = emocli("extract-eeg", path, "--channels", "CZ,T7").records
    assert some["eeg"]["channels"] == ["Cz", "T7"]
    (others,) = emocli("extract-eeg", path, "--channels=-Fp1").records
    assert others["eeg"]["channels"] == ["T7", "Cz"]
    assert "ECG" in others["eeg"]["warning"]


def faulty(kind: str, edf: Callable[..., Path], folder: Path) -> Path:
    """Return a recording with a fault."""
    if kind == "header only":
        return edf(samples=noise(0))
    if kind == "annotations only":
        return edf(samples=noise(20, 0), labels=(), marks=[(1.0, 2.0, "joy")])
    if kind == "no channels":
        return edf(samples=noise(20, 0), labels=())
    if kind == "constant channels":
        return edf(samples=np.zeros((8, 2560)))
    if kind == "microvolts as volts":
        return edf(unit="V")
    if kind == "a rate too low for the band":
        return edf(rate_hz=100)
    if kind == "a doubled electrode":
        return edf(labels=(*LABELS[:7], "Fp1"))
    if kind == "a missing electrode":
        return edf(labels=LABELS[:4], samples=noise(20, 4))
    if kind == "shorter than a window":
        return edf(samples=noise(3))
    if kind == "no EDF":
        (folder / "a.edf").write_text("no recording at all" * 90)
    return folder / "a.edf"


FAULTS = {
    "header only": ("no_samples", "decode_failed"),
    "annotations only": ("no_channels", "decode_failed"),
    "no channels": ("no_channels", "decode_failed"),
    "constant channels": ("no_good_channels",),
    "microvolts as volts": ("wrong_unit",),
    "a rate too low for the band": ("band_too_high",),
    "a doubled electrode": ("doubled_electrode",),
    "a missing electrode": ("missing_electrode",),
    "shorter than a window": ("too_short",),
    "no EDF": ("decode_failed",),
    "not there": ("not_found",),
}
FLAGS = {
    "a rate too low for the band": ["--band", "0.5,75"],
    "a missing electrode": ["--channels", "F3,F4,Cz"],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_recording_is_an_error_between_good_ones(
    kind: str, edf: Callable[..., Path], emocli: Emocli, tmp_path: Path
) -> None:
    bad = str(faulty(kind, edf, tmp_path))
    flags = FLAGS.get(kind, [])
    labels = ("F3", "F4", "Cz", "Pz")
    good = str(edf("good.edf", labels=labels, rate_hz=200, samples=noise(20, 4, 200)))
    done = emocli("extract-eeg", *flags, good, bad, good)
    assert done.status == 1
    assert [("error" in record) for record in done.records] == [False, True, False]
    error = done.records[1]["error"]
    assert error["code"] in FAULTS[kind], error
    assert error["stage"] == "extract-eeg"
    assert bad in done.stderr
    assert "Traceback" not in done.stderr


def test_a_unit_that_the_header_has_wrong_may_be_said(
    edf: Callable[..., Path], emocli: Emocli
) -> None:
    wrong = str(edf(unit="V"))
    assert "--unit uV" in emocli("extract-eeg", wrong).records[0]["error"]["hint"]
    (record,) = emocli("extract-eeg", wrong, "--unit", "uV").records
    assert "error" not in record


def test_a_file_cut_in_half_is_told(
    edf: Callable[..., Path], emocli: Emocli, tmp_path: Path
) -> None:
    whole = edf("a.bdf")
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    (record,) = emocli("extract-eeg", str(whole)).records
    assert record["eeg"]["duration"] < 11
    assert "cut short" in record["eeg"]["warning"] or "20 s" in record["eeg"]["warning"]


@pytest.mark.parametrize("rate_hz", [100, 8000])
def test_other_rates_are_read(rate_hz: int, edf: Callable[..., Path], emocli: Emocli) -> None:
    path = str(edf(rate_hz=rate_hz, samples=noise(8, 8, rate_hz)))
    (record,) = emocli("extract-eeg", path).records
    assert record["eeg"]["sample_rate_hz"] == min(200, rate_hz)


def test_faults_of_windows_are_counted_and_masked(edf: Callable[..., Path], emocli: Emocli) -> None:
    values = noise()
    values[2, 600:900] = 3.0
    (record,) = emocli("extract-eeg", str(edf(samples=values)), "--overlap", "0").records
    assert record["eeg"]["flagged"]["windows"]["flat"] >= 1
    mask = Store().array(record["eeg"]["mask"])
    assert mask[1, 2] == 1
    assert mask[:, [0, 1, 3, 4]].sum() == 0


ENCODERS = {"band-power": 5 * 8, "differential-entropy": 5 * 8, "asymmetry": 5 * 4}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_windows_are_measured(encoder: str, edf: Callable[..., Path], emocli: Emocli) -> None:
    path = str(edf())
    (record,) = emocli("encode", "--modality", "eeg", "--encoder", encoder, path).records
    feature = record["features"]["eeg"]
    assert (feature["dim"], feature["pooling"]) == (ENCODERS[encoder], "frames")
    assert Store().array(feature["array"]).shape == (9, ENCODERS[encoder])
    assert feature["channels"] == list(LABELS)
    assert list(feature["bands"]) == list(eeg_bands.BANDS)
    assert feature["prepared"]["rate_hz"] == 128
    (extracted,) = emocli("extract-eeg", path).records
    (same,) = emocli("encode", "--modality", "eeg", "--encoder", encoder, stdin=[extracted]).records
    assert same["features"] == record["features"]


@pytest.mark.parametrize(("pooling", "factor"), [("mean", 1), ("mean+std", 2), ("statistics", 7)])
def test_windows_are_pooled(
    pooling: str, factor: int, edf: Callable[..., Path], emocli: Emocli
) -> None:
    (record,) = emocli("encode", "--modality", "eeg", "--pooling", pooling, str(edf())).records
    assert len(record["features"]["eeg"]["vector"]) == 40 * factor


def test_bands_of_one_s_own(edf: Callable[..., Path], emocli: Emocli) -> None:
    flags = ["--encoder", "band-power", "--pooling", "mean", "--bands", "low=1-8,high=30-45"]
    (record,) = emocli("encode", "--modality", "eeg", *flags, str(edf())).records
    assert record["features"]["eeg"]["bands"] == {"low": [1, 8], "high": [30, 45]}
    low, high = np.reshape(record["features"]["eeg"]["vector"], (8, 2)).T
    np.testing.assert_allclose(high.mean() / low.mean(), 15 / 7, rtol=0.1)
    for wrong in ("low", "low=8-1", "low=1-8,low=2-3", "low=a-b"):
        done = emocli("encode", "--modality", "eeg", "--bands", wrong, str(edf()))
        assert done.status == 2
        assert "alpha=8-14" in done.stderr
    assert emocli("encode", "--modality", "audio", "--bands", "a=1-2", str(edf())).status == 2


def test_an_alpha_rhythm_is_found_in_alpha(edf: Callable[..., Path], emocli: Emocli) -> None:
    time = np.arange(2560) / RATE_HZ
    values = noise() * 0.4
    values[6:] += 20 * np.sin(2 * np.pi * 10 * time)
    flags = ["--encoder", "band-power", "--pooling", "mean"]
    bare = ["--reference", "recorded"]
    (extracted,) = emocli("extract-eeg", *bare, str(edf(samples=values))).records
    (record,) = emocli("encode", "--modality", "eeg", *flags, stdin=[extracted]).records
    power = np.reshape(record["features"]["eeg"]["vector"], (8, 5))
    np.testing.assert_allclose(power[6:, 2], 200, rtol=0.05)  # 20^2 / 2
    assert power[:6, 2].max() < 10


def montages(edf: Callable[..., Path], emocli: Emocli) -> list[Record]:
    """Return encoded records of one subject with two different caps."""
    paths = [str(edf("a.edf")), str(edf("b.edf", labels=LABELS[:6], samples=noise(20, 6)))]
    done = emocli("encode", "--modality", "eeg", "--pooling", "mean", *paths)
    assert done.status == 0
    return [
        {**record, "speaker": f"s{i // 2}", "label": {"emotion": ("joy", "fear")[i % 2]}}
        for i, record in enumerate(done.records * 6)
    ]


def test_two_montages_in_one_run_are_refused_by_name(
    edf: Callable[..., Path], emocli: Emocli, tmp_path: Path
) -> None:
    records = montages(edf, emocli)
    done = emocli("train", "-m", "mlp", "-o", str(tmp_path / "m"), stdin=records)
    assert done.status == 2
    assert "features.eeg" in done.stderr
    done = emocli("normalize", "--by", "speaker", stdin=records)
    assert done.status == 2
    assert "dim 30, others have 40" in done.stderr


TRAINED: list[Path] = []  # the folder with a model and its recordings, made once


@pytest.fixture
def bundle(
    edf: Callable[..., Path],
    emocli: Emocli,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Return a model of windows relative to the subject; s0.edf to s3.edf are beside it."""
    if not TRAINED:
        train(edf, emocli, tmp_path)
        TRAINED.append(tmp_path_factory.mktemp("trained") / "all")
        shutil.copytree(tmp_path, TRAINED[0])
    else:
        shutil.copytree(TRAINED[0], tmp_path, dirs_exist_ok=True)
    return str(tmp_path / "model")


def train(edf: Callable[..., Path], emocli: Emocli, tmp_path: Path) -> None:
    """Train on four subjects: joy has more beta."""
    records = []
    for subject in range(4):
        values = noise(64)
        time = np.arange(values.shape[1]) / RATE_HZ
        for trial in range(1, 8, 2):
            part = slice(trial * 8 * RATE_HZ, (trial + 1) * 8 * RATE_HZ)
            values[:, part] += 25 * np.sin(2 * np.pi * 20 * time[part] + np.arange(8)[:, None])
        path = str(edf(f"s{subject}.edf", samples=values * (1 + subject / 4)))
        records += [
            {
                "id": f"s{subject}-{trial}",
                "path": path,
                "start": trial * 8.0,
                "end": trial * 8.0 + 8.0,
                "speaker": f"s{subject}",
                "label": {"emotion": ("neutral", "joy")[trial % 2]},
            }
            for trial in range(8)
        ]
    encoded = emocli("encode", "--modality", "eeg", stdin=records)
    normal = emocli("normalize", "--by", "speaker", stdin=encoded.stdout)
    folder = str(tmp_path / "model")
    done = emocli(
        "train", "-m", "conv-attention", "--epochs", "10", "-o", folder, stdin=normal.stdout
    )
    assert done.status == 0, done.stderr


def test_a_recording_is_judged_piece_by_piece_relative_to_itself(
    bundle: str, emocli: Emocli, tmp_path: Path
) -> None:
    path = str(tmp_path / "s2.edf")
    done = emocli("predict", "-m", bundle, "--segment", "8", "--keep-features", path)
    assert done.status == 0, done.stderr
    assert [r["id"] for r in done.records[:2]] == [f"{path}#0.00-8.00", f"{path}#8.00-16.00"]
    found = [r["prediction"]["emotion"] for r in done.records]
    assert found == ["neutral", "joy"] * 4
    about = done.records[0]["eeg"]
    assert about["normalized"] == "recording"
    config = json.loads((Path(bundle) / "config.json").read_text())
    prepared = config["streams"]["eeg"]["prepared"]
    assert (about["sample_rate_hz"], about["band_hz"]) == (prepared["rate_hz"], prepared["band_hz"])


def test_a_trial_is_not_taken_relative_to_itself(
    bundle: str, emocli: Emocli, tmp_path: Path
) -> None:
    """One array of a corpus is one trial: its own mean would take out what it shows."""
    np.save(tmp_path / "trial.npy", noise(12))
    place = {"variable": "", "sample_rate_hz": RATE_HZ, "channels": LABELS, "unit": "uV"}
    record = {"id": "t", "path": str(tmp_path / "trial.npy"), "eeg": place, "speaker": "s1"}
    extracted = emocli("extract-eeg", stdin=[record])
    assert extracted.status == 0, extracted.stderr
    for given in ([record], extracted.records):
        done = emocli("predict", "-m", bundle, stdin=given)
        assert done.status == 1
        assert "normalize --by speaker" in json.dumps(done.records[0])


def test_a_whole_recording_in_the_store_is_enough(
    bundle: str, emocli: Emocli, tmp_path: Path
) -> None:
    source = tmp_path / "s1.edf"
    extracted = emocli("extract-eeg", str(source)).records
    source.unlink()
    (record,) = emocli("predict", "-m", bundle, stdin=extracted).records
    assert record["eeg"]["normalized"] == "recording"
    assert record["prediction"]["emotion"]


def test_ways_to_cut_a_recording(bundle: str, emocli: Emocli, tmp_path: Path) -> None:
    values = noise(64)
    marks = [(0.0, 0.0, "start"), (8.0, 24.0, "film"), (40.0, 0.0, "rest")]
    path = str(edf_files.write(tmp_path / "m.edf", values, RATE_HZ, LABELS, marks=marks))

    def spans(*flags: str) -> list[tuple[Any, ...]]:
        done = emocli("predict", "-m", bundle, *flags, path)
        return [(r.get("start"), r.get("end"), r.get("event")) for r in done.records]

    assert spans("--segment", "annotations") == [(8, 32, "film")]
    assert spans("--segment", "events") == [(0, 40, "start"), (40, 64, "rest")]
    assert spans("--segment", "windows")[:2] == [(0, 4, None), (2, 6, None)]
    assert spans() == [(10.0 * n, 10.0 * n + 10, None) for n in range(6)] + [(60, 64, None)]
    for whole in ("none", "vad"):
        assert spans("--segment", whole) == [(None, None, None)]
    turns = tmp_path / "turns.csv"
    turns.write_text(f"path,start,end,speaker\n{path},4,16,s1\n{path},20,30,s2\n")
    assert spans("--segments", str(turns)) == [(4, 16, None), (20, 30, None)]


def test_no_second_of_a_recording_is_lost_and_no_segment_is_empty(
    bundle: str, emocli: Emocli, tmp_path: Path
) -> None:
    marks = [(1.0, 0.0, "one"), (20.0, 0.0, "two"), (39.9, 0.0, "stray"), (3.0, 2.0, "bad")]
    path = str(edf_files.write(tmp_path / "m.edf", noise(40), RATE_HZ, LABELS, marks=marks))

    def spans(way: str) -> list[tuple[Any, ...]]:
        done = emocli("predict", "-m", bundle, "--segment", way, path)
        told.append(done.stderr)
        return [(r["start"], r["end"]) for r in done.records]

    told: list[str] = []
    assert spans("13") == [(0, 13), (13, 26), (26, 40)]
    assert spans("18") == [(0, 18), (18, 36), (36, 40)]
    assert spans("60") == [(0, 40)]
    assert spans("events") == [(1, 20), (20, 39.9)]
    assert "1 event less than 0.5 s before the next or the end: left out" in told[-1]


@pytest.mark.parametrize(
    ("way", "seconds", "hint"),
    [
        ("events", 2.0, "it has 1 annotation that lasts: --segment annotations"),
        ("annotations", 0.0, "it has 1 event: --segment events"),
    ],
)
def test_what_a_recording_has_instead_is_hinted_at(
    way: str, seconds: float, hint: str, bundle: str, emocli: Emocli, tmp_path: Path
) -> None:
    marks = [(1.0, seconds, "film")]
    path = str(edf_files.write(tmp_path / "m.edf", noise(20), RATE_HZ, LABELS, marks=marks))
    done = emocli("predict", "-m", bundle, "--segment", way, path)
    assert hint in done.records[0]["error"]["hint"]


def test_no_events_are_told(bundle: str, edf: Callable[..., Path], emocli: Emocli) -> None:
    done = emocli("predict", "-m", bundle, "--segment", "events", str(edf()))
    assert done.status == 1
    assert done.records[0]["error"]["code"] == "no_segments"
    assert "--segment 10" in done.records[0]["error"]["hint"]


def test_other_electrodes_than_the_model_s_are_an_error_of_the_record(
    bundle: str, edf: Callable[..., Path], emocli: Emocli, tmp_path: Path
) -> None:
    other = str(edf("b.edf", labels=LABELS[:6], samples=noise(20, 6)))
    done = emocli("predict", "-m", bundle, other, str(tmp_path / "s1.edf"), "--segment", "none")
    assert done.status == 1
    assert "O1, O2" in json.dumps(done.records[0])
    assert "prediction" in done.records[1]


def test_a_sound_is_no_eeg_and_eeg_is_no_sound(
    bundle: str, edf: Callable[..., Path], emocli: Emocli, wav: Callable[..., Path]
) -> None:
    sound = emocli("extract-eeg", str(wav()))
    assert sound.status == 1
    assert sound.records[0]["missing"]["eeg"]["code"] == "no_eeg"
    assert ".edf" in sound.records[0]["missing"]["eeg"]["hint"]
    spoken = emocli("extract-eeg", stdin=[{"id": "a", "path": str(wav()), "text": "so glad"}])
    assert spoken.status == 0
    assert spoken.records[0]["missing"]["eeg"]["code"] == "no_eeg"
    done = emocli("extract-audio", str(edf()))
    assert done.records[0]["missing"]["audio"]["code"] == "no_audio"


@pytest.mark.parametrize(
    "flags",
    [
        ["--band", "a"],
        ["--band", "1"],
        ["--reference", "Cz"],
        ["--unit", "kV"],
        ["--overlap", "4"],
        ["--band", "45,1"],
    ],
)
def test_flags_that_cannot_be(flags: list[str], edf: Callable[..., Path], emocli: Emocli) -> None:
    done = emocli("extract-eeg", *flags, str(edf()))
    assert done.status in (1, 2)
    assert done.status == 2 or done.records[0]["error"]["code"] == "bad_band"
