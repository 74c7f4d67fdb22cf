"""Log-probabilities of whole answers: every answer to a batch of prompts in one forward pass.

What the prompts have in common is computed once and kept as keys and values. Behind each prompt
stand the inner nodes of the trie of answers, each of which sees the prompt and the nodes that lead
to it (tree attention: Miao et al. 2024, SpecInfer, https://arxiv.org/abs/2305.09781). Prompts are
padded on the left; masks and positions are explicit, so that neither padding, nor batch, nor cache
changes an answer by more than float32 rounds. Models whose attention is another one (a window
shorter than the prompt, a state, positions that are not given) are asked answer by answer.

The prior: Holtzman et al. 2021, Surface Form Competition, https://arxiv.org/abs/2104.08315, and
Zhao et al. 2021, Calibrate Before Use, https://arxiv.org/abs/2102.09690. Our choice: the mean of
log-probabilities, subtracted.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emocli.llm import soft_tokens
from emocli.llm.candidates import Candidates, common_prefix
from emocli.llm.language_model import LanguageModel
from emocli.llm.soft_tokens import Soft

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 32  # answers at once where a model is asked answer by answer
PLAIN_LAYERS = {"full_attention", "sliding_attention"}
Prompt = Sequence[int]
Scores = NDArray[np.float64]


class Scorer:
    """Scores candidates after prompts with one model; keeps what prompts have in common."""

    def __init__(self, model: LanguageModel, candidates: Candidates) -> None:
        self.model, self.candidates = model, candidates
        self.prefix: tuple[int, ...] = ()
        self.states: list[tuple[Tensor, Tensor]] = []  # keys and values of each layer

    def remember(self, prompts: Sequence[Prompt]) -> None:
        """Keep the keys and values of what prompts have in common, for all that come."""
        import torch

        shared = tuple(soft_tokens.words_before(common_prefix(prompts)))
        if not shared or not attends(self.model, len(shared) + 1):
            return
        with torch.inference_mode():
            self.states = _states(_computed(self.model, shared))
        self.prefix = shared

    def __call__(self, prompts: Sequence[Prompt], soft: Soft | None = None) -> Scores:
        """Return the log-probability (prompts, candidates) of each candidate after each prompt.

        `soft` are the soft tokens of the prompts, if they have some.
        """
        import torch

        placed = soft_tokens.placed(prompts, soft)
        prompts = [(*prompt, *self.candidates.stem) for prompt in placed]
        longest = max(map(len, prompts)) + self.candidates.depth
        with torch.inference_mode():
            if attends(self.model, longest):
                return self._together(prompts, soft)
            return np.stack([self._one_by_one(prompt, soft) for prompt in prompts])

    def _together(self, prompts: Sequence[Prompt], soft: Soft | None) -> Scores:
        import torch

        shared = common_prefix([self.prefix, *(prompt[:-1] for prompt in prompts)])
        kept = len(shared)
        rests = [prompt[kept:] for prompt in prompts]
        ids, mask, positions = _laid_out(self.model, rests, kept, self.candidates)
        given: dict[str, Any] = (
            {"position_ids": positions} if takes(self.model, "position_ids") else {}
        )
        if kept:
            given["past_key_values"] = _cache(self.states, kept, len(prompts))
        places = 1 + len(self.candidates.nodes)
        output = self.model.network(
            **soft_tokens.inputs(self.model.network, ids, soft),
            attention_mask=mask,
            use_cache=bool(kept),
            **given,
            **last(self.model, places),
        )
        logs = output.logits[:, -places:].float().log_softmax(-1)
        steps = [
            (row, node + 1, token)
            for row, found in enumerate(self.candidates.steps)
            for node, token in found
        ]
        rows, nodes, tokens = (
            torch.tensor(column, device=logs.device) for column in zip(*steps, strict=True)
        )
        values = logs[:, nodes, tokens].double()
        sums = values.new_zeros(len(prompts), len(self.candidates.rows))
        return np.asarray(sums.index_add(1, rows, values).cpu().numpy())

    def _one_by_one(self, prompt: Prompt, soft: Soft | None) -> Scores:
        rows = self.candidates.rows
        parts = [
            one_by_one(self.model, prompt, rows[start : start + ROWS], soft)
            for start in range(0, len(rows), ROWS)
        ]
        return np.concatenate(parts)


def one_by_one(
    model: LanguageModel,
    prompt: Prompt,
    rows: Sequence[Sequence[int]],
    soft: Soft | None = None,
) -> Scores:
    """Return the log-probability (rows,) of each row of tokens after a prompt, without a cache.

    Soft tokens of the prompt are numbered through those of `soft`, see `soft_tokens.placed`.
    """
    import torch

    width = max(map(len, rows))
    ids = torch.full((len(rows), len(prompt) + width), model.padding, device=model.device)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(rows):
        whole = torch.tensor([*prompt, *tokens], device=model.device)
        ids[row, : len(whole)] = whole
        mask[row, : len(whole)] = 1
    with torch.inference_mode():
        output = model.network(
            **soft_tokens.inputs(model.network, ids, soft),
            attention_mask=mask,
            use_cache=False,
            **last(model, width + 1),
        )
    logs = output.logits[:, -width - 1 : -1].float().log_softmax(-1)
    values = logs.gather(2, ids[:, len(prompt) :, None])[..., 0].double()
    return np.asarray((values * mask[:, len(prompt) :]).sum(1).cpu().numpy())


def attends(model: LanguageModel, length: int) -> bool:
    """Say whether each token of a text of this length sees all before it, by explicit positions."""
    config = model.network.config.get_text_config()
    if getattr(config, "alibi", False) or not takes(model, "past_key_values"):
        return False
    if not takes(model, "position_ids"):
        return False
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if not kinds <= PLAIN_LAYERS or getattr(model.network, "_is_stateful", False):
        return False
    return not window or kinds == {"full_attention"} or length < window


def takes(model: LanguageModel, name: str) -> bool:
    """Say whether a network can be given an argument of this name."""
    return name in inspect.signature(model.network.forward).parameters


def last(model: LanguageModel, places: int) -> dict[str, int]:
    """Return the argument that computes logits at the last places only, if the model has it."""
    return {"logits_to_keep": places} if takes(model, "logits_to_keep") else {}


def _cache(states: Sequence[tuple[Tensor, Tensor]], kept: int, rows: int) -> Any:
    """Return a cache of the first `kept` tokens of some states, the same for each row."""
    from transformers import DynamicCache

    cache = DynamicCache()
    for layer, (keys, values) in enumerate(states):
        shape = (rows, -1, -1, -1)
        kept_keys, kept_values = (s[:, :, :kept].expand(shape) for s in (keys, values))
        cache.update(kept_keys[:, :, :0], kept_values[:, :, :0], layer)
        if hasattr(cache, "layers"):  # not copied before the rest is put behind them
            cache.layers[layer].keys, cache.layers[layer].values = kept_keys, kept_values
        else:  # before transformers 4.56
            cache.update(kept_keys, kept_values, layer)
    return cache


def begun(model: LanguageModel, shared: Sequence[int], rows: int) -> Any:
    """Return a cache of some rows that all begin with the same tokens, computed once."""
    if not shared:
        return _cache([], 0, rows)
    return _cache(_states(_computed(model, shared)), len(shared), rows)


def _computed(model: LanguageModel, ids: Sequence[int]) -> Any:
    """Return the cache of one row of tokens."""
    import torch

    cache = _cache([], 0, 1)
    row = torch.tensor([list(ids)], device=model.device)
    model.network(input_ids=row, past_key_values=cache, use_cache=True, **last(model, 1))
    return cache


def _states(cache: Any) -> list[tuple[Tensor, Tensor]]:
    """Return keys and values of each layer of a cache."""
    if hasattr(cache, "layers"):
        return [(layer.keys, layer.values) for layer in cache.layers]
    return list(zip(cache.key_cache, cache.value_cache, strict=True))


def _laid_out(
    model: LanguageModel, rests: Sequence[Prompt], kept: int, candidates: Candidates
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids (batch, time), the mask to add (batch, 1, time, kept + time), and positions.

    Time is the longest rest, shorter ones padded on the left, then the nodes of the trie.
    """
    import torch

    width, nodes = max(map(len, rests)), candidates.nodes
    ids = torch.full((len(rests), width + len(nodes)), model.padding)
    depths = torch.tensor([node.depth for node in nodes], dtype=torch.long)
    ids[:, width:] = torch.tensor([node.token for node in nodes], dtype=torch.long)
    positions = torch.full_like(ids, kept)
    real = torch.zeros(len(rests), width, dtype=torch.bool)
    for row, rest in enumerate(rests):
        start = width - len(rest)
        ids[row, start:width] = torch.tensor(rest)
        positions[row, start:width] = kept + torch.arange(len(rest))
        positions[row, width:] = kept + len(rest) + depths
        real[row, start:] = True
    time = width + len(nodes)
    seen = torch.ones(len(rests), time, kept + time, dtype=torch.bool)
    seen[:, :, kept:] = torch.ones(time, time, dtype=torch.bool).tril()
    seen[:, :, kept : kept + width] &= real[:, None]
    seen[:, width:, kept + width :] = torch.from_numpy(candidates.ancestors)
    own = torch.arange(time)
    seen[:, own, kept + own] = True  # padding sees itself, since a row of nothing is NaN
    dtype = model.network.dtype
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    device = model.device
    return ids.to(device), mask[:, None].to(device), positions.to(device)
