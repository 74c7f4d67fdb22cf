"""The helpers of e2llm.sh, egmf.sh and emotion_llama.sh: splits, questions, figures by hand."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    for name in ("soft_split", "e2llm_tasks", "e2llm_table"):
        sys.modules.pop(name, None)


def trials(count: int = 28) -> list[dict[str, Any]]:
    import e2llm_tasks

    emotions = list(e2llm_tasks.VALENCE)
    return [
        {
            "id": f"t{i}",
            "speaker": f"s{i % 4}",
            "label": {"emotion": emotions[i % 7]},
            "features": {"eeg": {"number": i}},
        }
        for i in range(count)
    ]


def test_folds_are_whole_subjects_whatever_the_order() -> None:
    import soft_split

    names = [f"s{i}" for i in range(8)]
    found = soft_split.folds(names, 4)
    assert found == soft_split.folds(names[::-1] * 3, 4)
    assert sorted(found.values()) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_shuffled_record_never_keeps_its_own_features() -> None:
    import soft_split

    some = trials()
    moved = soft_split.shuffled(some)
    own = [r["features"]["eeg"]["number"] for r in some]
    other = [r["features"]["eeg"]["number"] for r in moved]
    assert sorted(own) == sorted(other)
    assert all(a != b for a, b in zip(own, other, strict=True))
    assert [r["label"] for r in moved] == [r["label"] for r in some]


@pytest.mark.parametrize("task", ["basic", "compare", "rank", "match"])
def test_questions_have_the_answer_of_their_segments(task: str) -> None:
    import e2llm_tasks

    some = trials()
    by_number = {r["features"]["eeg"]["number"]: r["label"]["emotion"] for r in some}
    for seed in range(20):
        made = e2llm_tasks.question(task, random.Random(seed), some, "known")
        asked = made["instruction"]
        felt = [by_number[f["number"]] for f in made["features"].values()]
        valence = [e2llm_tasks.VALENCE[emotion] for emotion in felt]
        assert asked["answer"] in asked["labels"]
        assert asked["streams"] == list(made["features"])
        if task == "basic":
            assert asked["answer"] == felt[0]
        if task == "compare":
            assert asked["answer"] == ["first", "second"][valence[1] > valence[0]]
        if task == "rank":
            assert [valence[int(i) - 1] for i in asked["answer"]] == sorted(valence)
        if task == "match":
            assert asked["answer"] in e2llm_tasks.SITUATIONS["known"][felt[0]]


def test_new_situations_are_in_no_training_question() -> None:
    import e2llm_tasks

    known, new = (
        {s for several in e2llm_tasks.SITUATIONS[kind].values() for s in several}
        for kind in ("known", "new")
    )
    assert not known & new


def test_the_figures_of_the_table_on_hand_worked_cases() -> None:
    import e2llm_table

    def said(gold: str, answer: str | None) -> dict[str, Any]:
        return {"label": {"emotion": gold}, "prediction": answer and {"emotion": answer}}

    some = [said("joy", "joy"), said("joy", "anger"), said("anger", "anger"), said("fear", None)]
    assert e2llm_table.balanced(some) == pytest.approx((0.5 + 1 + 0) / 3)
    pairs = [said("joy", "joy"), said("joy", "anger"), said("anger", "anger"), said("anger", "joy")]
    assert e2llm_table.kappa(pairs) == pytest.approx(0)

    def order(gold: str, answer: str) -> dict[str, Any]:
        return {"instruction": {"answer": gold}, "prediction": {"answer": answer}}

    assert e2llm_table.tau([order("123", "123")]) == 1
    assert e2llm_table.tau([order("123", "321")]) == -1
    assert e2llm_table.tau([order("123", "132")]) == pytest.approx(1 / 3)
    assert e2llm_table.answered([order("a", "a"), order("a", "b")]) == 0.5
