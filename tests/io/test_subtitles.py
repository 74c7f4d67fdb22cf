"""Subtitles out: cues that players read, with the times and the words of the records."""

from __future__ import annotations

import html
import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest

from emocli.io.subtitles import Subtitles

Record = dict[str, Any]
NAMES = ("srt", "vtt")
TIME = {
    "srt": r"(\d\d+):([0-5]\d):([0-5]\d),(\d{3})",
    "vtt": r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})",
}


class Cue(NamedTuple):
    start: float
    end: float
    lines: list[str]


def parsed(data: bytes, name: str) -> list[Cue]:
    """Read subtitles strictly: numbers from 1, times that grow, no blank line within a cue."""
    text = data.decode("utf-8")
    if name == "vtt":
        assert text.startswith("WEBVTT\n\n")
        text = text.removeprefix("WEBVTT\n\n")
    assert text == "" or text.endswith("\n\n")
    cues = []
    for number, block in enumerate(text.split("\n\n")[:-1], 1):
        first, times, *lines = block.split("\n")
        assert first == str(number)
        match = re.fullmatch(f"{TIME[name]} --> {TIME[name]}", times)
        assert match, times
        hours = [int(part) for part in match.groups()]
        start, end = (
            hours[i] * 3600 + hours[i + 1] * 60 + hours[i + 2] + hours[i + 3] / 1000 for i in (0, 4)
        )
        assert start < end
        assert lines
        assert all(line.strip() for line in lines)
        assert "-->" not in block.removeprefix(f"{first}\n{times}")
        if name == "vtt":
            assert not re.search(
                r"<(?!v [^<>&]*(&(amp|lt|gt);[^<>&]*)*>)|&(?!amp;|lt;|gt;)", "\n".join(lines)
            )
            lines = [html.unescape(line) for line in lines]
        cues.append(Cue(start, end, lines))
    return cues


def cues(records: list[Record], name: str = "srt", *, answers: bool = True) -> list[Cue]:
    form = Subtitles(name, answers=answers)
    data = form.header() + b"".join(map(form.row, records)) + form.footer()
    return parsed(data, name)


def told(text: str | None = "Yes.", **more: Any) -> Record:
    prediction = {"emotion": "joy", "confidence": 0.641}
    return {"id": "a", "text": text, "prediction": prediction, "start": 1.5, "end": 2.25, **more}


@pytest.mark.parametrize("name", NAMES)
def test_the_emotion_stands_before_the_text(name: str) -> None:
    assert cues([told()], name) == [Cue(1.5, 2.25, ["[joy 64 %] Yes."])]
    assert cues([told()], name, answers=False) == [Cue(1.5, 2.25, ["Yes."])]


def test_who_speaks_stands_before_it() -> None:
    said = [told(speaker="Ann <b> & Bo")]
    assert cues(said, "srt")[0].lines == ["Ann <b> & Bo: [joy 64 %] Yes."]
    assert cues(said, "vtt")[0].lines == ["<v Ann <b> & Bo>[joy 64 %] Yes."]
    assert b"<v Ann &lt;b&gt; &amp; Bo>" in Subtitles("vtt").row(said[0])
    assert cues([told(speaker="")])[0].lines == ["[joy 64 %] Yes."]


WORDS = [{"text": "Yes.", "start": 4.0, "end": 5.0}]


@pytest.mark.parametrize(
    ("times", "span"),
    [
        ({}, (1.5, 2.25)),
        ({"start": None, "end": None, "audio": {"duration": 3.0}}, (0.0, 3.0)),
        ({"start": 2.0, "end": None, "audio": {"duration": 3.0}}, (2.0, 5.0)),
        ({"start": None, "end": None, "transcript": {"duration": 3.0}}, (0.0, 3.0)),
        ({"start": None, "end": None, "words": WORDS}, (4.0, 5.0)),
        ({"start": 5.0, "end": 5.0}, (5.0, 5.001)),
        ({"start": 3600.0 * 101, "end": 3600.0 * 101 + 0.9996}, (363600.0, 363601.0)),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_times_are_those_of_the_record_else_of_the_clip_else_of_the_words(
    times: Record, span: tuple[float, float], name: str
) -> None:
    (cue,) = cues([told(**times)], name)
    assert (cue.start, cue.end) == pytest.approx(span)


@pytest.mark.parametrize(
    "record",
    [
        told(error={"code": "silence", "message": "nobody speaks"}),
        told("", prediction=None),
        told(None, prediction=None),
        told(start=None, end=None),
        told(end="soon"),
    ],
)
def test_without_speech_or_times_there_is_no_cue(record: Record) -> None:
    assert cues([record]) == []
    assert [cue.lines for cue in cues([record, told()])] == [["[joy 64 %] Yes."]]


def test_what_was_heard_without_words_is_the_emotion_alone() -> None:
    assert cues([told(None)])[0].lines == ["[joy 64 %]"]


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        ({"emotion": None, "confidence": 0.3}, "[no answer] Yes."),
        ({"emotion": "joy", "confidence": 0.7, "blend": {"joy": 70, "fear": 30}},
         "[joy 70 %, fear 30 %] Yes."),
        ({"emotion": None, "valence": 3.204, "arousal": -1.0},
         "[valence 3.20, arousal -1.00] Yes."),
    ],
)  # fmt: skip
def test_answers_of_every_kind_have_their_words(prediction: Record, words: str) -> None:
    assert cues([told(prediction=prediction)])[0].lines == [words]


NASTY = "2 --> 3 <i>a</i> & b\n\n7\n00:00:01,000 --> 00:00:02,000\nx\u2028y\x00z"


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_taken_for_a_cue_or_a_tag(name: str) -> None:
    found = cues([told(NASTY, start=0, end=9), told()], name)
    assert found[-1].lines == ["[joy 64 %] Yes."]
    said = " ".join(line for cue in found[:-1] for line in cue.lines).replace("[joy 64 %] ", "")
    arrow = "->" if name == "srt" else "-->"
    expected = re.sub(r"[\n\u2028\x00]+", " ", NASTY.replace("-->", arrow))
    assert said == expected


def speech(count: int, *, pause_at: int = -1) -> Record:
    """Return a long text whose words take half a second each."""
    names = [f"word{i}{'.' if i % 9 == 8 else ''}" for i in range(count)]
    words = [
        {
            "text": f" {name}",
            "start": i / 2 + 5 * (i >= pause_at > 0),
            "end": i / 2 + 0.4 + 5 * (i >= pause_at > 0),
        }
        for i, name in enumerate(names)
    ]
    return {
        "id": "a",
        "text": " ".join(names),
        "words": words,
        "audio": {"duration": count / 2 + 9},
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_words", [True, False])
def test_a_long_transcript_is_cut_by_its_words(name: str, with_words: bool) -> None:
    record = speech(60, pause_at=20)
    if not with_words:
        del record["words"]
    found = cues([record], name, answers=False)
    assert " ".join(line for cue in found for line in cue.lines) == record["text"]
    for cue in found:
        assert len(cue.lines) <= 2
        assert max(map(len, cue.lines)) <= 42
        assert cue.end - cue.start <= 7.0
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(found))
    if with_words:
        assert any(cue.lines[0].startswith("word20") for cue in found)  # after the pause
        assert any(cue.lines[-1].endswith("word26.") for cue in found)  # the end of a sentence


def test_words_of_another_text_do_not_cut_it() -> None:
    record = {**speech(30), "text": "Something else was said. " * 10}
    found = cues([record], answers=False)
    assert " ".join(line for cue in found for line in cue.lines) == record["text"].strip()


def test_a_text_without_spaces_is_cut_as_well() -> None:
    record = told("你好世界" * 50, start=0, end=40)
    found = cues([record], answers=False)
    assert "".join(line for cue in found for line in cue.lines) == record["text"]
    assert all(len(cue.lines) <= 2 and len(max(cue.lines, key=len)) <= 42 for cue in found)


@pytest.mark.parametrize("name", NAMES)
def test_ffmpeg_reads_every_cue(name: str, tmp_path: Path) -> None:
    """By its libraries: the program need not be there."""
    form = Subtitles(name, answers=True)
    records = [told(NASTY, start=0, end=9), {**speech(60), "speaker": "A & B"}, told("Zażółć.")]
    path = tmp_path / f"x.{name}"
    path.write_bytes(form.header() + b"".join(map(form.row, records)))
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams.subtitles[0]) if p.size]
        texts = [line.dialogue.decode("utf-8") for p in packets for line in p.decode()]
    assert len(packets) == len(texts) == form.count
    assert any(text.endswith("] Zażółć.") for text in texts)
