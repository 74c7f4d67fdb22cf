"""Identify the language of a text.

py3langid (Barbaresi, https://github.com/adbar/py3langid), a fork of langid.py (Lui and Baldwin
2012, "langid.py: An Off-the-shelf Language Identification Tool", ACL): naive Bayes over byte
n-grams. Our choice: seventy languages that people write, the prior, and what is no language.

A few words say little: "Yeah baby!" looks Indonesian. So the language that a model expects is 8
times as likely as another before anything is read. Of the lines of MELD and GoEmotions 99.7 and
99.9 % then count as English, of 165 short German, French, Polish, Chinese, Spanish, ... sentences
none does (`examples/languages.py`).
"""

from __future__ import annotations

import re
from functools import cache
from threading import Lock
from typing import Any

EXPECTED = 8.0
# What py3langid knows and Whisper transcribes, without dialects and small languages, with which
# names and interjections are taken for one.
LANGUAGES = (
    "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl he hi hr hu hy id is it ja "
    "ka kk km kn ko lt lv mk ml mn mr ms mt my ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te "
    "th tl tr uk ur uz vi zh"
)
NAME = 0.5  # a single word that is less certainly of a language may be a name
LONGEST = 2_000  # characters that are read: more change nothing
LAUGHTER = re.compile(r"\b(?:[bm]?w?a?(?:h[aeio]){2,}h?|lo+l|lmf?ao+|rofl|x+d+)\b", re.IGNORECASE)


def identify(text: str, expected: str = "en") -> tuple[str, float] | None:
    """Return the code of the language (ISO 639-1) and its probability; None without evidence.

    >>> identify("I really can't believe it!")[0], identify("Das ist nicht zu glauben!")[0]
    ('en', 'de')
    """
    words = LAUGHTER.sub(" ", text[:LONGEST]).strip()
    ranked = identifier().rank(words)
    shares = {name: share * (EXPECTED if name == expected else 1) for name, share in ranked}
    best = max(shares, key=lambda name: shares[name])
    probability = float(shares[best] / sum(shares.values()))
    if best == expected and dict(ranked)[best] <= 1 / len(ranked):
        return None  # nothing speaks for it but the prior
    if best != expected and probability < NAME and len(words.split()) < 2:
        return None
    return best, probability


def identifier() -> Any:
    """Return the identifier, which is loaded once (0.4 s, 60 MB), whatever thread asks first."""
    with _LOADING:
        return _load()


_LOADING = Lock()


@cache
def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    loaded.set_languages(LANGUAGES.split())
    return loaded
