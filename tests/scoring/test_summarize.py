"""`summarize`: shares, means and intervals by group, against pandas, scipy and known answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from scipy import stats

from emocli.metrics import bootstrap
from emocli.scoring.summary import Work
from emocli.scoring.summary_options import SummaryOptions
from tests.conftest import Emocli

Record = dict[str, Any]
LABELS = ("neutral", "joy", "anger")


def said(number: int, emotion: str, **fields: Any) -> Record:
    others = [label for label in LABELS if label != emotion]
    shares = {emotion: 0.6, **dict.fromkeys(others, 0.4 / len(others))}
    return {
        "id": f"u{number}",
        "prediction": {"emotion": emotion, "probabilities": shares},
        **fields,
    }


def talk(count: int = 300, seed: int = 0) -> list[Record]:
    """Utterances of four speakers in one recording, with probabilities and valence."""
    random = np.random.default_rng(seed)
    start, records = 0.0, []
    for i in range(count):
        shares = random.dirichlet(np.ones(3))
        seconds = float(random.uniform(0.5, 6.0))
        prediction = {
            "emotion": LABELS[int(shares.argmax())],
            "probabilities": dict(zip(LABELS, shares.tolist(), strict=True)),
            "valence": float(random.normal()),
        }
        where = {"path": "a.wav", "start": start, "end": start + seconds}
        speaker = "abcd"[int(random.integers(4))]
        records.append({"id": str(i), "speaker": speaker, "prediction": prediction, **where})
        start += seconds
    return records


def summary(records: list[Record], **options: Any) -> tuple[list[Record], list[str]]:
    """Return the rows of a summary, and what was said."""
    told: list[str] = []
    work = Work(SummaryOptions(**options), told.append)
    work.read(records)
    return work.rows(), told


def frame(records: list[Record]) -> pd.DataFrame:
    """The same records as a data frame."""
    rows = [
        {
            "speaker": r["speaker"],
            "minute": int(r["start"] // 60),
            "half": r["start"] // 30 * 30,
            "emotion": r["prediction"]["emotion"],
            "valence": r["prediction"]["valence"],
            "seconds": r["end"] - r["start"],
            **r["prediction"]["probabilities"],
        }
        for r in records
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("by", ["speaker", "minute", "bin:30", "speaker+minute"])
@pytest.mark.parametrize("weight", ["utterance", "duration"])
def test_shares_and_means_are_those_of_pandas(by: str, weight: str) -> None:
    records = talk()
    rows, _ = summary(records, by=by, weight=weight, bootstrap=0)
    columns = ["half" if name == "bin:30" else name for name in by.split("+")]
    table = frame(records)
    table["w"] = table["seconds"] if weight == "duration" else 1.0
    groups = {
        key if isinstance(key, tuple) else (key,): part for key, part in table.groupby(columns)
    }
    assert {tuple(row["by"].values()) for row in rows} == set(groups)
    for row in rows:
        part = groups[tuple(row["by"].values())]
        for label in LABELS:
            mine = part["emotion"] == label
            assert row["counts"][label] == mine.sum()
            assert row["shares"][label] == pytest.approx(part["w"][mine].sum() / part["w"].sum())
            mean = np.average(part[label], weights=part["w"])
            assert row["probabilities"][label] == pytest.approx(mean)
        assert row["valence"] == pytest.approx(np.average(part["valence"], weights=part["w"]))
        assert row["rated"] == {"valence": len(part)}
        assert row["records"] == row["summarized"] == len(part)
    if weight == "duration":
        assert sum(row["seconds"] for row in rows) == pytest.approx(table["seconds"].sum())


def test_intervals_are_those_of_a_bootstrap_by_scipy() -> None:
    records = talk(80)
    (row,), _ = summary(records, bootstrap=4000)
    table = frame(records)
    joys = (table["emotion"] == "joy").to_numpy(float)
    for ends, values in (
        (row["intervals"]["shares"]["joy"], joys),
        (row["intervals"]["probabilities"]["joy"], table["joy"].to_numpy()),
        (row["intervals"]["valence"], table["valence"].to_numpy()),
    ):
        other = stats.bootstrap(
            (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(3)
        ).confidence_interval
        width = other.high - other.low
        np.testing.assert_allclose(ends, other, atol=0.08 * width)


def test_a_case_worked_by_hand_is_resampled_by_speaker() -> None:
    """Two speakers, all joy and none: a resample has a share of 0, 1/2 or 1, as 1 : 2 : 1."""
    records = [said(i, "joy" if i < 5 else "anger", speaker="ab"[i >= 5]) for i in range(10)]
    (row,), told = summary(records, over="speaker")
    assert (row["resampled"], row["clusters"]) == ("speaker", 2)
    assert row["shares"]["joy"] == 0.5
    assert row["intervals"]["shares"]["joy"] == [0.0, 1.0]
    assert any("fewer than 10 of what is resampled (speaker)" in line for line in told)
    (row,), told = summary(records)
    assert (row["resampled"], row["clusters"]) == ("utterance", 10)
    low, high = stats.binom.ppf([0.025, 0.975], 10, 0.5) / 10  # what resampled shares follow
    assert row["intervals"]["shares"]["joy"] == pytest.approx([low, high], abs=0.1)
    assert told == []


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_nine_of_ten_intervals_of_40_utterances_hold_the_true_share(share: float) -> None:
    """Rare emotions too: a sample without any has the exact bounds, not an interval of 0."""
    random = np.random.default_rng(7)
    rounds, held = 250, 0
    for _ in range(rounds):
        drawn = random.random(40) < share
        records = [said(i, "joy" if joy else "anger") for i, joy in enumerate(drawn)]
        (row,), _ = summary(records, bootstrap=300)
        ends = row["intervals"]["shares"].get("joy", [0.0, 1.0])
        held += ends[0] <= share <= ends[1]
    assert held / rounds >= 0.88  # 90 % for a share of 0.1, by the nature of percentiles


def test_whole_speakers_hold_where_single_utterances_do_not() -> None:
    """Speakers differ: utterances of one resemble each other."""
    random = np.random.default_rng(5)
    rounds, held = 80, {"speaker": 0, "utterance": 0}
    for _ in range(rounds):
        records = []
        for speaker in range(25):
            chance = random.beta(0.6, 1.4)  # mean 0.3
            for _ in range(20):
                emotion = "joy" if random.random() < chance else "anger"
                records.append(said(len(records), emotion, speaker=f"s{speaker}"))
        for over in held:
            (row,), _ = summary(records, over=over, bootstrap=300)
            low, high = row["intervals"]["shares"]["joy"]
            held[over] += low <= 0.3 <= high
    assert held["speaker"] / rounds > 0.87
    assert held["utterance"] / rounds < 0.6


def test_recordings_are_resampled_whole_and_what_has_none_is_told() -> None:
    records = [said(i, "joy", path=f"{i % 3}.wav", room=i % 2) for i in range(12)]
    (row,), told = summary(records, over="recording")
    assert (row["resampled"], row["clusters"]) == ("path", 3)
    (row,), _ = summary(records, over="room")
    assert (row["resampled"], row["clusters"]) == ("room", 2)
    (row,), told = summary(records, over="nothing")
    assert (row["resampled"], row["clusters"]) == ("utterance", 12)
    assert "--over nothing: utterances without it are resampled one by one" in told


def test_a_group_of_one_has_no_interval_and_one_of_a_kind_has_exact_bounds() -> None:
    records = [
        said(0, "joy", speaker="one"),
        *(said(i, "anger", speaker="b") for i in range(1, 13)),
    ]
    (one, many), told = summary(records, by="speaker")
    assert set(map(tuple, one["intervals"]["shares"].values())) == {(None, None)}
    bound = 1 - 0.025 ** (1 / 12)
    assert many["intervals"]["shares"]["joy"] == pytest.approx([0, bound])
    assert many["intervals"]["shares"]["anger"] == pytest.approx([1 - bound, 1])
    assert any("1 of 2 groups have fewer than 10" in line for line in told)


def test_nulls_are_a_group_that_is_named(emocli: Emocli) -> None:
    records = [said(0, "joy", speaker="a"), said(1, "anger"), said(2, "anger")]
    outcome = emocli("summarize", "--by", "speaker", stdin=records)
    assert [row["by"]["speaker"] for row in outcome.records] == ["a", None]
    assert "--by speaker: 2 records have none" in outcome.stderr
    for form in ("csv", "table"):
        assert (
            b"(none)"
            in emocli("summarize", "--by=speaker", f"--format={form}", stdin=records).stdout
        )
    outcome = emocli("summarize", "--by", "nowhere.at.all", stdin=records)
    assert "--by nowhere.at.all: no record has it" in outcome.stderr


def test_groups_come_in_order_and_fields_side_by_side(emocli: Emocli) -> None:
    starts = (700.0, 65.0, 5.0, 61.0)
    records = [said(i, "joy", start=s, turn=9 - i) for i, s in enumerate(starts)]
    records.append(said(9, "anger"))
    rows = emocli("summarize", "--by", "minute,turn,minute+turn", stdin=records).records
    listed = [tuple(row["by"].items()) for row in rows]
    assert listed[:4] == [(("minute", m),) for m in (0, 1, 11, None)]
    assert listed[4:9] == [(("turn", t),) for t in (6, 7, 8, 9, None)]
    assert listed[9:] == [
        (("minute", m), ("turn", t)) for m, t in ((0, 7), (1, 6), (1, 8), (11, 9), (None, None))
    ]
    (hour,) = emocli("summarize", "--by", "hour", stdin=records[:4]).records
    assert hour["by"] == {"hour": 0}
    paths = [said(i, "joy", path=f"{i % 2}.wav") for i in range(4)]
    rows = emocli("summarize", "--by", "recording", stdin=paths).records
    assert [(row["by"]["recording"], row["records"]) for row in rows] == [
        ("0.wav", 2),
        ("1.wav", 2),
    ]


def test_what_is_left_out_is_counted_and_said(emocli: Emocli) -> None:
    error = {"stage": "x", "code": "no_speech", "message": "m", "hint": ""}
    abstained = {"emotion": None, "probabilities": {"joy": 0.5, "anger": 0.5}}
    records = [
        said(0, "joy"),
        {"id": "e", "error": error},
        {"id": "a", "prediction": abstained},
    ]
    outcome = emocli("summarize", stdin=records)
    (row,) = outcome.records
    assert (outcome.status, row["records"], row["summarized"], row["failed"]) == (0, 3, 1, 0)
    assert row["skipped"] == {"abstained": 1, "error": 1}
    assert "summarized 1 of 3 records; left out 1 abstained, 1 error (errors: 1 no_speech)" in (
        outcome.stderr
    )
    wrong: list[tuple[Record, str]] = [
        ({"text": "x"}, "no_prediction"),
        ({"prediction": "joy"}, "bad_prediction"),
        ({"prediction": {"emotion": 7}}, "bad_prediction"),
        ({"prediction": {"emotion": "joy", "probabilities": {"joy": 2.0}}}, "wrong_classes"),
        (
            said(0, "joy")
            | {"prediction": {"emotion": "joy", "probabilities": dict.fromkeys(LABELS, 1)}},
            "bad_probabilities",
        ),
        ({"prediction": {"valence": "high"}}, "bad_prediction"),
    ]
    for change, code in wrong:
        given = [*records, said(1, "joy"), {**change, "id": "bad"}]
        outcome = emocli("summarize", stdin=given)
        (row,) = outcome.records
        assert (outcome.status, row["summarized"], row["failed"]) == (1, 2, 1), change
        assert row["skipped"][code] == 1
        assert "bad: " in outcome.stderr
        assert emocli("summarize", "--exit-zero", stdin=given).status == 0


def test_numbers_beyond_any_are_malformed(emocli: Emocli) -> None:
    lines = orjson.dumps(said(0, "joy", start=1, end=2)) + b"\n"
    huge = b"1" + b"0" * 400
    for field in (b'"start": %s', b'"prediction": {"valence": %s}'):
        line = b'{"id": "bad", ' + field % huge + b"}\n"
        outcome = emocli("summarize", "--by=minute", "--weight=duration", stdin=lines + line)
        assert (outcome.status, "bad: " in outcome.stderr) == (1, True), outcome.stderr


def test_sums_beyond_any_number_are_undefined(emocli: Emocli) -> None:
    records = [{"id": str(i), "prediction": {"valence": 1.7e308}} for i in range(4)]
    outcome = emocli("summarize", stdin=records)
    assert (outcome.status, outcome.records[0]["valence"]) == (0, None)


def test_nothing_to_summarize_is_said(emocli: Emocli) -> None:
    cases: list[tuple[list[Record], list[str], int, str]] = [
        ([], [], 5, "no input records"),
        ([{"id": "a"}], [], 5, "1 no_prediction (run emocli predict first)"),
        ([said(0, "joy")], ["--of", "label"], 5, "nothing to summarize in 1 records: 1 no_label"),
        ([said(0, "joy")], ["--weight=duration"], 5, "1 no_duration (--weight utterance)"),
        ([{"id": "a", "prediction": 7}], [], 1, "prediction is not an object"),
        ([said(0, "joy")] * 2, [], 2, "u0"),
        ([said(0, "joy")], ["--by", "a,,b"], 2, "--by a,,b: names of fields"),
        ([said(0, "joy")], ["--by", "a+a"], 2, "--by a+a: names of fields"),
        ([said(0, "joy")], ["--by", "bin:0"], 2, "--by bin:0: not a number of seconds"),
        ([said(0, "joy")], ["--by", "bin:x"], 2, "--by bin:x: not a number of seconds"),
        ([said(0, "joy")], ["--of", "text"], 2, "--of text: neither prediction nor label"),
        ([said(0, "joy")], ["--weight", "x"], 2, "--weight x: neither utterance nor duration"),
        ([said(0, "joy")], ["--format", "xml"], 2, "--format xml: not one of table, csv, json"),
    ]
    for records, flags, status, message in cases:
        outcome = emocli("summarize", *flags, stdin=records)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr


def test_csv_has_a_line_per_group_and_emotion_that_pandas_reads(
    emocli: Emocli, tmp_path: Path
) -> None:
    records = talk(60)
    out = tmp_path / "s.csv"
    assert emocli("summarize", "--by", "speaker,minute", "-o", str(out), stdin=records).status == 0
    flags = ("--by=speaker,minute", "--format", "csv")
    assert emocli("summarize", *flags, stdin=records).stdout == out.read_bytes()
    lines = list(csv.DictReader(io.StringIO(out.read_text())))
    rows = emocli("summarize", "--by", "speaker,minute", stdin=records).records
    assert len(lines) == 4 * len(rows)  # three emotions and valence
    assert list(lines[0])[:3] == ["speaker", "minute", "name"]
    first = {line["name"]: line for line in lines[:4]}
    assert float(first["joy"]["share"]) == rows[0]["shares"]["joy"]
    assert float(first["joy"]["mean_high"]) == rows[0]["intervals"]["probabilities"]["joy"][1]
    assert float(first["valence"]["mean"]) == rows[0]["valence"]
    assert first["valence"]["share"] == first["joy"]["minute"] == ""
    table = pd.read_csv(out)
    shares = table[table.name.isin(LABELS)].groupby(["speaker"], dropna=True)["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)
    single = emocli("summarize", "--format", "csv", stdin=records[:1]).stdout.decode()
    one = next(csv.DictReader(io.StringIO(single)))
    assert [one[name] for name in ("share_low", "share_high", "mean_low", "mean_high")] == [""] * 4
    assert (one["utterances"], one["clusters"]) == ("1", "1")


def test_labels_are_summarized_with_their_own_names(emocli: Emocli) -> None:
    labels = [{"emotion": "bored"}, {"emotion": "joy"}, {"votes": {"joy": 3, "fear": 1}}, {}, None]
    records = [{"id": str(i), "label": label} for i, label in enumerate(labels)]
    outcome = emocli("summarize", "--of", "label", stdin=records)
    (row,) = outcome.records
    assert row["counts"] == {"joy": 1, "fear": 0, "bored": 1}
    assert row["shares"] == {"joy": 0.5, "fear": 0.0, "bored": 0.5}
    assert row["probabilities"] == {"joy": 0.75, "fear": 0.25, "bored": 0.0}
    assert row["skipped"] == {"no_label": 2}
    assert outcome.status == 0


def test_predictors_of_numbers_have_means_alone(emocli: Emocli) -> None:
    values = [0.5, -0.5, 0.75, 0.25]
    records = [
        {"id": str(i), "prediction": {"emotion": None, "valence": v}} for i, v in enumerate(values)
    ]
    (row,) = emocli("summarize", stdin=records).records
    assert (row["valence"], row["rated"], row["counts"]) == (0.25, {"valence": 4}, {})
    assert "shares" not in row
    assert row["intervals"]["valence"][0] < 0.25 < row["intervals"]["valence"][1]
    table = emocli("summarize", "--format", "table", stdin=records).stdout.decode()
    assert "valence" in table
    assert "0.250" in table


def test_a_table_has_what_json_has_and_fits_into_80_columns(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
    records = []
    for i in range(70):
        shares = dict.fromkeys(seven, 0.05) | {seven[i % 7]: 0.7}
        prediction = {"emotion": seven[i % 7], "probabilities": shares}
        records.append({"id": str(i), "speaker": f"speaker {i % 3}", "prediction": prediction})
    from emocli.scoring import summary_table

    rows, _ = summary(records, by="speaker")
    monkeypatch.setenv("COLUMNS", "80")
    text = summary_table.text(rows, terminal=True)
    lines = text.splitlines()
    assert max(len(line) for line in lines if "\x1b" not in line) <= 80
    for name in seven:
        assert sum(name in line for line in lines) == 2  # shares, and mean probabilities
    monkeypatch.setenv("COLUMNS", "40")
    narrow = summary_table.text(rows, terminal=True)
    assert all(name in narrow for name in seven)


def test_the_same_seed_gives_the_same_intervals_and_groups_of_a_size_share_draws() -> None:
    sums = np.random.default_rng(0).random((30, 4))
    one, two = (np.concatenate(list(bootstrap.resampled(sums, 200, 5))) for _ in range(2))
    assert (one == two).all()
    other = np.concatenate(list(bootstrap.resampled(sums, 200, 6)))
    assert not (one == other).all()
    columns = np.random.default_rng(1).random((200, 3))
    columns[:3, 1] = np.nan
    found = bootstrap.intervals(columns)
    for place in range(3):
        assert tuple(found[:, place]) == bootstrap.interval(columns[:, place])


def test_records_take_little_memory_each() -> None:
    import tracemalloc

    shares = {"neutral": 0.2, "joy": 0.5, "anger": 0.3}

    def records(count: int) -> Any:
        for i in range(count):
            yield {
                "id": str(i), "speaker": str(i % 50),
                "prediction": {"emotion": "joy", "probabilities": dict(shares)},
            }  # fmt: skip

    tracemalloc.start()
    work = Work(SummaryOptions(by="speaker", bootstrap=10), lambda _: None)
    work.read(records(5_000))
    rows = work.rows()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(row["summarized"] for row in rows) == 5_000
    assert peak / 5_000 < 600  # bytes a record


def test_output_is_whole_or_not_there(emocli: Emocli, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    out.write_bytes(b"earlier\n")
    lines = orjson.dumps(said(0, "joy")) + b"\n{torn\n"
    assert emocli("summarize", "-o", str(out), stdin=lines).status == 2
    assert out.read_bytes() == b"earlier\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.csv"]
