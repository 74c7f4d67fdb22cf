"""The picture of EEG: what mne is given to draw, what stands over time, and what goes wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mne
import numpy as np
import orjson
import pytest
from matplotlib.figure import Figure

from emocli.io.store import Store
from emocli.plots import eeg, eeg_brain, eeg_panel, eeg_records, palette, topographies
from emocli.signals import eeg_bands, eeg_montage, eeg_overview
from emocli.signals.eeg import Eeg
from tests.conftest import Emocli
from tests.signals import edf_files

Record = dict[str, Any]
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "O2")
RATE_HZ, SECONDS = 128, 24
BACK = {"O1", "O2"}


def samples(seed: int = 0) -> np.ndarray:
    """Noise of 12 electrodes in uV, with a rhythm of 10 Hz at O1 and O2."""
    found = np.random.default_rng(seed).normal(0, 20, (len(NAMES), SECONDS * RATE_HZ))
    wave = 14 * np.sin(2 * np.pi * 10 * np.arange(found.shape[1]) / RATE_HZ)
    found[[NAMES.index(name) for name in sorted(BACK)]] += wave
    return found


@pytest.fixture
def recording(tmp_path: Path) -> str:
    marks = [(2.0, 0.0, "eyes closed"), (12.0, 0.0, "film")]
    path = tmp_path / "rest.edf"
    return str(edf_files.write(path, samples(), RATE_HZ, NAMES, marks=marks))


def read(records: list[Record], **asked: Any) -> tuple[eeg_brain.Brain, list[str]]:
    told: list[str] = []
    wanted = {"recording": None, "part": (None, None), "by": None, "channels": (), "across": 800}
    stdin = io.BytesIO(b"".join(orjson.dumps(record) + b"\n" for record in records))
    reading = eeg_records.Reading(
        told.append, Store(None), eeg_records.Asked(**{**wanted, **asked})
    )
    return reading.read("-", stdin), told


def answer(start: float, end: float, emotion: str, path: str) -> Record:
    shares = {"joy": 0.2, "fear": 0.1, emotion: 0.8}
    total = sum(shares.values())
    probabilities = {name: share / total for name, share in shares.items()}
    prediction = {"emotion": emotion, "probabilities": probabilities}
    return {
        "id": f"{path}#{start}",
        "path": path,
        "start": start,
        "end": end,
        "prediction": prediction,
    }


def feature(values: np.ndarray, encoder: str = "band-power", **fields: Any) -> Record:
    """A record with a vector (channels, bands) of EEG."""
    made = {
        "modality": "eeg",
        "encoder": encoder,
        "pooling": "mean",
        "dim": values.size,
        "channels": list(NAMES[: len(values)]),
        "bands": {"theta": [4, 8], "alpha": [8, 14]},
        "vector": values.ravel().tolist(),
    }
    return {"id": "f", "path": "gone.edf", "features": {"eeg": {**made, **fields}}}


def drawn(
    monkeypatch: pytest.MonkeyPatch, brain: eeg_brain.Brain
) -> tuple[Figure, list[dict[str, Any]]]:
    """Return the page, and what mne was given for each map."""
    given: list[dict[str, Any]] = []
    original = mne.viz.plot_topomap

    def noting(data: Any, info: Any, **rest: Any) -> Any:
        given.append({"data": data, "names": info.ch_names, **rest})
        return original(data, info, **rest)

    monkeypatch.setattr(mne.viz, "plot_topomap", noting)
    return eeg.draw(brain, 1000), given


def texts(figure: Figure) -> list[str]:
    inside = [text for axes in figure.axes for text in axes.texts]
    return [text.get_text() for text in [*figure.texts, *inside]]


def test_a_rhythm_at_the_back_is_at_the_back_of_the_alpha_map(
    recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    brain, told = read([{"id": "rest", "path": recording}])
    assert told == []
    figure, maps = drawn(monkeypatch, brain)
    assert len(maps) == len(eeg_bands.BANDS)
    alpha = maps[list(eeg_bands.BANDS).index("alpha")]
    order = np.argsort(-alpha["data"])
    assert {alpha["names"][place] for place in order[:2]} == BACK
    others = np.delete(alpha["data"], order[:2])
    expected_db = 10 * np.log10(1 + 14**2 / 2 / np.mean(10 ** (others / 10)))
    np.testing.assert_allclose(alpha["data"][order[:2]] - others.mean(), expected_db, atol=1.5)
    assert not alpha["mask"].any()
    assert alpha["vlim"] == pytest.approx((alpha["data"].min(), alpha["data"].max()))
    written = texts(figure)
    assert {"rest.edf", "alpha", "8–14 Hz", "eyes closed", "film", "dB"} <= set(written)


def test_mne_is_given_the_positions_of_the_electrodes(
    recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = topographies._info(NAMES)
    places = {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]}
    assert places["O1"][1] < places["Cz"][1] < places["Fp1"][1]
    assert places["F3"][0] < 0 < places["F4"][0]


def test_the_same_input_gives_the_same_bytes(emocli: Emocli, recording: str) -> None:
    records = [answer(0, 10, "joy", recording), answer(10, 20, "fear", recording)]
    for kind in ("png", "svg"):
        flags = ("plot", "eeg", "--width=400", "--format", kind)
        first = emocli(*flags, stdin=records)
        assert (first.status, first.stderr) == (0, "")
        assert emocli(*flags, stdin=records).stdout == first.stdout


def test_band_power_and_entropy_of_records_give_the_same_map() -> None:
    power = np.random.default_rng(1).uniform(1, 30, (12, 2))
    entropy = eeg_bands.differential_entropy(power)
    (one, _), (two, _) = read([feature(power)]), read([feature(entropy, "differential-entropy")])
    np.testing.assert_allclose(one.groups[None].mean, 10 * np.log10(power), atol=1e-4)
    np.testing.assert_allclose(two.groups[None].mean, 10 * np.log10(power), atol=1e-4)


def test_features_and_the_recording_itself_give_the_same_map(
    emocli: Emocli, recording: str
) -> None:
    encoded = emocli(
        "encode", "--modality", "eeg", "--encoder", "band-power", "--segment", "none", recording
    ).records
    (of_features, told), (measured, _) = read(encoded), read([{"id": "r", "path": recording}])
    assert told == []
    assert not of_features.measured
    assert measured.measured
    np.testing.assert_allclose(of_features.groups[None].mean, measured.groups[None].mean, atol=1e-3)


def test_groups_are_drawn_as_differences_from_all(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.full((12, 2), 4.0)
    records = [
        {**feature(flat * factor), "id": name, "label": {"emotion": name}}
        for name, factor in (("joy", 0.5), ("fear", 2.0))
    ]
    brain, _ = read(records, by="label")
    figure, maps = drawn(monkeypatch, brain)
    assert [m["cmap"] for m in maps] == [topographies.LEVELS] * 2 + [topographies.DIFFERENCES] * 4
    three_db = 10 * np.log10(2)
    for data, expected in zip(maps[2:], (-three_db, -three_db, three_db, three_db), strict=True):
        np.testing.assert_allclose(data["data"], expected, atol=1e-4)
        assert data["vlim"] == pytest.approx((-three_db, three_db), abs=1e-4)
    assert {"all", "joy", "fear"} <= set(texts(figure))


def test_bad_electrodes_are_crosses_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = samples()
    values[NAMES.index("C4")] = 0.0
    values[:, 8 * RATE_HZ : 14 * RATE_HZ] = 0.0
    names = [*NAMES[:-1], "CB2"]
    path = str(edf_files.write(tmp_path / "bad.edf", values, RATE_HZ, names))
    brain, _ = read([{"id": "bad", "path": path}], channels=("c4", "F3"))
    assert brain.signal is not None
    assert brain.signal.shown.names == ("C4", "F3")
    shown = brain.signal.shown
    unusable = shown.times[shown.unusable]
    assert 4.0 <= unusable.min() <= 8.0
    assert 14.0 <= unusable.max() <= 18.0
    figure, maps = drawn(monkeypatch, brain)
    assert "CB2" not in maps[0]["names"]
    assert [n for n, bad in zip(maps[0]["names"], maps[0]["mask"], strict=True) if bad] == ["C4"]
    assert maps[0]["data"].min() > -20  # windows that nobody can use are not in the mean
    notes = " ".join(texts(figure))
    assert "bad (crosses on the maps): C4 (flat, interpolated)" in notes
    assert "without a position: CB2" in notes


def test_answers_stand_below_the_signal_at_their_times(recording: str) -> None:
    records = [answer(0, 10, "joy", recording), answer(10, 20, "fear", recording)]
    records[0]["label"] = {"emotion": "joy"}
    brain, _ = read(records)
    figure = eeg.draw(brain, 1000)
    wide = [axes for axes in figure.axes if axes.get_xlim() == (0.0, float(SECONDS))]
    assert len(wide) == 4  # events, signal, probabilities, strips
    assert len({axes.get_position().x0 for axes in wide}) == 1
    strips = wide[-1]
    assert [tick.get_text() for tick in strips.get_yticklabels()] == ["predicted", "label"]
    assert {"joy", "fear"} <= {text.get_text() for text in strips.texts}
    assert set(palette.COLOURS) >= {text for text in texts(figure) if text in ("joy", "fear")}


def test_a_part_is_shown_and_averaged(recording: str) -> None:
    brain, _ = read([{"id": "r", "path": recording}], part=(8.0, 16.0))
    assert brain.signal is not None
    assert (brain.signal.shown.first, brain.signal.shown.last) == (8.0, 16.0)
    assert brain.groups[None].windows == 3
    assert [mark.text for mark in brain.signal.marks] == ["film"]


def test_the_envelope_of_pieces_is_that_of_the_whole() -> None:
    values = samples().astype(np.float32)
    columns = 100
    pieces = eeg_overview.overview(0.0, SECONDS, NAMES, RATE_HZ, columns)
    for start in (0, 6, 12, 18):
        part = values[:, start * RATE_HZ : (start + 6) * RATE_HZ]
        pieces.add(Eeg(part, NAMES, RATE_HZ, np.zeros((2, len(NAMES)), np.bool_)), float(start))
    at = np.arange(values.shape[1]) * columns // values.shape[1]
    for column in (0, 1, 49, 99):
        inside = values[:, at == column]
        np.testing.assert_array_equal(pieces.low[:, column], inside.min(1))
        np.testing.assert_array_equal(pieces.high[:, column], inside.max(1))


def test_an_artifact_does_not_flatten_the_rest() -> None:
    shown = eeg_overview.overview(0.0, 10.0, ("Cz",), 100.0, 100)
    shown.low[:], shown.high[:] = -20.0, 20.0
    shown.high[0, 10:14] = 5000.0
    shown.mark(1.0, 1.4, np.array([True]), unusable=False)
    assert eeg_panel.scale(shown) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "asymmetry"}, "asymmetry is of pairs of electrodes"),
        ({"encoder": "labram"}, "features of labram are not by electrode and band"),
        ({"pooling": "statistics"}, "has the pooling 'statistics'"),
        ({"channels": None}, "does not say its channels and bands"),
        ({"channels": [f"X{i}" for i in range(12)]}, "needs 4 electrodes with a position"),
        ({"channels": ["Cz"], "dim": 2, "vector": [1.0, 2.0]}, "has 1 of Cz"),
        ({"vector": [1.0, 2.0, 3.0]}, "not (24,) or (time, 24)"),
    ],
)
def test_features_that_are_no_map_are_refused_in_one_line(
    emocli: Emocli, change: Record, message: str
) -> None:
    record = {**feature(np.ones((12, 2)), **change), "path": "gone.mp3"}
    outcome = emocli("plot", "eeg", stdin=[record])
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_what_cannot_be_drawn_is_said_in_one_line(emocli: Emocli, recording: str) -> None:
    gone = answer(0, 10, "joy", "gone.edf")
    other = answer(0, 10, "joy", "other.edf")
    cases: list[tuple[list[Record], tuple[str, ...], int, str]] = [
        ([], (), 5, "no input records"),
        ([{"id": "a", "text": "hi"}], (), 1, "a: neither band power nor a recording of EEG"),
        ([gone], (), 1, "gone.edf: the file cannot be read"),
        ([gone, other], (), 2, "2 recordings do not fit into one picture: gone.edf, other.edf"),
        ([gone], ("--recording", "x.edf"), 2, "no such recording (gone.edf)"),
        ([answer(0, 9, "joy", recording)], ("--channels", "XX"), 2, "no electrode XX"),
        ([{"id": "a", "path": recording}], ("--start", "99"), 2, "no EEG there"),
        ([{"id": "a", "path": recording}], ("--by", "label"), 2, "no record has one"),
    ]
    for records, flags, status, message in cases:
        outcome = emocli("plot", "eeg", *flags, stdin=records)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr
        assert outcome.stderr.count("\n") == 1, outcome.stderr


def test_maps_are_drawn_without_their_recording_and_a_signal_without_maps(
    emocli: Emocli, tmp_path: Path
) -> None:
    outcome = emocli("plot", "eeg", "--format", "svg", stdin=[feature(np.ones((12, 2)))])
    assert outcome.status == 0
    assert "the signal is not drawn: gone.edf: the file cannot be read" in outcome.stderr
    single = edf_files.noise(tmp_path / "one.edf", 12, labels=["Cz"])
    outcome = emocli("plot", "eeg", "--format", "svg", str(single))
    assert outcome.status == 0
    assert "no topographies: a topography needs 4 electrodes" in outcome.stderr


def test_a_malformed_record_is_named_and_the_others_drawn(emocli: Emocli) -> None:
    good = feature(np.ones((12, 2)))
    fewer = feature(np.ones((11, 2)))
    outcome = emocli("plot", "eeg", "--format", "svg", stdin=[good, {**fewer, "id": "fewer"}])
    assert outcome.status == 1
    assert "fewer: electrodes are not those of the records before: O2 less" in outcome.stderr
    assert outcome.stdout.startswith(b"<?xml")


def test_positions_are_there_for_the_spread_of_channels() -> None:
    from emocli.plots import eeg_signal

    assert set(eeg_signal.SPREAD) <= set(eeg_montage.positions())
