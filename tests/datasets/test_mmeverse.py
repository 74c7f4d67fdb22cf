"""MMEVerse: tables of twelve corpora and eighteen sets, features by file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emocli.datasets import mmeverse
from emocli.errors import MalformedError
from emocli.io import features
from emocli.io.store import Store
from tests.conftest import Emocli


def table(place: Any, name: str, header: str, *rows: str) -> Any:
    file = place / "AU_gpt" / f"{name}_AU_gpt.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return file


def by_id(place: Any, **more: Any) -> dict[str, Any]:
    return {r["id"].removeprefix("mmeverse/"): r for r in mmeverse.read(place, **more)}


def test_the_published_numbers_of_corpora_and_sets() -> None:
    corpora, sets = mmeverse.contents()["corpora"], mmeverse.sets()
    assert sum(bool(about.get("train")) for about in corpora.values()) == 12
    assert len(sets) == len({s["name"] for s in sets}) == 18
    assert sum(bool(s.get("unibench")) for s in sets) == 9
    held_out = {name for name, about in corpora.items() if not about.get("train")}
    assert held_out == {"mer2024", "sims", "ov-merd"}
    kinds = {kind: sum(s["metric"] == kind for s in sets) for kind in {s["metric"] for s in sets}}
    assert kinds == {"hit_rate": 4, "exact": 7, "sentiment": 4, "several": 2, "open": 1}
    for asked in sets:
        assert asked["field"] in corpora[asked["corpus"]]["labels"]
    assert len(corpora["bold"]["spaces"]["multi"]) == 26
    assert len(corpora["mafw"]["spaces"]["emotion"]) == 11


def test_a_row_becomes_a_record_of_its_corpus(make: Any, tmp_path: Any) -> None:
    place, store = make("mmeverse"), Store(tmp_path / "store")
    found = by_id(place, store=store)
    assert list(found) == ["mer2023/s1", "mer2024/s2", "mer2023/s3", "mafw/m1", "mafw/m2"]
    first = found["mer2023/s1"]
    assert first["path"] == f"{place}/MER2024/video/s1.mp4"
    assert (first["split"], first["text"], first["language"]) == ("train", "你好", "zh")
    assert first["label"] == {"emotion": "joy", "original": "happy"}
    assert first["label_space"]["emotion"][-1] == "worried"
    assert first["descriptions"]["audio"] == {
        "text": "A bright voice.",
        "by": "Audio-Reasoner",
        "synthetic": True,
    }
    assert (found["mer2024/s2"]["text"], found["mer2024/s2"]["language"]) == ("Oh no", "en")
    stream = features.read(first, "audio", store)
    assert stream.values.shape == (3, 4)  # a leading axis of one is dropped


def test_a_clip_that_both_mer_challenges_have_is_read_once(make: Any) -> None:
    assert "mer2024/s3" not in by_id(make("mmeverse"))  # test1 of mer2023


def test_missing_feature_files_are_noted_and_counted(make: Any, emocli: Emocli) -> None:
    place = make("mmeverse")
    np.save(place / "MER2024/features/whisper-large-v3/s2.npy", np.array([None, 1], object))
    outcome = emocli("dataset", "mmeverse", str(place))
    assert outcome.status == 0
    assert "2 records lack a file of whisper-large-v3" in outcome.stderr
    notes = [r["missing"]["audio"] for r in outcome.records if "missing" in r]
    assert [(note["code"], note["stream"]) for note in notes] == [("no_features", "audio")] * 2
    assert "s3.npy" in notes[1]["message"]
    assert "Python objects" in notes[0]["message"]  # a pickle, never run
    assert not any("missing" in r for r in outcome.records if r["corpus"] == "mafw")


@pytest.mark.parametrize(
    "damage",
    [b"", b"x" * 40, b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',\n(\n\n\n", None],
    ids=["empty", "noise", "header", "cut"],
)
def test_a_damaged_feature_file_is_noted(damage: bytes | None, make: Any, emocli: Emocli) -> None:
    place = make("mmeverse")
    file = place / "MER2024/features/whisper-large-v3/s1.npy"
    file.write_bytes(file.read_bytes()[:-5] if damage is None else damage)
    outcome = emocli("dataset", "mmeverse", str(place))
    assert outcome.status == 0
    assert outcome.records[0]["missing"]["audio"]["code"] == "no_features"
    assert "features" not in outcome.records[0]


@pytest.mark.parametrize("column", ["video_id", "emotion_label", "MER2023_mode"])
def test_a_missing_column_is_named_with_its_table(column: str, make: Any) -> None:
    place = make("mmeverse")
    file = place / "AU_gpt/MER2024_AU_gpt.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(column, "other", 1), encoding="utf-8")
    with pytest.raises(MalformedError, match=rf"MER2024_AU_gpt\.csv:1: no column '{column}'"):
        list(mmeverse.read(place))


def test_missing_texts_and_descriptions_are_told(make: Any, emocli: Emocli) -> None:
    place = make("mmeverse")
    file = table(place, "E3", "video_id,mode,emotion", "a,test,shy", "b,test,sad")
    outcome = emocli("dataset", "mmeverse", str(file))
    assert len(outcome.records) == 2
    lacks = "no description of image (response_Qwen25vl_72B)"
    assert f"{file}: {lacks}" in outcome.stderr
    assert "no text (conversation)" in outcome.stderr
    assert "no gpt-4o-mini_Emotion" in outcome.stderr


def test_labels_of_every_kind_keep_their_words(make: Any, emocli: Emocli) -> None:
    place = make("mmeverse")
    table(place, "MC-EIU", "video_id,mode,emotion,intent,Subtitle", "a,test,happy,wishing,Yes")
    table(place, "CMU-MOSEI", "video_id,clip_id,mode,sentiment_label", "v,3,test,Positive")
    table(place, "CH-SIMS", "video_id,val_label,english", "a,-0.4,No")
    table(place, "CH-SIMS_v2_s", "video_id,mode,annotation,text", "a,test,Negative,不")
    table(place, "BOLD", "video_id,mode,Emotion_label", 'a,val,"Peace,Anger,Fear"', "b,val,Peace")
    table(place, "OV-MERD+", "video_id,sentence,openset", "a,好,\"['glad', 'calm']\"")
    table(place, "IEMOCAP", "video_id,session,official_label,text",
          "a,Session5,excited,Oh", "b,Session5,frustrated,No")  # fmt: skip
    found = by_id(place)
    assert found["mc-eiu/a"]["label"] == {
        "emotion": "joy",
        "original": "happy",
        "intent": "wishing",
    }
    assert found["mosei/v_3"]["label"] == {"polarity": "positive"}
    assert found["sims/a"]["label"] == {"polarity": "negative", "sentiment": -0.4}
    assert found["sims-v2/a"]["label"] == {"polarity": "negative"}
    assert found["bold/a"]["label"]["multi"] == ["anger", "fear"]
    assert found["bold/a"]["label"]["multi_original"] == ["Anger", "Fear", "Peace"]
    assert found["bold/b"]["label"] == {"emotion": None, "original": "Peace"} | {
        "multi_original": ["Peace"]
    }
    assert found["ov-merd/a"]["label"]["multi_original"] == ["calm", "glad"]
    assert found["iemocap/a"]["label"] == {"emotion": "joy", "original": "happiness"}
    assert "iemocap/b" not in found
    kept = emocli("dataset", "mmeverse", str(place), "--labels", "original").records
    words = {r["id"].removeprefix("mmeverse/"): r["label"] for r in kept}
    assert words["bold/a"]["multi"] == ["Anger", "Fear", "Peace"]
    assert words["mc-eiu/a"]["emotion"] == "happy"


def test_labels_outside_of_the_list_are_told_and_kept(make: Any, emocli: Emocli) -> None:
    file = table(make("mmeverse"), "MELD", "video_id,mode,Emotion,Sentiment,text",
                 "a,test,bored,neutral,Hm", "b,test,sadness,negative,Oh")  # fmt: skip
    outcome = emocli("dataset", "mmeverse", str(file))
    assert f"1 labels are not in the list of their corpus, such as {file}:2: 'bored'" in (
        outcome.stderr
    )
    assert [r["label"]["original"] for r in outcome.records] == ["bored", "sadness"]


def test_a_name_with_a_path_and_a_polarity_of_words_are_refused(make: Any) -> None:
    place = make("mmeverse")
    file = table(place, "E3", "video_id,mode,emotion", "../a,test,shy")
    with pytest.raises(MalformedError, match=r"E3_AU_gpt\.csv:2: not the name of a clip"):
        list(mmeverse.read(file))
    file = table(place, "CMU-MOSI", "video_id,mode,sentiment_label", "a,test,mixed")
    with pytest.raises(MalformedError, match="neither a polarity nor a number: 'mixed'"):
        list(mmeverse.read(file))
