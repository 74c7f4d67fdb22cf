"""CTC alignment against every path there is, and against a case worked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from emocli.errors import RecordError
from emocli.signals import ctc_alignment
from emocli.signals.ctc_alignment import BLANK, backends, best_path

TOKENS = ([1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 1], [3, 2, 2, 1])


def random(frames: int, symbols: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, symbols, generator=generator).log_softmax(-1)


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    """Return what a path says: repetitions count once, blanks not at all (Graves 2006, eq. 1)."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != blank]


def best_of_all(log_probs: torch.Tensor, tokens: list[int], blank: int) -> float | None:
    frames, symbols = log_probs.shape
    scores = [
        sum(float(log_probs[t, s]) for t, s in enumerate(path))
        for path in itertools.product(range(symbols), repeat=frames)
        if collapsed(path, blank) == tokens
    ]
    return max(scores, default=None)


@pytest.mark.parametrize("backend", backends(), ids=lambda b: b.__name__)
@pytest.mark.parametrize("blank", [0, 4])
@pytest.mark.parametrize("tokens", TOKENS, ids=str)
def test_the_path_is_the_best_of_all_paths(backend, blank: int, tokens: list[int]) -> None:
    tried = 0
    for frames in range(1, 6):
        log_probs = random(frames, 5, seed=frames)
        best = best_of_all(log_probs, tokens, blank)
        if best is None:
            with pytest.raises(RecordError) as caught:
                best_path(log_probs, tokens, blank)
            assert caught.value.code == "cannot_align"
            continue
        places = backend(log_probs, tokens, blank)
        path = tuple(blank if p == BLANK else tokens[p] for p in places)
        assert collapsed(path, blank) == tokens
        score = sum(float(log_probs[t, s]) for t, s in enumerate(path))
        assert score == pytest.approx(best, abs=1e-5)
        tried += 1
    assert tried


def test_a_case_by_hand() -> None:
    # Six frames, "a a b": the blank has to part the two a, though it is unlikely in frame 2.
    likely = np.full((6, 3), 0.05)  # columns: blank, a, b
    for frame, symbol in enumerate((1, 1, 1, 1, 2, 0)):
        likely[frame, symbol] = 0.9
    likely[2] = (0.3, 0.65, 0.05)
    log_probs = torch.from_numpy(np.log(likely)).float()
    path = best_path(log_probs, [1, 1, 2], 0)
    assert path.places == [0, 0, BLANK, 1, 2, BLANK]
    assert path.misfit == pytest.approx(np.log(0.65 / 0.3) / 6, abs=1e-6)
    assert ctc_alignment.runs(path.places, 3) == [(0, 2), (3, 4), (4, 5)]


def test_without_tokens_everything_is_blank() -> None:
    assert best_path(random(3, 4, seed=0), [], 0).places == [BLANK] * 3


def test_all_backends_give_a_path_of_the_same_score() -> None:
    log_probs, tokens = random(200, 30, seed=1), [1 + i % 29 for i in range(60)]
    scores = []
    for backend in backends():
        symbols = [0 if p == BLANK else tokens[p] for p in backend(log_probs, tokens, 0)]
        scores.append(float(log_probs[torch.arange(200), symbols].sum()))
    assert scores == pytest.approx([scores[0]] * len(scores), rel=1e-5)
    assert ctc_alignment.viterbi in backends()


def test_torchaudio_is_used_the_way_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for torchaudio, which is not to be had here, with its documented shapes."""
    import sys
    import types

    def forced_align(log_probs, targets, blank):
        assert (log_probs.ndim, targets.ndim) == (3, 2)
        tokens = targets[0].tolist()
        places = ctc_alignment.viterbi(log_probs[0], tokens, blank)
        symbols = [blank if p == BLANK else tokens[p] for p in places]
        return torch.tensor([symbols]), torch.zeros(1, len(symbols))

    functional = types.ModuleType("torchaudio.functional")
    functional.forced_align = forced_align
    package = types.ModuleType("torchaudio")
    package.functional = functional
    monkeypatch.setitem(sys.modules, "torchaudio", package)
    monkeypatch.setitem(sys.modules, "torchaudio.functional", functional)
    assert backends()[0] is ctc_alignment.with_torchaudio
    log_probs = random(12, 5, seed=2)
    for tokens in TOKENS:
        expected = ctc_alignment.viterbi(log_probs, tokens, 0)
        assert best_path(log_probs, tokens, 0).places == expected


def test_a_broken_torchaudio_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torchaudio", None)
    assert backends() == [ctc_alignment.viterbi]


def test_blanks_go_to_the_sounds_beside_them() -> None:
    spans = [(0.5, 0.52), (0.6, 0.62), (1.0, 1.02)]
    assert ctc_alignment.stretched(spans, [0, 0, 1], 0.04, 1.04) == [
        pytest.approx((0.46, 0.56)),
        pytest.approx((0.56, 0.66)),
        pytest.approx((0.96, 1.03)),
    ]
