"""`emocli describe`: facts in words, the peak of a face, a model that is told the label."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from emocli.llm import face_words
from emocli.llm.face_words import Moment
from tests.conftest import Emocli
from tests.llm.fake_server import Fake, said, serving
from tests.plots.test_timeline_faces import LOOKED, film, logits, with_logits

Record = dict[str, Any]

VOICE = "Pitch is high."
TEMPLATE = 'system = "s"\nuser = ["It is $label", "Voice: $voice", "Face: $face"]\nask = "Well?"\n'


def clip(number: int = 0, **fields: Any) -> Record:
    """Return a record of a face that shows joy at 1.5 s, and of a high voice."""
    seen = [0.0, 0.5, 1.0, 1.5]
    values = logits("neutral", "neutral", "joy", "joy", height=10.0)
    values[3] *= 3
    record = with_logits(film(seen, LOOKED), values)
    more: Record = {"text": "We won", "label": {"emotion": "joy"}, "prosody": {"summary": VOICE}}
    return {**record, "id": f"r{number}", **more, **fields}


def described(emocli: Emocli, *flags: str, **fields: Any) -> Record:
    outcome = emocli("describe", *flags, stdin=[clip(**fields)])
    assert outcome.status == 0, outcome.stderr
    (record,) = outcome.records
    return dict(record)


def test_what_was_measured_is_put_into_words_with_its_source(emocli: Emocli) -> None:
    record = described(emocli)
    assert record["descriptions"] == {
        "image": {
            "text": "The face shows no expression from 0.0 to 1.0 s, then joy until 2.0 s; "
            "most at 1.5 s (joy).",
            "by": "emocli, face-expression@None",
            "synthetic": True,
        },
        "audio": {"text": VOICE, "by": "emocli, prosody", "synthetic": True},
    }
    assert record["text"] == "We won"


def test_the_peak_is_the_frame_with_the_most_of_another_expression(emocli: Emocli) -> None:
    peak = described(emocli)["video"]["peak"]
    assert (peak["time"], peak["index"], peak["emotion"]) == (1.5, 3, "joy")
    assert 0.9 < peak["intensity"] < 1
    calm = [Moment(t, t + 1, {"neutral": 0.8, "joy": 0.1, "fear": 0.1}) for t in range(3)]
    found = face_words.peak(calm)
    assert found is not None
    assert found.place == 0  # of equal ones the first
    assert face_words.peak([]) is None


def test_many_changes_are_counted_and_small_ones_told_as_faint() -> None:
    turns = [Moment(t, t + 1, {("joy", "fear")[t % 2]: 0.3, "neutral": 0.2}) for t in range(9)]
    text = face_words.words(turns, face_words.peak(turns), 0.0)
    assert text is not None
    assert text.startswith("The face shows faint joy from 0.0 to 1.0 s, then faint fear until 2.0")
    assert text.endswith("then 3 more changes; most at 0.0 s (joy).")


def test_a_record_of_which_one_thing_was_measured_is_described_by_that(emocli: Emocli) -> None:
    assert set(described(emocli, prosody=None)["descriptions"]) == {"image"}
    voice = described(emocli, video=None, features=None, descriptions={"image": {"text": "kept"}})
    assert voice["descriptions"]["image"] == {"text": "kept"}
    assert "audio" in voice["descriptions"]


def test_a_record_of_which_nothing_was_measured_fails_and_the_others_go_on(emocli: Emocli) -> None:
    bare = {"id": "bare", "text": "Well"}
    outcome = emocli("describe", stdin=[clip(0), bare, clip(1)])
    assert outcome.status == 1
    assert [r.get("error", {}).get("code") for r in outcome.records] == [
        None, "nothing_measured", None,
    ]  # fmt: skip


@pytest.fixture
def server() -> Any:
    with serving(lambda question: said(f"She is {question['seed']} glad\n about it.")) as one:
        yield one


def test_a_model_is_told_the_facts_and_the_label_and_all_is_marked(
    emocli: Emocli, server: Fake, tmp_path: Path
) -> None:
    label = {"emotion": "joy", "original": "happy"}
    record = described(emocli, "--llm-url", server.url, label=label)
    about = record["descriptions"]["emotion"]
    assert about["text"] == "She is 0 glad about it."
    assert about["by"].startswith("tiny@http://127.0.0.1")
    assert (about["synthetic"], about["label"], len(about["prompt"])) == (True, "happy", 16)
    asked = server.asked[0]["messages"][-1]["content"]
    assert "happy" in asked
    assert VOICE in asked
    assert "then joy until 2.0 s" in asked
    assert "We won" in asked
    assert server.asked[0]["temperature"] == 0
    own = tmp_path / "own.toml"
    own.write_text(TEMPLATE)
    other = described(emocli, "--llm-url", server.url, "--template", str(own), video=None,
                      features=None, label={"polarity": "negative"})  # fmt: skip
    assert (
        server.asked[1]["messages"][-1]["content"] == "It is negative\nVoice: Pitch is high.\nWell?"
    )
    assert other["descriptions"]["polarity"]["prompt"] != about["prompt"]


def test_instruct_learns_what_was_described(emocli: Emocli, server: Fake) -> None:
    record = described(emocli, "--llm-url", server.url)
    for task in ("reason", "audio", "image", "think"):
        streams = ("--streams", "video") if task in ("reason", "think") else ()
        (made,) = emocli("instruct", "--task", task, *streams, stdin=[record]).records
        assert made["instruction"]["task"] == task, made
    assert made["instruction"]["made"]["described_by"].startswith("tiny@")


@pytest.mark.parametrize(
    ("answer", "label", "code"),
    [(" \n ", {"emotion": "joy"}, "no_description"), ("x", None, "no_label")],
)
def test_a_silent_model_and_a_record_without_a_label_fail(
    answer: str, label: Any, code: str, emocli: Emocli
) -> None:
    with serving(lambda _: said(answer)) as one:
        outcome = emocli("describe", "--llm-url", one.url, stdin=[clip(label=label)])
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("system = 1", "something is missing"),
        ('system = "s"\nuser = ["x"]\nask = "y"', r"user has no \$label"),
        ("= 3", "not a TOML file"),
        (None, "No such file"),
    ],
)
def test_templates_of_another_form_are_refused_before_any_work(
    text: str | None, message: str, emocli: Emocli, server: Fake, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    if text is not None:
        own.write_text(text)
    outcome = emocli("describe", "--llm-url", server.url, "--template", str(own), stdin=[clip()])
    assert outcome.status == 3
    assert re.search(message, outcome.stderr), outcome.stderr
    assert not outcome.records


def test_a_template_without_a_model_is_refused(emocli: Emocli, tmp_path: Path) -> None:
    outcome = emocli("describe", "--template", str(tmp_path / "x.toml"), stdin=[clip()])
    assert outcome.status == 2
    assert "no --llm and no --llm-url to ask" in outcome.stderr
