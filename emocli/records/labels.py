"""The seven labels, the words that mean them, and their polarity.

Neutral and the six emotions of Ekman, "An argument for basic emotions", Cognition and Emotion
6(3-4), 1992, https://doi.org/10.1080/02699939208411068. The aliases are our choice: what corpora
and classifiers write for these seven (RAVDESS, CREMA-D, IEMOCAP, EMO-DB, TESS), and misspellings
found in published label files. A word that is not here has no home: nothing is guessed.
"""

from __future__ import annotations

# This order is the order of every vector of probabilities and of every table.
EMOTIONS = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")

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

# Surprise has none: GoEmotions (Demszky et al. 2020, arXiv 2005.00547) groups it as ambiguous,
# and MELD's surprised utterances are both positive and negative.
POLARITY = {
    "neutral": "neutral",
    "joy": "positive",
    "sadness": "negative",
    "anger": "negative",
    "fear": "negative",
    "disgust": "negative",
}


def canonical(word: str) -> str | None:
    """Return which of the seven labels a word means, or None when it means none of them.

    Case, blanks, `-` and `_` do not matter.

    >>> canonical("Happiness"), canonical("calm"), canonical("Superise"), canonical("boredom")
    ('joy', 'neutral', 'surprise', None)
    """
    return ALIASES.get(" ".join(word.casefold().replace("_", " ").replace("-", " ").split()))


def polarity(word: str) -> str | None:
    """Return negative, neutral or positive, or None where the emotion does not say.

    >>> polarity("angry"), polarity("surprise")
    ('negative', None)
    """
    return POLARITY.get(canonical(word) or "")
