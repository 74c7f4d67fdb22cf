"""Recordings are cut where a file says, and what of it does not fit is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emocli.signals.textgrid import Interval, Tier, dumps
from tests.cli.test_shared_flags import offering
from tests.conftest import Emocli, Outcome

Wav = Callable[..., Path]
Cut = Callable[..., Outcome]
SECONDS = 6.0

RTTM = """;; a comment
SPKR-INFO talk 1 <NA> <NA> <NA> unknown ann <NA>
SPEAKER talk 1 0.50 1.25 <NA> <NA> ann <NA> <NA>
SPEAKER talk 1 2.00 1.00 <NA> <NA> <NA> <NA> <NA>
"""
SRT = """1
00:00:00,500 --> 00:00:01,750
<i>Well,</i>
I never!

2
00:00:02,000 --> 00:00:03,000
{\\an8}No.
"""
VTT = """WEBVTT - a talk

NOTE nobody says
this

STYLE
::cue { color: red }

first
00:00.500 --> 00:01.750 align:start position:0%
<v Ann>Well, I &amp; you!</v>

00:00:02.000 --> 00:00:03.000
No.
"""
CSV = "path,start,end,speaker,emotion\ntalk.wav,0.5,1.75,ann,joy\ntalk.wav,2,3,,\n"


@pytest.fixture
def talk(wav: Wav) -> Path:
    return wav("talk.wav", seconds=SECONDS)


@pytest.fixture
def cut(emocli: Emocli, talk: Path, tmp_path: Path) -> Cut:
    """Cut a recording of six seconds where a file of some content says."""

    def run(name: str, content: str | bytes, *more: str) -> Outcome:
        place = tmp_path / name.partition(":")[0]
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        file = str(tmp_path / name)
        return emocli("extract-audio", "--segments", file, str(talk), *more)

    return run


@pytest.mark.parametrize(
    ("name", "content", "first", "second"),
    [
        ("a.rttm", RTTM, {"speaker": "ann"}, {}),
        ("a.srt", SRT, {"text": "Well, I never!"}, {"text": "No."}),
        ("a.vtt", VTT, {"speaker": "Ann", "text": "Well, I & you!"}, {"text": "No."}),
        ("a.csv", CSV, {"speaker": "ann", "label": {"emotion": "joy"}}, {}),
        ("a.srt", SRT.replace("\n", "\r\n"), {"text": "Well, I never!"}, {"text": "No."}),
        ("a.srt", "\ufeff" + SRT, {"text": "Well, I never!"}, {"text": "No."}),
    ],
)
def test_a_record_of_each_turn_has_what_the_file_says(
    name: str, content: str, first: Any, second: Any, cut: Cut, talk: Path
) -> None:
    done = cut(name, content)
    assert done.status == 0, done.stderr
    times = [(record["start"], record["end"]) for record in done.records]
    assert times == [(0.5, 1.75), (2.0, 3.0)]
    for record, fields in zip(done.records, (first, second), strict=True):
        length = record["end"] - record["start"]
        assert record["audio"]["duration"] == pytest.approx(length)
        own = {"id", "path", "start", "end", "audio"}
        assert {k: v for k, v in record.items() if k not in own} == fields
    assert done.records[0]["id"] == f"{talk}#0.50-1.75"
    assert "first:" not in done.stderr


def test_a_tier_of_a_textgrid_is_named_or_found(cut: Cut) -> None:
    words = Tier("words", [Interval(0.5, 1.0, "well")])
    said = Tier("utterances", [Interval(0.5, 1.75, "well well"), Interval(2.0, 3.0, "")])
    who = Tier("speaker", [Interval(1.0, 2.0, "ann")])
    sounding = Tier("silences", [Interval(0, 1, "silent"), Interval(1, 2, "sounding")])
    several = dumps([words, said, who], 0, SECONDS)
    (record,) = cut("a.TextGrid", several).records
    assert (record["start"], record["end"], record["text"]) == (0.5, 1.75, "well well")
    (record,) = cut("a.TextGrid:speaker", several).records
    assert (record["start"], record["speaker"]) == (1.0, "ann")
    assert "text" not in record
    (record,) = cut("a.TextGrid:words", several).records
    assert record["text"] == "well"
    records = cut("a.TextGrid", dumps([sounding], 0, SECONDS)).records
    assert [record.get("text") for record in records if record["start"] == 1.0] == [None]
    done = cut("a.TextGrid:nobody", several)
    assert done.status == 2
    assert "words, utterances, speaker" in done.stderr
    assert cut("a.TextGrid", dumps([words, Tier("phones", words.intervals)], 0, 6)).status == 2


def test_overlapping_turns_are_both_there_and_told_once(cut: Cut) -> None:
    lines = ["SPEAKER talk 1 0 3 <NA> <NA> a <NA> <NA>"]
    lines += [f"SPEAKER talk 1 {start} 2 <NA> <NA> b <NA> <NA>" for start in (1, 2, 2)]
    done = cut("a.rttm", "\n".join(lines))
    assert done.status == 0
    assert [record["start"] for record in done.records] == [0, 1, 2, 2]
    assert [record["audio"]["duration"] for record in done.records] == [3, 2, 2, 2]
    assert len({record["id"] for record in done.records}) == 4
    assert done.stderr.count("overlap the") == 1
    assert "turns that overlap the one before: 3; first: 1 to 3 s" in done.stderr
    assert "a.rttm:2" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.srt", SRT.replace("00:00:03,000", "00:00:01,000"), "a.srt:7"),
        ("a.vtt", VTT.replace("00:00:03.000", "00:00:01.000"), "a.vtt:13"),
        ("a.rttm", RTTM.replace("1.00", "-1.00"), "a.rttm:4"),
        ("a.csv", CSV.replace("2,3", "3,2"), "a.csv:3"),
        ("a.srt", "1\n00:00:0x,500 --> 00:00:01,000\nyes\n", "a.srt:2"),
        ("a.rttm", "SPEAKER talk 1 soon 1 <NA> <NA> a <NA> <NA>\n", "a.rttm:1"),
        ("a.rttm", "SPEAKER talk 1 0\n", "a.rttm:1"),
        ("a.csv", "path,start\ntalk.wav,1\n", "a.csv:2"),
    ],
)
def test_times_that_make_no_sense_are_an_error_that_names_the_line(
    name: str, content: str, line: str, cut: Cut
) -> None:
    done = cut(name, content)
    assert (done.status, done.stdout) == (2, b"")
    assert line in done.stderr


def test_times_beyond_the_end_are_cut_or_an_error_and_told(cut: Cut) -> None:
    lines = [f"SPEAKER talk 1 {s} {d} <NA> <NA> a <NA> <NA>" for s, d in ((1, 1), (5, 9), (7, 1))]
    done = cut("a.rttm", "\n".join(lines))
    first, second, third = done.records
    assert first["audio"]["duration"] == 1
    assert (second["end"], second["audio"]["duration"]) == (SECONDS, 1)
    assert third["error"]["code"] == "no_such_span"
    assert done.status == 1
    assert "turns that end after the recording, and are cut there: 1; first" in done.stderr
    assert "turns that begin after the end of the recording: 1; first" in done.stderr


def test_turns_of_other_recordings_are_told_and_a_recording_without_is_an_error(
    cut: Cut, wav: Wav
) -> None:
    other = wav("other.wav", seconds=1.0)
    lines = [RTTM, *(f"SPEAKER film{n} 1 0 1 <NA> <NA> a <NA> <NA>" for n in (1, 1, 2))]
    done = cut("a.rttm", "\n".join(lines), str(other))
    assert done.status == 1
    assert len(done.records) == 3
    assert done.records[2]["error"]["code"] == "no_segments"
    text = "turns of recordings that are not in the input (2 of them): 3; first: film1"
    assert text in done.stderr
    done = cut("b.rttm", RTTM.replace(" talk ", " film "))
    assert [record["error"]["code"] for record in done.records] == ["no_segments"]


def test_a_file_that_names_no_recording_is_of_one(cut: Cut, wav: Wav) -> None:
    done = cut("a.srt", SRT, str(wav("other.wav")))
    assert [(record.get("error") or {}).get("code") for record in done.records] == [
        None,
        None,
        "no_segments",
    ]


@pytest.mark.parametrize("name", ["a.rttm", "a.srt", "a.vtt", "a.csv", "a.TextGrid"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01\x02", b"no turns\n"])
def test_an_empty_or_broken_file_is_an_error_before_the_work(
    name: str, content: bytes, cut: Cut
) -> None:
    done = cut(name, content)
    assert (done.status, done.stdout) == (2, b"")
    assert name in done.stderr


def test_a_file_that_is_not_there_or_of_another_kind_is_an_error(
    emocli: Emocli, talk: Path, tmp_path: Path
) -> None:
    for name, text in (("nope.srt", "No such file"), ("a.docx", ".rttm, .srt, .vtt")):
        done = emocli("extract-audio", "--segments", str(tmp_path / name), str(talk))
        assert done.status == 2
        assert text in done.stderr


def test_two_flags_cannot_both_say_where_to_cut(cut: Cut) -> None:
    assert cut("a.srt", SRT, "--segment", "vad").status == 2


def test_turns_without_length_are_left_out_and_told(cut: Cut) -> None:
    done = cut("a.srt", SRT.replace("00:00:03,000", "00:00:02,000"))
    assert len(done.records) == 1
    assert "turns of no length, left out: 1; first: " in done.stderr


def test_subtitles_in_windows_1252_are_read_and_told(cut: Cut) -> None:
    done = cut("a.srt", SRT.replace("never", "né").encode("cp1252"))
    assert done.records[0]["text"] == "Well, I né!"
    assert "Windows-1252" in done.stderr


def test_turns_are_resumed_and_the_same_with_workers(
    emocli: Emocli, cut: Cut, talk: Path, tmp_path: Path
) -> None:
    plain = cut("a.rttm", RTTM)
    out = tmp_path / "out"
    for flags in (("-j2",), ("-j1", "--resume")):
        done = cut("a.rttm", RTTM, *flags, "-o", str(out))
        assert done.status == 0
        assert out.read_bytes() == plain.stdout


def test_every_command_that_cuts_takes_a_file() -> None:
    assert offering("segments") == offering("segment")
