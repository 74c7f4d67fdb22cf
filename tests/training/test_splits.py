"""Splits by groups of one or several fields: what is trained on shares nothing with the tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emocli.errors import UsageError
from emocli.training import splits
from emocli.training.groups import Groups
from emocli.training.splits import Cell, Table

FIELDS = ("speaker", "stimulus", "room")


def design(seed: int, share: float = 0.6) -> list[dict[str, Any]]:
    """Return records of a random, incomplete design: 9 speakers, 7 stimuli, 8 rooms."""
    random = np.random.default_rng(seed)
    found = []
    for speaker in range(9):
        for stimulus in np.flatnonzero(random.random(7) < share).tolist():
            about = {"speaker": f"s{speaker}", "trial": stimulus, "label": stimulus % 3}
            room = f"r{random.integers(8)}"
            for _ in range(int(random.integers(1, 4))):
                found.append({**about, "stimulus": f"v{stimulus}", "room": room})
    random.shuffle(found)  # type: ignore[arg-type]
    return found


def group(record: dict[str, Any], name: str) -> Any:
    return (record["speaker"], record["trial"]) if name == "trial" else record[name]


def cells(records: list[dict[str, Any]], fields: tuple[str, ...], count: int) -> list[Cell]:
    groups = Groups(fields)
    for record in records:
        groups.add(record)
    columns = groups.joined()
    labels = np.array([record["label"] for record in records])
    numbers = [splits.folds(column, count) for column in columns]
    return list(Table(columns, labels).cells(numbers))


@pytest.mark.parametrize(
    ("fields", "count"), [(FIELDS[:n], k) for n in (1, 2, 3) for k in (2, 3, 5) if k >= n]
)
def test_a_model_shares_no_group_with_those_it_is_stopped_by_and_tested_on(
    fields: tuple[str, ...], count: int
) -> None:
    for seed in range(6):
        records = design(seed, 0.9)
        found = cells(records, fields, count)
        tested = np.concatenate([cell.test for cell in found])
        assert sorted(tested.tolist()) == list(range(len(records)))
        for cell in found:
            parts = [cell.train, cell.dev, cell.test]
            assert all(len(part) for part in parts)
            for name in (*fields, "trial"):
                of = [{group(records[i], name) for i in part.tolist()} for part in parts]
                assert of[0].isdisjoint(of[1] | of[2])
                assert of[1].isdisjoint(of[2])


def test_a_split_does_not_depend_on_the_order_of_the_records() -> None:
    records = design(3)
    order = np.random.default_rng(0).permutation(len(records))
    first = cells(records, FIELDS[:2], 3)
    second = cells([records[i] for i in order], FIELDS[:2], 3)
    for one, other in zip(first, second, strict=True):
        assert one.name == other.name
        for part in ("train", "dev", "test"):
            there = sorted(order[getattr(other, part)].tolist())
            assert there == sorted(getattr(one, part).tolist())


def test_early_stopping_sees_as_many_labels_as_it_can_and_training_loses_none() -> None:
    # 10 stimuli, the label of each its own pair: two of them for a fifth, of one label or of two
    records = [
        {"speaker": f"s{s}", "stimulus": f"v{v}", "label": v // 5}
        for s in range(10)
        for v in range(10)
    ]
    for cell in cells(records, FIELDS[:2], 5):
        assert {records[i]["label"] for i in cell.dev.tolist()} == {0, 1}
        assert {records[i]["label"] for i in cell.train.tolist()} == {0, 1}
        assert len(cell.train) == 36
        assert len(cell.dev) == 4


def test_groups_that_share_a_trial_are_one_by_way_of_others() -> None:
    groups = Groups(("session",))
    for session, trial in (("a", 1), ("b", 1), ("b", 2), ("c", 2), ("d", 3), ("e", None)):
        groups.add({"speaker": "s", "session": session, "trial": trial})
    groups.add({"speaker": "t", "session": "e", "trial": 1})  # another speaker's trial 1
    assert groups.joined() == [["a", "a", "a", "a", "d", "e", "e"]]
    (text,) = groups.told()
    assert "trial 1 of speaker s has session a and b: 5 groups become 3" in text


def test_without_trials_groups_are_what_the_field_says() -> None:
    groups = Groups()
    for record in ({"speaker": "s"}, {"dialogue": "d"}, {"id": "r"}, {"speaker": "s"}):
        groups.add(record)
    assert groups.joined() == [["s", "d", "r", "s"]]
    assert groups.told() == []


def test_windows_without_a_speaker_stay_with_their_trial() -> None:
    groups = Groups()
    for i in range(6):
        groups.add({"id": f"r{i}", "trial": i // 3})
    assert groups.joined() == [["r0"] * 3 + ["r3"] * 3]
    assert groups.told() == []


def test_fields_of_which_one_says_the_other_are_refused() -> None:
    speaker, stimulus = list("aabb"), list("uvwx")
    with pytest.raises(UsageError, match="every stimulus belongs to one speaker") as caught:
        splits.require_crossed(FIELDS[:2], [speaker, stimulus])
    assert caught.value.hint == "--cv speaker"
    splits.require_crossed(FIELDS[:2], [list("aabb"), list("uvuv")])


def test_too_few_groups_name_the_field() -> None:
    with pytest.raises(UsageError, match="--cv stimulus: only 2 groups"):
        splits.folds(["a", "b"], 5, "stimulus")
    with pytest.raises(UsageError, match="outside fold 1 there is only one group"):
        cells([{"speaker": s, "label": 0} for s in "abc"], ("speaker",), 2)
