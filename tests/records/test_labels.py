import pytest

from emocli.records.labels import ALIASES, EMOTIONS, canonical, ordered


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


def test_labels_are_ordered_as_the_seven_and_others_follow_by_name():
    assert ordered(reversed(EMOTIONS)) == list(EMOTIONS)
    assert ordered({"contempt", "surprise", "boredom", "neutral"}) == [
        "neutral", "surprise", "boredom", "contempt",
    ]  # fmt: skip
    assert ordered([]) == []
