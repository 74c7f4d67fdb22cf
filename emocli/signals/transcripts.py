"""Split a transcript into its spoken words."""

from __future__ import annotations

import re

REMARK = re.compile(r"\[[^\]]*\]|<[a-zA-Z_/ -]{1,40}>")  # [laughs], <noise>
BETWEEN = re.compile(r"\s+|--+|[—―…]|\.\.+|(?<=\w)[,;:!?](?=[^\W\d])|(?<=\s)–(?=\s)")
APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "\x92": "'"})
WORDLIKE = re.compile(r"[^\W_]|[$€£%&+=°]")
EDGES = "".join(chr(c) for c in range(33, 127) if not chr(c).isalnum() and chr(c) not in "$%&'+=")
EDGES += "«»„“”‚‹›¿¡。、，！？；：（）「」『』।–•"


def tokens(text: str) -> list[str]:
    r"""Return the words of a text as written, without punctuation around them.

    >>> tokens('"Well--no," she said: [laughs] it’s $5.50, isn\'t it?...')
    ['Well', 'no', 'she', 'said', "it's", '$5.50', "isn't", 'it']
    """
    parts = BETWEEN.split(REMARK.sub(" ", text).translate(APOSTROPHES))
    words = (_bare(part) for part in parts if part and WORDLIKE.search(part))
    return [word for word in words if word]


def _bare(part: str) -> str:
    word = part.strip(EDGES)
    quoted = len(word) > 1 and word[0] == word[-1] == "'"
    return word[1:-1] if quoted else word


def is_plain(word: str) -> bool:
    """Say whether a word has only letters and word-internal signs, as in a dictionary."""
    return not re.search(r"[^\w'.-]|\d|_", word)


def parts(word: str) -> list[str]:
    """Return the parts of a compound written with hyphens or slashes.

    >>> parts("well-known"), parts("and/or"), parts("-")
    (['well', 'known'], ['and', 'or'], [])
    """
    return [part for part in re.split(r"[-‐‑–/]", word) if WORDLIKE.search(part)]
