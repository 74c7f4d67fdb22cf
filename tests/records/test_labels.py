import pytest

from emocli.records.labels import ALIASES, EMOTIONS, POLARITY, canonical, polarity


def test_the_seven_labels_have_one_order():
    assert EMOTIONS == ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("calm", "neutral"),
        ("Happiness", "joy"),
        ("  HAP\n", "joy"),
        ("fearful", "fear"),
        ("Angray", "anger"),
        ("Superise", "surprise"),
        ("pleasant_surprise", "surprise"),
        ("pleasant-Surprise", "surprise"),
    ],
)
def test_aliases_and_misspellings_find_their_label(word, emotion):
    assert canonical(word) == emotion


@pytest.mark.parametrize(
    "word", ["", "boredom", "contempt", "joyless", "no", "sa", "anger management"]
)
def test_nothing_is_guessed(word):
    assert canonical(word) is None


def test_every_label_is_its_own_alias_and_no_alias_means_two():
    assert all(canonical(emotion) == emotion for emotion in EMOTIONS)
    assert set(ALIASES.values()) == set(EMOTIONS)
    assert all(canonical(alias) == emotion for alias, emotion in ALIASES.items())


def test_polarity_is_said_only_where_the_emotion_says_it():
    assert polarity("happy") == "positive"
    assert polarity("neutral") == "neutral"
    assert polarity("surprise") is None
    assert polarity("boredom") is None
    assert set(POLARITY.values()) == {"negative", "neutral", "positive"}
