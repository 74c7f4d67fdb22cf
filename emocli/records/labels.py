"""The seven labels, their order, and their aliases.

Neutral and the six emotions of Ekman, "An argument for basic emotions", Cognition and Emotion
6(3-4), 1992, https://doi.org/10.1080/02699939208411068. The aliases are our choice: what corpora
and classifiers write for these seven (RAVDESS, CREMA-D, IEMOCAP, EMO-DB, TESS), and misspellings
found in published label files. A word that is not listed has no label: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

# This order is the order of every vector of probabilities and of every table.
EMOTIONS = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
NUMBERS = ("valence", "arousal", "dominance", "sentiment")  # what is rated rather than named

_WORDS = {
    # Calm counts as neutral: RAVDESS has both, both low in arousal, and listeners mix them up.
    "neutral": "neutral, neutrality, neu, calm, calmness, no emotion, nuetral, netural",
    "joy": "joy, joyful, happy, happiness, hap, happyness, hapiness, happines, hapy",
    "sadness": "sadness, sad, saddness, sadnes",
    "anger": "anger, angry, ang, angray, angery",
    "fear": "fear, fearful, fea, afraid, scared, fearfull",
    "disgust": "disgust, disgusted, dis, disguest, digust, disgut",
    "surprise": "surprise, surprised, sur, pleasant surprise, pleasant surprised, ps, "
    "suprise, suprised, superise, surprize, surpise",
}
ALIASES = {alias: emotion for emotion, words in _WORDS.items() for alias in words.split(", ")}


def canonical(word: str) -> str | None:
    """Return the one of the seven labels that a word means, or None if it means none of them.

    Case, blanks, `-` and `_` do not matter.

    >>> canonical("Happiness"), canonical("calm"), canonical("Superise"), canonical("boredom")
    ('joy', 'neutral', 'surprise', None)
    """
    return ALIASES.get(" ".join(word.casefold().replace("_", " ").replace("-", " ").split()))


def ordered(names: Iterable[str]) -> list[str]:
    """Return labels in the order of every table: the seven as in EMOTIONS, then others by name.

    >>> ordered({"surprise", "contempt", "boredom", "joy"})
    ['joy', 'surprise', 'boredom', 'contempt']
    """
    return sorted(names, key=_rank)


def _rank(name: str) -> tuple[int, str]:
    return (EMOTIONS.index(name) if name in EMOTIONS else len(EMOTIONS), name)
