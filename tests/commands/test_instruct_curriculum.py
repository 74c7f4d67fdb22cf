"""`emocli instruct --curriculum`: which task a record gets, which streams, which corpora."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from emocli.datasets import mmeverse
from emocli.errors import UsageError
from emocli.llm import curricula
from tests.commands.test_instruct_mmeverse import WRITTEN, clip
from tests.conftest import Emocli

Record = dict[str, Any]

KINDS = {"mosi": ["polarity"], "bold": ["multi"], "meld": ["emotion", "polarity"]} | {
    "mc-eiu": ["emotion", "intent"],
    "mafw": ["emotion", "multi"],
}
LABELS = {
    "emotion": {"emotion": "sadness"},
    "polarity": {"polarity": "negative"},
    "multi": {"multi_original": ["sad", "worried"]},
    "intent": {"intent": "wishing"},
}
RARE = 1e-3  # p below which draws would not be those that are stated
PUBLISHED = {  # sample_ratio, by corpus: stage 1, stage 2
    "mer2023": (60, 60), "caer": (135, 135), "dfew": (135, 135), "mc-eiu": (120, 150),
    "mafw": (105, 105), "bold": (135, 135), "e3": (195, 195), "iemocap": (120, 120),
    "sims-v2": (60, 60), "mosei": (240, 240), "mosi": (45, 45), "meld": (150, 150),
}  # fmt: skip


def of(corpus: str, number: int = 0, **changes: Any) -> Record:
    """Return a record with the labels that its corpus has."""
    label = {k: v for kind in KINDS.get(corpus, ["emotion"]) for k, v in LABELS[kind].items()}
    about = {"id": f"{corpus}/{number}", "corpus": corpus, "label": label}
    return clip(number, **{**about, **changes})


def tasks(found: list[Record]) -> Counter[str]:
    return Counter(r["instruction"]["task"] for r in found)


def fits(drawn: Counter[str], stated: dict[str, float]) -> bool:
    """Say whether draws may be of the stated weights, by a chi-square test."""
    total = sum(stated.values())
    expected = [drawn.total() * weight / total for weight in stated.values()]
    observed = [drawn[name] for name in stated]
    return set(drawn) <= set(stated) and stats.chisquare(observed, expected).pvalue > RARE


def test_the_test_of_draws_can_fail() -> None:
    assert not fits(
        Counter(emotion=400, audio=300, image=300), {"emotion": 1, "audio": 1, "image": 1}
    )


@pytest.mark.parametrize("stage", ["perception", "cognition"])
def test_corpora_have_the_published_weights(stage: str) -> None:
    found = curricula.curriculum(stage)
    place = curricula.names().index(stage)
    assert curricula.names() == ["perception", "cognition"]
    assert {c: found.weight(c) for c in PUBLISHED} == {c: w[place] for c, w in PUBLISHED.items()}
    assert sum(found.weight(c) for c in PUBLISHED) == (1500, 1530)[place]
    corpora = mmeverse.contents()["corpora"]
    assert {c for c in corpora if found.weight(c)} == {
        c for c in corpora if corpora[c].get("train")
    }
    assert set(found.corpora) == set(corpora)
    assert found.weight("ravdess") == found.weight(None) == 1


@pytest.mark.parametrize(
    ("stage", "corpus", "stated"),
    [
        ("perception", "dfew", {"emotion": 1, "audio": 1, "image": 1}),
        ("perception", "meld", {"emotion": 1, "sentiment": 1, "audio": 1, "image": 1}),
        ("perception", "mc-eiu", {"emotion": 1, "intent": 1, "audio": 1, "image": 1}),
        ("perception", "mafw", {"emotion": 1, "multi": 1, "audio": 1, "image": 1}),
        ("perception", "bold", {"multi": 1, "audio": 1, "image": 1}),
        ("perception", "mosi", {"sentiment": 1, "audio": 1, "image": 1}),
        ("perception", "ravdess", {"emotion": 1, "audio": 1, "image": 1}),
        ("cognition", "dfew", {"emotion": 1, "reason": 1, "think": 1}),
        ("cognition", "mc-eiu", {"emotion": 1, "intent": 2, "reason": 1, "think": 1}),
        ("cognition", "mosi", {"sentiment": 1, "reason": 1, "think": 1}),
        ("cognition", "bold", {"multi": 2, "reason": 1}),  # no thought before several labels
    ],
)
def test_tasks_are_drawn_at_the_stated_rates(
    stage: str, corpus: str, stated: dict[str, float], emocli: Emocli
) -> None:
    given = [of(corpus, n) for n in range(300)]
    outcome = emocli("instruct", "--curriculum", stage, stdin=given)
    assert outcome.status == 0, outcome.stderr
    assert [r["id"] for r in outcome.records] == [r["id"] for r in given]
    assert fits(tasks(outcome.records), stated), tasks(outcome.records)
    assert outcome.records[0]["instruction"]["made"]["curriculum"] == stage


def test_corpora_are_drawn_at_the_stated_rates_whatever_their_size(emocli: Emocli) -> None:
    given = [of("dfew", n) for n in range(3)] + [of("mosi", n) for n in range(40)]
    given += [of("mer2024", n) for n in range(30)]
    given += [
        {k: v for k, v in of("x", n).items() if k not in ("corpus", "dataset")} for n in range(9)
    ]
    outcome = emocli("instruct", "--curriculum", "perception", "--draw", "1500", stdin=given)
    assert outcome.status == 0, outcome.stderr
    drawn = outcome.records
    assert len({r["id"] for r in drawn}) == len(drawn) == 1500
    assert fits(Counter(str(r.get("corpus")) for r in drawn), {"dfew": 135, "mosi": 45, "None": 1})
    some = Counter(r["id"].partition("#drawn")[0] for r in drawn if r.get("corpus") == "dfew")
    assert fits(some, dict.fromkeys(["dfew/0", "dfew/1", "dfew/2"], 1.0))
    assert "30 records of mer2024 are not drawn: weight 0" in outcome.stderr
    assert "1500 drawn from 52 records of 3 corpora" in outcome.stderr


def test_draws_depend_on_seed_and_epoch_and_not_on_the_order(emocli: Emocli) -> None:
    given = [of("dfew", n) for n in range(6)] + [of("mosi", n) for n in range(6)]

    def drawn(records: list[Record], *flags: str) -> list[Any]:
        found = emocli(
            "instruct", "--curriculum", "cognition", "--draw", "40", *flags, stdin=records
        )
        return [(r["id"], r["instruction"]) for r in found.records]

    first = drawn(given)
    assert drawn(given[::-1]) == first
    assert drawn(given, "--epoch", "1") != first != drawn(given, "--seed", "1")


@pytest.mark.parametrize(
    ("task", "flags", "streams"),
    [
        ("audio", (), ["voice"]),
        ("image", (), ["image"]),
        ("emotion", (), ["voice", "image", "film"]),
        ("image", ("--streams", "image,film,thermal"), ["image"]),
        ("emotion", ("--streams", "film,thermal"), ["film"]),
    ],
)
def test_a_task_sees_its_own_streams(
    task: str, flags: tuple[str, ...], streams: list[str], emocli: Emocli
) -> None:
    given = [of("dfew", n) for n in range(30)]
    found = emocli("instruct", "--curriculum", "perception", *flags, stdin=given).records
    of_task = [r["instruction"] for r in found if r["instruction"]["task"] == task]
    assert of_task
    assert all(i["streams"] == streams for i in of_task)


def test_a_task_that_is_about_none_of_the_named_streams_fails(emocli: Emocli) -> None:
    outcome = emocli("instruct", "--task", "image", "--streams", "film", stdin=[of("dfew")])
    assert outcome.status == 1
    (record,) = outcome.records
    assert record["error"]["code"] == "no_features"
    assert "image is about image, not film" in record["error"]["message"]


@pytest.mark.parametrize("lacks", ["description", "stream"])
def test_without_description_or_stream_the_label_is_asked_with_all_streams(
    lacks: str, emocli: Emocli
) -> None:
    whole = of("dfew")
    described = {k: {"text": t, "by": "M"} for k, t in WRITTEN.items() if k != "image"}
    features = {n: f for n, f in whole["features"].items() if n != "image"}
    changes = {"descriptions": described} if lacks == "description" else {"features": features}
    given = [of("dfew", n, **changes) for n in range(60)]
    found = emocli("instruct", "--curriculum", "perception", stdin=given).records
    instead = [r["instruction"] for r in found if "instead_of" in r["instruction"]["made"]]
    assert {i["made"]["instead_of"] for i in instead} == {"image"}
    assert 8 < len(instead) < 35
    for made in instead:
        assert made["task"] == "emotion"
        assert made["streams"] == list(given[0]["features"])


def test_failed_records_pass_and_are_not_drawn(emocli: Emocli) -> None:
    problem = {"stage": "encode", "code": "x", "message": "m", "hint": ""}
    given = [of("dfew", 0, error=problem), of("dfew", 1)]
    outcome = emocli("instruct", "--curriculum", "perception", "--draw", "4", stdin=given)
    assert outcome.status == 0  # as everywhere: it failed before
    assert [bool(r.get("error")) for r in outcome.records] == [True, False, False, False, False]


OWN = """[tasks]
emotion = 1
audio = 3
[corpora.DFEW]
weight = 2
tasks = { reason = 1 }
"""


def test_a_curriculum_of_ones_own_is_a_file(emocli: Emocli, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    given = [of("ravdess", n) for n in range(400)] + [of("dfew", n) for n in range(5)]
    found = emocli("instruct", "--curriculum", str(file), stdin=given).records
    assert fits(tasks(found[:400]), {"emotion": 1, "audio": 3})
    assert tasks(found[400:]) == {"reason": 5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tasks]\n", "no table of tasks"),
        ("[tasks]\ndance = 1\n", "no task dance"),
        ("[tasks]\nemotion = 0\n", "emotion: 0 is no weight above 0"),
        ("[tasks]\nemotion = true\n", "is no weight"),
        ("[tasks]\nemotion = 1\n[corpora.x]\nweight = -1\n", "corpora.x: weight -1"),
        ("[tasks]\nemotion = 1\n[corpora.x]\nwieght = 1\n", "corpora.x has other settings"),
        ("[tasks]\nemotion = 1\n[corpora.x]\ntasks = 1\n", "corpora.x: no table of tasks"),
        ("corpora = 1\n[tasks]\nemotion = 1\n", "corpora is no table"),
        ("other = inf\n[tasks]\nemotion = 1\n", "other inf is no weight"),
        ("tasks = [\n", "is not a TOML file"),
        ("more = 1\n[tasks]\nemotion = 1\n", "no setting more"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        curricula.curriculum(str(file))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--curriculum", "memory"), "--curriculum memory: unknown"),
        (("--curriculum", "missing.toml"), "No such file"),
        (("--draw", "3"), "--draw: by which weights?"),
        (("--curriculum", "cognition", "--task", "emotion"), "--curriculum draws the tasks"),
        (("--curriculum", "cognition", "--draw", "3", "--shard", "1/2"), "reads all records first"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    flags: tuple[str, ...], words: str, emocli: Emocli
) -> None:
    outcome = emocli("instruct", *flags, stdin=[of("dfew")])
    assert outcome.status == 2
    assert words in outcome.stderr


def test_nothing_is_drawn_of_corpora_that_are_held_out(emocli: Emocli) -> None:
    outcome = emocli("instruct", "--curriculum", "perception", "--draw", "3", stdin=[of("sims")])
    assert outcome.status == 2
    assert "all records are of corpora of weight 0" in outcome.stderr
