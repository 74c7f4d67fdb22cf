"""`emocli score --compare`, `--train`, `--by`: two files, what training shares, groups."""

import numpy as np
import orjson
import pytest

from emocli.metrics import agreement, classification
from emocli.records.labels import EMOTIONS
from emocli.scoring import compare

from .test_score_tasks import draw, one, score


def write(path, records):
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
    return str(path)


def guesses(right, seed, count=240, speakers=24):
    """Records of which a share is right, the same truths for every seed."""
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(3, size=count)
    wrong = (truth + random.integers(1, 3, size=count)) % 3
    said = np.where(random.random(count) < right, truth, wrong)
    return [
        one(i, {"emotion": EMOTIONS[t]}, {"emotion": EMOTIONS[p]}, speaker=f"s{i % speakers}")
        for i, (t, p) in enumerate(zip(truth, said, strict=True))
    ]


def accuracy_by_hand(ours, theirs, resamples, seed):
    """The paired bootstrap, record by record: whole speakers, the same for both."""
    hits = [np.array([r["label"] == {"emotion": r["prediction"]["emotion"]} for r in side])
            for side in (ours, theirs)]  # fmt: skip
    speakers = np.array([int(r["speaker"][1:]) for r in ours])
    count = speakers.max() + 1
    weights = np.random.default_rng([seed, 0]).multinomial(
        count, np.full(count, 1 / count), size=resamples
    )
    gaps = []
    for draw_of in weights:
        rows = np.concatenate([np.flatnonzero(speakers == s) for s, n in enumerate(draw_of)
                               for _ in range(n)])  # fmt: skip
        gaps.append(hits[0][rows].mean() - hits[1][rows].mean())
    return np.array(gaps)


@pytest.mark.parametrize("form", [(), ("--table",), ("--format", "csv"), ("--format", "latex")])
def test_files_that_are_scored_in_no_common_record_have_no_difference(emocli, tmp_path, form):
    ours = guesses(0.8, 1, count=4)
    theirs = guesses(0.8, 1, count=4)
    for abstains in (*ours[:2], *theirs[2:]):
        abstains["prediction"]["emotion"] = None
    other = write(tmp_path / "other.jsonl", theirs)
    done = score(emocli, ours, "--compare", other, *form)
    if not form:
        assert done.records[0]["compared"]["records"] == 0
        assert done.records[0]["compared"]["accuracy"]["difference"] is None


def test_differences_are_those_of_the_same_speakers_drawn_for_both(emocli, tmp_path):
    ours, theirs = guesses(0.8, 1), guesses(0.6, 2)
    other = write(tmp_path / "other.jsonl", theirs[::-1])  # in another order
    (row,) = score(emocli, ours, "--compare", other, "--seed", "3").records
    gaps = accuracy_by_hand(ours, theirs, 40, 3)
    found = row["compared"]["accuracy"]
    assert (row["compared"]["file"], row["compared"]["records"]) == (other, 240)
    assert found["value"] == row["accuracy"]
    assert found["difference"] == pytest.approx(found["value"] - found["other"])
    assert found["interval"] == pytest.approx(np.percentile(gaps, [2.5, 97.5]).tolist())
    assert found["p"] == pytest.approx(2 * ((gaps <= 0).sum() + 1) / 41)


def test_the_same_predictions_do_not_differ(emocli, tmp_path):
    records, _, _ = draw(60)
    (row,) = score(emocli, records, "--compare", write(tmp_path / "a.jsonl", records)).records
    for name, one_of in row["compared"].items():
        if name not in ("file", "records"):
            assert (one_of["difference"], one_of["interval"], one_of["p"]) == (0.0, [0.0, 0.0], 1.0)


def test_p_is_even_where_nothing_differs_and_small_where_much_does():
    random = np.random.default_rng(0)
    small = 0
    for _ in range(200):  # the means of 40 clusters that are drawn from the same
        gaps = random.normal(size=40)
        weights = random.multinomial(40, np.full(40, 1 / 40), size=300)
        small += compare.p_value(weights @ gaps / 40) < 0.05
    assert 2 <= small <= 24  # 10 expected, and a percentile bootstrap is a little too sure
    assert compare.p_value(np.full(999, 0.2)) == pytest.approx(2 / 1000)
    assert compare.p_value(np.full(3, np.nan)) is None
    assert compare.p_value(None) is None


def test_files_with_other_ids_or_labels_are_refused(emocli, tmp_path):
    ours, theirs = guesses(0.8, 1), guesses(0.6, 2)
    outcome = score(emocli, ours, "--compare", write(tmp_path / "a", theirs[5:]), status=2)
    assert "it lacks 5 of 240, and has 0 others" in outcome.stderr
    theirs[7]["label"] = {"emotion": "fear"}
    outcome = score(emocli, ours, "--compare", write(tmp_path / "b", theirs), status=2)
    assert "labels differ in 1 records, the first is u7" in outcome.stderr
    assert outcome.stdout == b""
    bare = [{k: v for k, v in r.items() if k != "id"} for r in ours]
    outcome = score(emocli, bare, "--compare", write(tmp_path / "c", bare), status=2)
    assert "without an id" in outcome.stderr
    score(emocli, ours, "--compare", str(tmp_path / "not there"), status=2)


def test_only_what_both_could_score_is_compared(emocli, tmp_path):
    ours, theirs = guesses(0.8, 1), guesses(0.6, 2)
    ours[0]["prediction"] = {"emotion": None, "confidence": 0.2}
    theirs[1]["prediction"] = {"emotion": None, "confidence": 0.2}
    (row,) = score(emocli, ours, "--compare", write(tmp_path / "a", theirs)).records
    assert (row["scored"], row["coverage"], row["compared"]["records"]) == (239, 239 / 240, 238)


def test_what_training_shares_is_counted_and_told(emocli, tmp_path):
    records = guesses(0.8, 1)
    for i, record in enumerate(records):
        record |= {"dialogue": f"d{i // 10}", "text": f"Line {i}"}
    train = [
        {"id": "t1", "speaker": "s1", "text": "LINE  3"},
        {"id": "t2", "speaker": "s2", "dialogue": "d0", "text": "line 4"},
        {"id": "t3", "speaker": "nobody", "text": "nothing"},
    ]
    outcome = score(emocli, records, "--train", write(tmp_path / "train.jsonl", train))
    assert outcome.records[0]["shared"] == {"speakers": 2, "dialogues": 1, "texts": 2}
    assert "share 2 speakers (20 records), 1 dialogue (10 records), 2 texts (2 records)" in (
        outcome.stderr
    )
    fair = score(emocli, records, "--train", write(tmp_path / "fair.jsonl", train[2:]))
    assert fair.records[0]["shared"] == {"speakers": 0, "dialogues": 0, "texts": 0}
    assert "share" not in fair.stderr


def test_texts_are_shared_however_they_are_encoded(emocli, tmp_path):
    records = guesses(0.8, 1)
    records[0]["text"], records[1]["text"] = "cafe\u0301", "it\x92s"
    train = [{"id": "t1", "text": "Caf\u00e9"}, {"id": "t2", "text": "it’s"}]
    outcome = score(emocli, records, "--train", write(tmp_path / "train.jsonl", train))
    assert outcome.records[0]["shared"]["texts"] == 2


def test_splits_of_the_input_that_share_speakers_are_told(emocli):
    records = guesses(0.8, 1)
    assert "shared" not in score(emocli, records).records[0]
    for i, record in enumerate(records):
        record["split"] = "train" if i < 230 else "test"
    outcome = score(emocli, records)
    assert outcome.records[0]["shared"]["speakers"] == 10
    assert "share 10 speakers (10 records)" in outcome.stderr


def test_several_fields_give_their_rows_one_after_the_other(emocli):
    records = guesses(0.8, 1)
    rows = score(emocli, records, "--by", "label.emotion,speaker").records
    assert [list(row["by"]) for row in rows] == [["label.emotion"]] * 3 + [["speaker"]] * 24
    assert sum(row["scored"] for row in rows[:3]) == 240
    score(emocli, records, "--by", "speaker,", status=2)
    score(emocli, records, "--by", "speaker,speaker", status=2)


def test_by_modalities_gives_a_row_per_subset_then_per_rate_then_their_mean(emocli):
    records = []
    for right, condition in ((0.9, {"modalities": "audio+text"}), (0.6, {"modalities": "text"}),
                             (0.7, {"dropout": 0.3}), (0.85, {"dropout": 0.0})):  # fmt: skip
        ((what, value),) = condition.items()
        for r in guesses(right, 5):
            records.append({**r, "id": f"{r['id']}#{what}={value}", "condition": condition})
    rows = score(emocli, records, "--by", "modalities").records
    assert [row["by"]["modalities"] for row in rows] == [
        "audio+text", "text", "dropout 0.0", "dropout 0.3", "dropout, mean",
    ]  # fmt: skip
    for name in ("accuracy", "uar", "macro_f1"):
        assert rows[4][name] == pytest.approx((rows[2][name] + rows[3][name]) / 2)
        low, high = rows[4]["intervals"][name]
        assert low < rows[4][name] < high
    assert (rows[4]["scored"], rows[4]["clusters"]) == (480, 24)
    assert "dropout 0.3" in score(emocli, records, "--by", "modalities", "--table").stdout.decode()


def test_copies_of_a_record_without_a_speaker_are_resampled_together(emocli):
    records = [
        {**r, "id": f"{r['id']}#{rate}", "speaker": None, "condition": {"dropout": rate},
         "augmented": {"from": [r["id"]]}}
        for rate in (0.1, 0.2) for r in guesses(0.8, 1, count=30)
    ]  # fmt: skip
    (row,) = score(emocli, records).records
    assert (row["resampled"], row["clusters"]) == ("record", 30)


def test_without_conditions_modalities_are_those_that_were_used(emocli):
    records = guesses(0.8, 1, count=40)
    for i, record in enumerate(records[:30]):
        record["prediction"]["modalities"] = {"text": 0.5, "audio": 0.5} if i % 2 else {"text": 1.0}
    rows = score(emocli, records, "--by", "modalities").records
    assert [(row["by"]["modalities"], row["scored"]) for row in rows] == [
        ("text", 15), ("audio+text", 15), (None, 10),
    ]  # fmt: skip


def test_by_ambiguity_gives_thirds_by_rank_of_the_raters_entropy(emocli):
    records, truth, _ = draw(99)
    records.append(one(99, {"emotion": "joy"}, {"emotion": "joy"}))
    rows = score(emocli, records, "--task", "classification", "--by", "ambiguity").records
    assert [row["by"]["ambiguity"] for row in rows] == ["low", "middle", "high", None]
    assert [row["scored"] for row in rows] == [33, 33, 33, 1]
    order = np.argsort(agreement.relative_entropies(truth))
    low = [records[i] for i in order[:33]]
    places = {e: i for i, e in enumerate(EMOTIONS)}
    pairs = [[places[r[k]["emotion"]] for r in low] for k in ("label", "prediction")]
    confusion = classification.confusion_matrix(*map(np.array, pairs), 7)
    assert rows[0]["accuracy"] == pytest.approx(classification.accuracy(confusion))
    entropies = [truth[i] for i in order[-33:]]
    assert rows[2]["log_loss"] is not None
    assert len(entropies) == 33


def test_alignment_is_handed_over(emocli):
    said = [{"annotator": "x", "rater": i, "label": "joy"} for i in range(3)]
    records = [
        {"id": f"{i}", "label": {"votes": {"joy": 3, "anger": i}}, "annotations": said}
        for i in range(12)
    ]
    (row,) = score(emocli, records, "--alignment").records
    assert (row["task"], row["scored"]) == ("alignment", 12)
    assert score(emocli, [], "--alignment", status=5).stdout == b""
