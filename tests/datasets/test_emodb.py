import pytest

from emocli.datasets import emodb
from emocli.errors import MalformedError
from emocli.records.labels import canonical


def test_every_letter_of_the_name_is_told(make):
    place = make("emodb")
    happy, bored = emodb.read(place)
    path = f"{place}/wav/03a01Fa.wav"
    assert happy == {
        "id": path,
        "path": path,
        "dataset": "emodb",
        "speaker": "emodb-03",
        "gender": "male",
        "age": 31,
        "language": "de",
        "sentence": "a01",
        "statement": "Der Lappen liegt auf dem Eisschrank.",
        "version": "a",
        "label": {"emotion": "joy", "original": "happiness"},
    }
    assert (bored["gender"], bored["age"], bored["version"]) == ("female", 31, "b")


@pytest.mark.parametrize(
    "name", ["laryngo/03a01Fa.wav", "lar/03/03a01Fa.wav", "wav/03a01Fa.lar.wav", "egg/16b10Lb.wav"]
)
def test_laryngograms_are_left_out_and_told(make, emocli, name):
    place = make("emodb")
    speech = [r["id"] for r in emodb.read(place)]
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(b"")
    outcome = emocli("dataset", "emodb", str(place))
    assert [r["id"] for r in outcome.records] == speech
    assert f"1 file is left out as laryngograms, which are no speech, such as {place}/{name}" in (
        outcome.stderr
    )


@pytest.mark.parametrize("name", ["laryngo", "laryngo/03a01Fa.wav", "lar/03a01Fa.wav", "a.lar.wav"])
def test_where_there_are_laryngograms_alone_there_is_no_corpus(emocli, tmp_path, name):
    file = tmp_path / name if name.endswith("wav") else tmp_path / name / "03a01Fa.wav"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    outcome = emocli("dataset", "emodb", str(tmp_path / name))
    assert outcome.status == 5
    assert "laryngograms, which are no speech" in outcome.stderr


def test_of_two_files_of_a_take_the_one_in_wav_is_kept(make, emocli):
    place = make("emodb")
    (place / "other").mkdir()
    (place / "other/03a01Fa.wav").write_bytes(b"")
    outcome = emocli("dataset", "emodb", str(place))
    assert [r["path"] for r in outcome.records] == [
        f"{place}/wav/03a01Fa.wav",
        f"{place}/wav/16b10Lb.wav",
    ]
    assert f"such as {place}/other/03a01Fa.wav" in outcome.stderr


def test_boredom_is_none_of_the_seven(make):
    assert list(emodb.read(make("emodb")))[1]["label"] == {"emotion": None, "original": "boredom"}


def test_the_letters_are_those_of_the_german_words():
    assert {letter: canonical(word) for letter, word in emodb.EMOTIONS.items()} == {
        "W": "anger", "L": None, "E": "disgust", "A": "fear", "F": "joy", "T": "sadness",
        "N": "neutral",
    }  # fmt: skip


def test_five_women_five_men_and_ten_sentences():
    genders = [gender for gender, _ in emodb.SPEAKERS.values()]
    assert (genders.count("female"), genders.count("male"), len(emodb.STATEMENTS)) == (5, 5, 10)


@pytest.mark.parametrize("name", ["03a01Xa.wav", "01a01Fa.wav", "03a03Fa.wav", "03a01F.wav"])
def test_another_name_is_malformed_and_named(make, name):
    place = make("emodb")
    (place / name).write_bytes(b"")
    with pytest.raises(MalformedError, match=f"{name}: not an EMO-DB name"):
        list(emodb.read(place))
