"""A causal language model and its tokenizer, ready to be asked; `encoders` loads one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UNBOUNDED = 1 << 20  # tokens, where a model does not say how many it reads; our choice
SANE = 10**9  # tokenizers without a limit state numbers above this
LIMITS = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length")  # in config.json


@dataclass(frozen=True)
class LanguageModel:
    """A causal model of transformers in evaluation mode, and its tokenizer."""

    network: Any
    tokenizer: Any
    device: str = "cpu"

    @functools.cached_property
    def limit(self) -> int:
        """The number of tokens that a prompt and its answer may have together."""
        config = self.network.config.get_text_config()
        stated = [getattr(config, name, None) for name in LIMITS]
        stated.append(self.tokenizer.model_max_length)
        return min([n for n in stated if isinstance(n, int) and 0 < n < SANE], default=UNBOUNDED)

    @functools.cached_property
    def ends(self) -> list[int]:
        """The ids of the tokens that end an answer."""
        generation = getattr(self.network, "generation_config", None)
        stated = [self.tokenizer.eos_token_id, getattr(generation, "eos_token_id", None)]
        listed = [i for n in stated for i in (n if isinstance(n, list) else [n])]
        return list(dict.fromkeys(i for i in listed if i is not None))

    @property
    def padding(self) -> int:
        """The id that fills a batch; it is masked, so a model without one does as well."""
        own = self.tokenizer.pad_token_id
        return int(own if own is not None else self.ends[0] if self.ends else 0)

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer knows how turns of a conversation are marked."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def tokens(self, text: str, *, begins: bool = False) -> list[int]:
        """Return the ids of a text; one that `begins` gets what the tokenizer puts before texts."""
        ids = self.tokenizer(text, add_special_tokens=begins)["input_ids"]
        while begins and ids and ids[-1] in self.ends:
            ids = ids[:-1]
        return list(map(int, ids))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without marks of turns and ends."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def harmless(self, text: str) -> str:
        """Return a text in which nothing is a mark of turns or ends for this tokenizer."""
        for mark in self._marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    @functools.cached_property
    def _marks(self) -> list[str]:
        added = {str(t) for t in self.tokenizer.get_added_vocab()}
        marks = {*added, *map(str, self.tokenizer.all_special_tokens)}
        return sorted((m for m in marks if len(m) > 1 and m.strip()), key=len, reverse=True)
