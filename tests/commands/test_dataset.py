"""What is special to `emocli dataset`; what every dataset keeps is in tests/datasets."""

import pytest

from emocli import datasets


@pytest.fixture
def emodb(tmp_path):
    for name in ("03a01Fa.wav", "03a01Wa.wav", "16b10Lb.wav"):
        (tmp_path / name).write_bytes(b"")
    return str(tmp_path)


@pytest.fixture
def goemotions(tmp_path):
    (tmp_path / "labels.txt").write_text("admiration\nlove\ncuriosity\n")
    for split in ("train", "dev"):
        (tmp_path / f"{split}.tsv").write_text(f"wow\t0,1,2\t{split}1\nhm\t2\t{split}2\n")
    return str(tmp_path)


def test_records_come_out_and_a_word_without_a_home_is_told(emocli, emodb):
    outcome = emocli("dataset", "emodb", emodb)
    assert outcome.status == 0
    assert [r["label"]["emotion"] for r in outcome.records] == ["joy", "anger", None]
    assert "1 boredom" in outcome.stderr
    assert "--labels original" in outcome.stderr


def test_the_sources_own_words_can_be_kept(emocli, emodb):
    outcome = emocli("dataset", "emodb", emodb, "--labels", "original")
    words = [r["label"]["emotion"] for r in outcome.records]
    assert words == ["happiness", "anger", "boredom"]
    assert "null" not in outcome.stderr


@pytest.mark.parametrize("labels", ["common", "original"])
def test_ratings_without_a_word_pass_either_way(emocli, tmp_path, labels):
    (tmp_path / "emobank.csv").write_text("id,split,V,A,D,text\nx_1_2,train,3,2,3.5,Hm\n")
    outcome = emocli("dataset", "emobank", str(tmp_path), "--labels", labels)
    assert outcome.status == 0
    assert outcome.records[0]["label"] == {"valence": 3.0, "arousal": 2.0, "dominance": 3.5}
    assert "null" not in outcome.stderr


def test_of_several_labels_the_sources_own_words_are_all_kept(emocli, goemotions):
    outcome = emocli("dataset", "goemotions", goemotions, "--labels", "original")
    label = outcome.records[0]["label"]
    assert label["emotion"] == "admiration"
    assert label["multi"] == ["admiration", "love", "curiosity"]
    assert "multi_original" not in label


def test_filters_choose_and_limit_counts_what_they_chose(emocli, emodb, goemotions):
    outcome = emocli("dataset", "emodb", emodb, "--speaker", "emodb-16")
    assert [r["speaker"] for r in outcome.records] == ["emodb-16"]
    outcome = emocli("dataset", "goemotions", goemotions, "--split", "dev", "--limit", "1")
    assert [r["id"] for r in outcome.records] == ["goemotions/dev/dev1"]
    outcome = emocli("dataset", "goemotions", goemotions, "--split", "dev", "--split", "train")
    assert len(outcome.records) == 4


def test_a_filter_that_chooses_nothing_says_what_there_is(emocli, goemotions, emodb):
    outcome = emocli("dataset", "goemotions", goemotions, "--split", "test")
    assert outcome.status == 5
    assert "unknown split test (known: dev, train)" in outcome.stderr
    outcome = emocli("dataset", "emodb", emodb, "--split", "dev")
    assert outcome.status == 5
    assert "no record has a split" in outcome.stderr


def test_shards_are_a_partition(emocli, goemotions):
    shards = [emocli("dataset", "goemotions", goemotions, "--shard", f"{i}/2") for i in (1, 2)]
    ids = [record["id"] for shard in shards for record in shard.records]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["another", "."], "emobank, emocontext, emodb, faced"),
        (["emodb", "nowhere"], "nowhere: no such file or folder"),
        (["emodb", ".", "--labels", "mine"], "--labels mine"),
        (["emodb"], "PATH"),
        ([], "NAME"),
    ],
)
def test_usage_errors_exit_2_and_say_what_to_try(emocli, arguments, message):
    outcome = emocli("dataset", *arguments)
    assert outcome.status == 2
    assert message in outcome.stderr
    assert outcome.stdout == b""


def test_an_empty_folder_exits_5(emocli, tmp_path):
    assert emocli("dataset", "ravdess", str(tmp_path)).status == 5


def test_records_before_a_malformed_row_are_written(emocli, goemotions, tmp_path):
    (tmp_path / "dev.tsv").write_text("torn")
    outcome = emocli("dataset", "goemotions", goemotions)
    assert outcome.status == 2
    assert len(outcome.records) == 2
    assert "dev.tsv:1" in outcome.stderr


def test_help_lists_every_dataset():
    from emocli.commands import dataset

    for name in datasets.names():
        assert f"{name} " in dataset.command.__doc__
        assert datasets.title(name) in dataset.command.__doc__


def test_output_gets_every_record(emocli, emodb, tmp_path):
    target = tmp_path / "records.jsonl"
    assert emocli("dataset", "emodb", emodb, "-o", str(target)).status == 0
    assert len(target.read_bytes().splitlines()) == 3
