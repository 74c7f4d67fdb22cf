"""Completions drawn at random: several of each prompt, each prompt computed once.

What all prompts begin with is computed once, then the rest of each prompt, whose keys and values
are repeated for its completions. Completions that have come to their end leave the batch. Each
token is drawn by a number of its own, so a completion depends on the seed and on its place, not on
when others end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from emocli.errors import ConfigError
from emocli.llm import scoring
from emocli.llm.candidates import common_prefix
from emocli.llm.language_model import LanguageModel

if TYPE_CHECKING:
    from torch import Tensor

NOT_PLAIN = "completions are drawn of models whose tokens see all before them, by positions"


class Sample(NamedTuple):
    """A drawn completion."""

    tokens: list[int]  # with the one that ends it
    text: str  # up to and with the text that ends it
    ended: bool  # before the limit
    logs: list[float]  # the log-probability of each token, at the temperature


def sample(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    count: int,
    limit: int,
    *,
    seeds: Sequence[int],
    stop: str = "",
    temperature: float = 1.0,
) -> list[list[Sample]]:
    """Return `count` completions of each prompt, at most `limit` tokens each.

    There is a seed for each prompt; at the temperature 0 the likeliest token is drawn. A completion
    ends at a token that ends an answer, or at the text `stop`. Raises ConfigError for a model whose
    keys and values cannot be repeated, and for prompts that leave no room.
    """
    import torch

    longest = max(map(len, prompts)) + limit
    if longest > model.limit:
        raise ConfigError(f"prompts and answers of {longest} tokens, {model.limit} are possible")
    if not scoring.attends(model, longest):
        raise ConfigError(NOT_PLAIN)
    rows = len(prompts) * count
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    draws = torch.cat([torch.rand(count, limit, generator=each) for each in generators])
    with torch.inference_mode():
        drawing = _Drawing(model, prompts, count, limit)
        while drawing.place < limit and drawing.rows:
            drawing.step(draws[:, drawing.place], temperature, stop)
    made = [drawing.samples[i] for i in range(rows)]
    return [made[i : i + count] for i in range(0, rows, count)]


class _Drawing:
    """The state of drawing: of the rows that go on, what was drawn, keys, values and positions."""

    def __init__(
        self, model: LanguageModel, prompts: Sequence[Sequence[int]], count: int, limit: int
    ) -> None:
        import torch

        self.model, self.place = model, 0
        total = len(prompts) * count
        self.rows = list(range(total))
        self.tokens: list[list[int]] = [[] for _ in range(total)]
        self.logs: list[list[float]] = [[] for _ in range(total)]
        self.ends = set(model.ends)
        self.samples: dict[int, Sample] = {}
        self.cache, logits, real = _prefilled(model, prompts)
        self.logits = logits.repeat_interleave(count, 0)
        self.real = torch.nn.functional.pad(real, (0, limit), value=True)
        self.real = self.real.repeat_interleave(count, 0)
        self.width = real.shape[1]
        self.positions = self.real[:, : self.width].sum(1)
        self.cache.batch_repeat_interleave(count)
        if hasattr(self.cache, "layers"):  # not before transformers 4.56
            from emocli.llm.growing_cache import make_room

            make_room(self.cache, limit)

    def step(self, draws: Tensor, temperature: float, stop: str) -> None:
        """Draw one token of each row, and compute what may follow it."""
        import torch

        logs = (self.logits.float() / (temperature or 1.0)).log_softmax(-1)
        chosen = _drawn(logs, draws[self.rows].to(logs.device)) if temperature else logs.argmax(-1)
        values = logs.gather(1, chosen[:, None])[:, 0].tolist()
        for row, token, value in zip(self.rows, chosen.tolist(), values, strict=True):
            self.tokens[row].append(token)
            self.logs[row].append(value)
        self.place += 1
        last = self.place == self.real.shape[1] - self.width
        going = [i for i, row in enumerate(self.rows) if not self._finished(row, stop, last)]
        if len(going) < len(self.rows):
            self._keep(torch.tensor(going, dtype=torch.long, device=chosen.device))
            chosen = chosen[going]
        if self.rows:
            self._compute(chosen)

    def _finished(self, row: int, stop: str, last: bool) -> bool:
        """Say whether a row has come to its end, and keep it if it has."""
        ids = self.tokens[row]
        ended = ids[-1] in self.ends
        text = ""
        if stop and not ended:
            tail = self.model.text(ids[-len(stop) - 1 :])  # a token has a character at least
            if stop in tail:
                text, ended = self.model.text(ids), True
        if not ended and not last:
            return False
        text = text or self.model.text(ids[:-1] if ids[-1] in self.ends else ids)
        if stop in text and stop:
            text = text[: text.index(stop) + len(stop)]
        self.samples[row] = Sample(ids, text, ended, self.logs[row])
        return True

    def _keep(self, going: Tensor) -> None:
        self.rows = [self.rows[i] for i in going.tolist()]
        self.real, self.positions = self.real[going], self.positions[going]
        self.cache.batch_select_indices(going)

    def _compute(self, chosen: Tensor) -> None:
        """Compute the logits after a token of each row."""
        seen = self.real[:, : self.width + self.place]
        self.logits = self.model.network(
            input_ids=chosen[:, None],
            attention_mask=seen.long(),
            position_ids=self.positions[:, None],
            past_key_values=self.cache,
            use_cache=True,
        ).logits[:, -1]
        self.positions = self.positions + 1


def _drawn(logs: Tensor, draws: Tensor) -> Tensor:
    """Return the token (rows,) at which the distribution of each row reaches its number."""
    import torch

    sums = logs.double().exp().cumsum(-1)
    wanted = draws.double()[:, None] * sums[:, -1:]
    return torch.searchsorted(sums, wanted, right=True)[:, 0].clamp_max(logs.shape[1] - 1)


def _prefilled(
    model: LanguageModel, prompts: Sequence[Sequence[int]]
) -> tuple[Any, Tensor, Tensor]:
    """Return keys and values of prompts, logits after each, and which places are real (b, t)."""
    import torch

    shared = common_prefix([prompt[:-1] for prompt in prompts])
    kept = len(shared) if len(prompts) > 1 else 0
    rests = [prompt[kept:] for prompt in prompts]
    width = max(map(len, rests))
    ids = torch.full((len(rests), width), model.padding)
    real = torch.ones(len(rests), kept + width, dtype=torch.bool)
    for row, rest in enumerate(rests):
        ids[row, width - len(rest) :] = torch.tensor(rest)
        real[row, kept : kept + width - len(rest)] = False
    cache = scoring.begun(model, shared[:kept], len(prompts))
    positions = (real.long().cumsum(1) - 1)[:, kept:].clamp_min(0)
    logits = model.network(
        input_ids=ids.to(model.device),
        attention_mask=real.long().to(model.device),
        position_ids=positions.to(model.device),
        past_key_values=cache,
        use_cache=True,
        **scoring.last(model, 1),
    ).logits[:, -1]
    return cache, logits, real.to(model.device)
