"""How far BLEMORE's published tuning flatters, on simulated networks whose truth is known.

A set is as large as BLEMORE: 47 actors in five folds and 11 to test, 52 clips each, a blend 56 % of
them. The network's logits are the log of the true shares with a floor, times `SHARP`, plus a bias
of the actor's, plus noise of the clip's, plus a little noise of the epoch's: the epochs are equally
good, so that what choosing among them adds to a figure is luck. The strengths are set so that the
figures lie where the published ones do. No network is trained: the folds differ in luck alone.
"""

from __future__ import annotations

import numpy as np
from blend_clips import FOLDS, NEUTRAL
from blend_ways import WAYS, choose, cross_validated, score

from emocli.metrics import blend
from emocli.metrics.blend_decoder import decoded

ACTORS, TEST_ACTORS, CLIPS = 47, 11, 52
EPOCHS = 20
BLENDS = 0.56
FLOOR, SHARP = 0.1, 0.8
ACTOR, CLIP, EPOCH = 0.5, 1.0, 0.3  # standard deviations of noise, in nats of logit
VALID = blend.answers(6, NEUTRAL)


def simulated(seed: int, epochs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return saliences (records, 6), probabilities (epochs, records, 6) and actors (records,)."""
    random = np.random.default_rng(seed)
    two = (VALID > 0).sum(1) == 2
    chances = np.where(two, BLENDS / two.sum(), (1 - BLENDS) / (~two).sum())
    actors = np.repeat(np.arange(ACTORS + TEST_ACTORS), CLIPS)
    truth = VALID[random.choice(len(VALID), len(actors), p=chances)]
    logits = SHARP * np.log(truth / 100 + FLOOR)
    logits += ACTOR * random.standard_normal((ACTORS + TEST_ACTORS, 6))[actors]
    logits += CLIP * random.standard_normal(logits.shape)
    several = logits + EPOCH * random.standard_normal((epochs, *logits.shape))
    shares = np.exp(several - several.max(2, keepdims=True))
    return truth, shares / shares.sum(2, keepdims=True), actors


def one_set(seed: int, epochs: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Return for each way: truth, answers and actors of the folds, then of the test set.

    To test, the published way takes the choice of its best fold, the others one on all folds.
    """
    truth, runs, actors = simulated(seed, epochs)
    test, found = actors >= ACTORS, {}
    fold = np.where(test, -1, actors % FOLDS)
    inner = [(fold != number) & ~test for number in range(FOLDS)]
    for name, way in WAYS.items():
        answer, choices = cross_validated(way, truth, fold, [runs] * FOLDS, inner)
        best = max(choices, key=lambda choice: choice.score)
        chosen = best if way.own else choose(truth[~test], runs[:, ~test], way.rule)
        held = decoded(runs[chosen.epoch][test], chosen.decoder, NEUTRAL)
        folds = (truth[~test], answer[~test], actors[~test])
        found[name] = (*folds, truth[test], held, actors[test])
    return found


def flattery(sets: int, epochs: int) -> dict[str, list[float]]:
    """Return for each way: mean score of the folds, of the test set, and by how much it flatters.

    The latter with its 95 % interval over the sets, which are independent: 1.96 standard errors.
    """
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for seed in range(sets):
        for name, (truth, answer, _, new, held, _) in one_set(seed, epochs).items():
            rows[name].append((score(truth, answer), score(new, held)))
    return {name: _summary(np.array(values)) for name, values in rows.items()}


def _summary(pairs: np.ndarray) -> list[float]:
    gaps = pairs[:, 0] - pairs[:, 1]
    half = 1.96 * gaps.std(ddof=1) / len(gaps) ** 0.5
    return [*pairs.mean(0).tolist(), float(gaps.mean()), gaps.mean() - half, gaps.mean() + half]
