"""Soft tokens: vectors that stand among the tokens of a prompt, as if they were words.

A rendered prompt has marks where they go. In a list of ids a soft token is an id from FIRST on,
which no vocabulary has: FIRST + i is the i-th of the record's own, and in a batch the i-th of all
rows together. What is masked is left out of the list, so that no layer can attend to it, whatever
it contains, and the positions of what follows are those of a prompt without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from emocli.llm.language_model import LanguageModel

FIRST = 1 << 30  # fits 32 bits, beyond any vocabulary
# Around the name of a placeholder in a rendered prompt: characters for private use, which are
# taken out of what records say.
OPENING, CLOSING = "\ue000", "\ue001"
MARK = re.compile(f"{OPENING}([^{CLOSING}]*){CLOSING}")
PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_]*)>")


class Soft(NamedTuple):
    """The soft tokens of some rows, and which of them are there."""

    values: Tensor  # (rows, places, width)
    mask: Tensor  # (rows, places)


def marked(text: str) -> str:
    r"""Return a text with marks in place of its placeholders.

    >>> marked("<audio>: ") == "\ue000audio\ue001: "
    True
    """
    return PLACEHOLDER.sub(rf"{OPENING}\1{CLOSING}", text)


def unmarked(text: str) -> str:
    """Return what a record says, without characters that could be marks."""
    return text.replace(OPENING, "").replace(CLOSING, "")


def shown(text: str, layout: Mapping[str, range]) -> str:
    """Return a rendered prompt for people.

    >>> shown(marked("<audio> "), {"audio": range(4)})
    '<audio: 4 tokens> '
    """
    return MARK.sub(lambda m: f"<{m[1]}: {len(layout.get(m[1], ()))} tokens>", text)


def tokens(
    model: LanguageModel, text: str, layout: Mapping[str, range], *, begins: bool
) -> list[int]:
    """Return the ids of a rendered prompt; a mark becomes the soft tokens of its placeholder.

    What stands before, between and behind marks is split into tokens each for itself.
    """
    ids: list[int] = []
    for place, part in enumerate(MARK.split(text)):
        if place % 2:
            ids += [FIRST + i for i in layout[part]]
        elif part or not place:
            ids += model.tokens(part, begins=begins and not place)
    return ids


def placed(prompts: Sequence[Sequence[int]], soft: Soft | None) -> list[list[int]]:
    """Return the prompts of a batch with its soft tokens numbered through; absent ones are out."""
    if soft is None:
        return [list(prompt) for prompt in prompts]
    count = soft.mask.shape[1]
    return [
        [i if i < FIRST else i + row * count for i in prompt if i < FIRST or present[i - FIRST]]
        for row, (prompt, present) in enumerate(zip(prompts, soft.mask.tolist(), strict=True))
    ]


def words_before(ids: Sequence[int]) -> Sequence[int]:
    """Return the ids before the first soft token."""
    return ids[: next((i for i, token in enumerate(ids) if token >= FIRST), len(ids))]


def embedded(network: Any, ids: Tensor, soft: Soft | None) -> Tensor:
    """Return the embeddings (..., width) of ids (...), those of soft tokens as they are given."""
    table = network.get_input_embeddings()
    if soft is None:
        return table(ids)
    is_soft = ids >= FIRST
    words = table(ids.masked_fill(is_soft, 0))
    own = soft.values.flatten(0, 1).to(words)[(ids - FIRST).clamp_min(0) * is_soft]
    return own.where(is_soft[..., None], words)


def inputs(network: Any, ids: Tensor, soft: Soft | None) -> dict[str, Tensor]:
    """Return what a network is given for ids: themselves, or embeddings if some are soft."""
    return {"input_ids": ids} if soft is None else {"inputs_embeds": embedded(network, ids, soft)}
