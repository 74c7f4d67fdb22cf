"""STARS: shared and specific parts, translated between streams to replace missing ones.

The abstract is about images from satellites: an asymmetric alignment (translation in both
directions with stop-gradient, against collapse) and a contrast between segments, sampled
class-balanced (PSA, against the dominance of frequent classes). For emotion a pixel is a segment of
time. What follows is our design of it. In N segments, with h_m the projected stream, sg
stop-gradient and D = 1 - cosine + smooth L1 / 2 (on layer-normed vectors):

    s_m = S(h_m),  p_m = P_m(h_m);   p_hat_ij = T_ij([s_i; p_i]), i present; T: convolutions, k = 3
    translate: mean over i != j of D(p_hat_ij, sg p_j) + D(T_ji([s_i; p_hat_ij]), sg p_i) / 2
    shared:    mean over i != j of r_ij D(q(s_i), sg s_j),  r_ij = softmax_j(accuracy of j alone)
    specific:  0.02 CE(stream predicted from p_m) + 0.01 cos^2(s_m, p_m)
    psa:       segments of one class pulled together across streams; the other side is sg
    recovery:  p_hat_j = sum_i rho_ij p_hat_ij,  rho a softmax over the i present;  s_hat =
               mean of their s;  f_m = SCSE(linear([s_m or s_hat; p_m or p_hat_m]) + kind)
    fused      = mean over time of a pyramid (strides 1, 2, 4) over all f_m
    loss = task(all) + task(random subset) + 0.5 translate + 0.1 shared + specific + 0.1 psa
           + 0.1 KL(sg answer of all, answer of subset)

Our choices beyond that:

1. Presence is per segment: a stream that loses frames is recovered in those segments only. A
   segment without any stream is left out.
2. The heads of single streams read detached s and p, and so change neither. Their accuracy on
   held-out records sets r after each epoch (`after_epoch`, which also returns the monitors).
3. The weight of `translate` grows from 0 to its full size in the first tenth of training; the
   training loop sets `progress`, from 0 to 1.
4. For regression the bins of PSA are whole numbers, KL is the mean absolute difference.
5. S, P and T end in a layer norm: D ignores lengths, so nothing else would bound them.
6. For comparison it runs without stop-gradient (`stop_gradient: false`) and with segments sampled
   at random (`psa_balanced: false`).

References
----------
STARS (2026), shared-specific translation and alignment for missing-modality remote sensing
semantic segmentation. https://arxiv.org/abs/2601.17342
Wang, H. et al. (2023). Multi-modal learning with missing modality via shared-specific feature
modelling. https://arxiv.org/abs/2307.14126
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models import _alignment as align
from emocli.models._recovery import Pair, Parts, Recovery, Translator, mlp
from emocli.models._sequences import AllGather, Inputs, Task, identity, masked_mean, segments

Loss = Callable[[Tensor, Tensor], Tensor]

WARM_UP = 0.1  # of training
KEPT = 0.5  # probability of a stream to be in the random subset


@dataclass(frozen=True)
class StarsConfig:
    """Our defaults; the paper's are not public."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    classes: int  # of regression: how many numbers
    hidden: int = 128
    segments: int = 16  # N
    translate: float = 0.5
    shared: float = 0.1
    domain: float = 0.02
    orthogonal: float = 0.01
    psa: float = 0.1
    psa_units: int = 256
    consistency: float = 0.1
    stop_gradient: bool = True
    psa_balanced: bool = True
    dropout: float = 0.1
    task: Task = "classification"
    primary: int = 0  # of several heads: PSA and KL use only so many first outputs; 0 is all


class Stars(nn.Module):
    """Parts of each stream, translators between all pairs, a pyramid over their outputs."""

    takes_time = True
    masks_itself = True  # the objective drops streams at random
    accuracy: Tensor

    def __init__(self, config: StarsConfig) -> None:
        super().__init__()
        self.config = config
        self.progress = 1.0
        dim, names = config.hidden, list(config.dims)
        self.pairs: list[Pair] = list(itertools.permutations(range(len(names)), 2))
        self.inputs = Inputs(config.dims)
        self.project = nn.ModuleDict({n: nn.Linear(size, dim) for n, size in config.dims.items()})
        self.share = mlp(dim)  # S
        self.specify = nn.ModuleDict({name: mlp(dim) for name in names})  # P
        self.translate = nn.ModuleDict(
            {f"{names[i]}-{names[j]}": Translator(dim) for i, j in self.pairs}
        )
        self.predict = mlp(dim)  # q
        self.contrast = mlp(dim)
        self.domain = nn.Linear(dim, len(names))
        self.recover = Recovery(names, dim)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(dim, config.classes)
        self.heads = nn.ModuleDict({name: nn.Linear(2 * dim, config.classes) for name in names})
        self.register_buffer("accuracy", torch.zeros(len(names)))

    def parts(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Parts:
        """Return s and p of each stream (streams, batch, segments, hidden), and their mask."""
        count = self.config.segments if any(streams[n].ndim == 3 for n in self.config.dims) else 1
        shared, specific, presence = [], [], []
        for name, (values, mask) in self.inputs(streams, masks).items():
            pooled, present = segments(values, mask, count)
            features = functional.gelu(self.project[name](pooled))
            shared.append(self.share(features) * present[..., None])
            specific.append(self.specify[name](features) * present[..., None])
            presence.append(present)
        return Parts(torch.stack(shared), torch.stack(specific), torch.stack(presence))

    def translations(self, parts: Parts) -> dict[Pair, Tensor]:
        """Return p_hat_ij (batch, segments, hidden) of every ordered pair of streams."""
        sources = list(zip(parts.shared, parts.specific, parts.mask, strict=True))
        return {(i, j): self._translator(i, j)(*sources[i]) for i, j in self.pairs}

    def _translator(self, i: int, j: int) -> nn.Module:
        names = list(self.config.dims)
        return self.translate[f"{names[i]}-{names[j]}"]

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the fused vector (batch, hidden)."""
        parts = self.parts(streams, masks)
        return self.recover(parts, self.translations(parts))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(self.dropout(fused))

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))

    def unimodal(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return each stream's prediction (batch, classes): log-probabilities, or numbers."""
        masks = masks or {n: torch.ones_like(v[..., 0]).bool() for n, v in streams.items()}
        logits = self._unimodal_logits(self.parts(streams, masks))
        if self.config.task != "classification":
            return logits
        first = self.config.primary
        return {name: align.first(v, first).log_softmax(dim=1) for name, v in logits.items()}

    def _unimodal_logits(self, parts: Parts) -> dict[str, Tensor]:
        both = torch.cat([parts.shared, parts.specific], dim=3).detach()
        return {
            name: head(masked_mean(values, mask))
            for (name, head), values, mask in zip(self.heads.items(), both, parts.mask, strict=True)
        }

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Loss,
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted."""
        config = self.config
        first = partial(align.first, count=config.primary)
        parts = self.parts(streams, masks)
        translations = self.translations(parts)
        fused = [self.recover(part, translations) for part in (parts, parts.subset(KEPT))]
        predictions = [*map(self.classify, fused), *self._unimodal_logits(parts).values()]
        full, subset, *single = all_gather(torch.stack(predictions, dim=1)).unbind(dim=1)
        gathered = parts.through(all_gather)
        losses = [
            task_loss(logits[some], targets[some])
            for logits, some in zip(single, gathered.mask.any(dim=2), strict=True)
            if some.any()
        ]
        return {
            "task": task_loss(full, targets),
            "subset": task_loss(subset, targets),
            "alone": torch.stack(losses).sum() if losses else subset.new_zeros(()),
            "consistency": config.consistency
            * align.disagreement(first(subset), first(full.detach()), config.task),
            **self.alignment(parts, translations, all_gather),
            "specific": config.domain * align.stream_loss(self.domain(gathered.specific), gathered)
            + config.orthogonal * align.overlap(gathered),
            "psa": config.psa * align.psa(gathered, self.contrast, first(targets), config),
        }

    def alignment(
        self, parts: Parts, translations: dict[Pair, Tensor], all_gather: AllGather = identity
    ) -> dict[str, Tensor]:
        """Return the terms `translate` and `shared`."""
        results = [self.pair_terms(parts, translations, p, all_gather) for p in self.pairs]
        terms = [term for term in results if term]
        if not terms:
            zero = parts.shared.new_zeros(())
            return {"translate": zero, "shared": zero}
        direct, back, shared = (torch.stack(term).mean() for term in zip(*terms, strict=True))
        warm_up = min(1.0, self.progress / WARM_UP)
        return {
            "translate": self.config.translate * warm_up * (direct + 0.5 * back),
            "shared": self.config.shared * shared,
        }

    def pair_terms(
        self,
        parts: Parts,
        translations: dict[Pair, Tensor],
        pair: Pair,
        all_gather: AllGather = identity,
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return the distances of the translation i -> j, of the way back, and of s_i from s_j."""
        i, j = pair
        shared, specific = parts.shared, parts.specific
        targets = [self._fixed(values) for values in (specific[j], specific[i], shared[j])]
        back = self._translator(j, i)(shared[i], translations[pair], parts.mask[i])
        guesses = (translations[pair], back, self.predict(shared[i]))
        distances = [align.distance(*both) for both in zip(guesses, targets, strict=True)]
        both = all_gather(parts.mask[i] & parts.mask[j])
        direct, back, shared = all_gather(torch.stack(distances, dim=1)).unbind(dim=1)
        if not both.any():
            return None
        trust = self.accuracy.softmax(dim=0)[j]
        return align.mean(direct, both), align.mean(back, both), trust * align.mean(shared, both)

    def _fixed(self, target: Tensor) -> Tensor:
        return target.detach() if self.config.stop_gradient else target

    @torch.no_grad()
    def after_epoch(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor], targets: Tensor
    ) -> dict[str, float]:
        """Store the accuracy of each stream's head; return the monitors of collapse."""
        parts = self.parts(streams, masks)
        for place, logits in enumerate(self._unimodal_logits(parts).values()):
            present = parts.mask[place].any(dim=1)
            guess, true = (align.first(v[present], self.config.primary) for v in (logits, targets))
            self.accuracy[place] = align.accuracy(guess, true, self.config.task)
        return align.monitors(parts, self.translations(parts))
