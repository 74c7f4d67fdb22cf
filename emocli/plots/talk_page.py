"""The page of a recording: what of it is drawn, in which colours, and where."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from emocli.plots import page, palette, shares
from emocli.plots.talk import Part, Talk, Utterance

EDGE, RIGHT, GAP = 16.0, 20.0, 6.0  # pixels, our choice
LEAST_LEFT, MOST_LEFT = 62.0, 130.0
MOST_STRIPS = 8  # speakers; those who speak least are taken together
POINTS = 9
NOBODY = "speaker ?"
FACE = "face"  # the strip of the judged face
UNANSWERED = "no answer"

Floats = NDArray[np.float64]


class Page:
    """The page of a talk: what of it is drawn, in which colours, and where."""

    def __init__(self, talk: Talk, part: Part, width: int) -> None:
        self.talk, self.width = talk, width
        self.first, self.last = talk.part(part)
        self.said, self.faces = self._inside(talk.utterances), self._inside(talk.faces)
        self.colours = palette.of({name for u in self.said + self.faces for name in u.shares})
        self.speakers = _speakers(self.said)
        self.rows = [*self.speakers.items(), *([(FACE, self.faces)] if self.faces else [])]
        labels = [*(name for name, _ in self.rows), "probability"]
        widest = max(page.width_px(name, POINTS) for name in labels) + EDGE + GAP
        self.left = min(max(widest, LEAST_LEFT), MOST_LEFT)
        self.across = width - self.left - RIGHT

    def _inside(self, spans: list[Utterance]) -> list[Utterance]:
        return [u for u in spans if u.start < self.last and u.end > self.first]

    @property
    def px_per_s(self) -> float:
        """Pixels of a second."""
        return self.across / (self.last - self.first)

    @property
    def room_of_names(self) -> float:
        """Pixels of the name of a speaker."""
        return self.left - EDGE - GAP

    def columns(self, said: list[Utterance]) -> Floats:
        """Return the shares of utterances, (utterances, colours)."""
        place = {name: i for i, name in enumerate(self.colours)}
        table = np.zeros((len(said), len(place)))
        for row, utterance in enumerate(said):
            for name, share in utterance.shares.items():
                table[row, place.get(name, len(place) - 1)] += share
        return table

    def answers(self, said: list[Utterance]) -> Floats:
        """Return 1 for the answer of each utterance, (utterances, colours and no answer)."""
        place = {name: i for i, name in enumerate(self.colours)}
        table = np.zeros((len(said), len(place) + 1))
        for row, utterance in enumerate(said):
            name = utterance.emotion
            table[row, len(place) if name is None else place.get(name, len(place) - 1)] = 1.0
        return table

    def over_time(self, said: list[Utterance], values: Floats) -> tuple[Floats, Floats]:
        """Return times, and the means of values between them; one per pixel at most."""
        starts, ends = (np.array([getattr(u, name) for u in said]) for name in ("start", "end"))
        times = shares.edges(starts, ends, self.first, self.last, max(int(self.across), 2))
        return times, shares.mean(starts, ends, values, times)


def _speakers(said: list[Utterance]) -> dict[str, list[Utterance]]:
    """Return the utterances of each speaker, in order; those beyond MOST_STRIPS together."""
    by: dict[str, list[Utterance]] = {}
    for utterance in said:
        by.setdefault(utterance.speaker or NOBODY, []).append(utterance)
    if by.keys() == {NOBODY}:
        return {"emotion": by[NOBODY]}
    if len(by) <= MOST_STRIPS:
        return by
    seconds = Counter({name: sum(u.end - u.start for u in them) for name, them in by.items()})
    kept = {name for name, _ in seconds.most_common(MOST_STRIPS - 1)}
    others = [u for name, them in by.items() if name not in kept for u in them]
    chosen = {name: them for name, them in by.items() if name in kept}
    return {**chosen, f"{len(by) - len(kept)} others": others}
