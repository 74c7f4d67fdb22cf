"""What the tasks with known answers say, one seed each; examples/compare_fusion.sh has them all."""

from __future__ import annotations

import torch

from examples import fusion_tasks
from examples.fusion_tasks import accuracy, filled, fitted, recall


def test_a_seed_gives_the_same_task_and_another_seed_another() -> None:
    for make in fusion_tasks.TASKS.values():
        first, again, other = make(3), make(3), make(4)
        assert torch.equal(first.test.streams["text"], again.test.streams["text"])
        assert not torch.equal(first.test.streams["text"], other.test.streams["text"])
        assert first.test.targets.max() == first.classes - 1
        assert all(m.any(1).all() for m in first.train.masks.values())


def test_filling_in_is_no_recovery() -> None:
    """Lost text as zeros or as its mean makes a sure answer of nothing; STARS goes by the rest."""
    task = fusion_tasks.missing(seed=0)
    assert 0.4 < (~task.test.masks["text"].any(1)).float().mean() < 0.6
    plain = fitted("concat", task, seed=0, modality_dropout=0.0)
    best = max(accuracy(plain, filled(task.test, task.train, how)) for how in ("zeros", "means"))
    assert accuracy(fitted("stars", task, seed=0, epochs=3), task.test) > best + 0.08


def test_rare_classes_drawn_as_often_as_others_are_found_more_often() -> None:
    task = fusion_tasks.rare(seed=2)
    plain, even = (fitted("concat", task, seed=0, even=even) for even in (False, True))
    assert recall(even, task.test, task.rare) > recall(plain, task.test, task.rare) + 0.02


def test_a_stream_of_noise_costs_little() -> None:
    task = fusion_tasks.noise(seed=0)
    text_only = accuracy(fitted("concat", task.of("text"), seed=0), task.of("text").test)
    assert accuracy(fitted("gated", task, seed=0), task.test) > text_only - 0.05


def test_who_is_right_is_told_by_a_gate_not_by_one_stream() -> None:
    task = fusion_tasks.conflict(seed=0)
    assert accuracy(fitted("gated", task, seed=0), task.test) > 0.9
    for stream in ("text", "audio"):
        part = task.of(stream)
        assert accuracy(fitted("concat", part, seed=0), part.test) < 0.75
