"""Adapters of a language model, and the log-probabilities that they are trained by.

LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685, through peft. A model reads embeddings, so
that what is not a word can stand among them; what all prompts of a batch begin with is computed
once, with its gradient, where the attention of the model allows it (see `scoring`). Rows end at
the same place, padded on the left, with explicit masks and positions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from emocli.llm import soft_tokens
from emocli.llm.candidates import common_prefix
from emocli.llm.language_model import LanguageModel
from emocli.llm.scoring import attends, takes
from emocli.llm.soft_tokens import Soft

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

IGNORED = -100  # the target of a place where nothing is learned
# Projections of attention by the names that families of models give them.
ATTENTION = (
    "q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj",  # Llama, Qwen, Mistral, Gemma, Phi
    "c_attn", "attn.c_proj",  # GPT-2
    "query_key_value", "attention.dense", "self_attention.dense",  # GPT-NeoX, Falcon, BLOOM
    "Wqkv", "out_proj",  # MPT, OPT
)  # fmt: skip


class Example(NamedTuple):
    """The tokens of a prompt, and those that a model learns to answer."""

    prompt: Sequence[int]
    completion: Sequence[int]


class Batch(NamedTuple):
    """Rows that end at the same place, padded on the left, behind what all of them begin with."""

    prefix: Tensor  # (1, shared): ids of what all prompts begin with; may be empty
    ids: Tensor  # (batch, time)
    mask: Tensor  # (batch, time): False where padded
    positions: Tensor  # (batch, time)
    targets: Tensor  # (batch, last): ids to be predicted at the last places, else IGNORED
    soft: Soft | None = None


def targets(network: Any) -> list[str]:
    """Return which linear layers get an adapter: the projections of attention, else all."""
    linear = [n for n, m in network.named_modules() if type(m).__name__ in ("Linear", "Conv1D")]
    return sorted({a for a in ATTENTION if any(name.endswith(f".{a}") for name in linear)})


def adapted(
    network: Any,
    library: Any,
    rank: int,
    alpha: int,
    dropout: float,
    *,
    projections: Sequence[str] = (),
) -> Any:
    """Return a network whose attention has a new adapter in float32; nothing else is trained.

    `library` is peft; `projections` are those of attention that are adapted, if not all.
    """
    kinds = {type(module).__name__ for module in network.modules()}
    settings = library.LoraConfig(
        fan_in_fan_out="Conv1D" in kinds,  # the linear layers of GPT-2
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(projections) or targets(network) or "all-linear",
        task_type="CAUSAL_LM",
    )
    return library.get_peft_model(network, settings)


def recompute(network: Any) -> None:
    """Let a network compute activations again for its gradient, to save memory."""
    name = "activation_checkpointing_enable"
    old = "gradient_checkpointing_enable"  # its name before transformers 5.20
    getattr(network, name if hasattr(network, name) else old)({"use_reentrant": False})


def trained(network: Any) -> dict[str, Parameter]:
    """Return what is trained of a network, by name: what requires a gradient."""
    return {name: p for name, p in network.named_parameters() if p.requires_grad}


def batch(
    model: LanguageModel,
    examples: Sequence[Example],
    *,
    share: bool = True,
    soft: Soft | None = None,
) -> Batch:
    """Return examples as a batch. Without `share` every row has its whole prompt.

    `soft` are the soft tokens of the prompts, if they have some.
    """
    import torch

    prompts = soft_tokens.placed([e.prompt for e in examples], soft)
    examples = [Example(p, e.completion) for p, e in zip(prompts, examples, strict=True)]
    longest = max(len(e.prompt) + len(e.completion) for e in examples)
    shared: Sequence[int] = ()
    if share and len(examples) > 1 and attends(model, longest):
        shared = common_prefix([e.prompt[:-1] for e in examples])
    rows = [[*e.prompt[len(shared) :], *e.completion] for e in examples]
    width, last = max(map(len, rows)), max(len(e.completion) for e in examples)
    ids = torch.full((len(rows), width), model.padding)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    positions = torch.full((len(rows), width), len(shared))
    learned = torch.full((len(rows), last), IGNORED)
    for i, (row, example) in enumerate(zip(rows, examples, strict=True)):
        ids[i, width - len(row) :] = torch.tensor(row)
        mask[i, width - len(row) :] = True
        positions[i, width - len(row) :] += torch.arange(len(row))
        if example.completion:
            learned[i, last - len(example.completion) :] = torch.tensor(list(example.completion))
    prefix = torch.tensor([list(shared)], dtype=torch.long)
    prefix, ids, mask, positions, learned = (
        t.to(model.device) for t in (prefix, ids, mask, positions, learned)
    )
    return Batch(prefix, ids, mask, positions, learned, soft)


def log_probabilities(model: LanguageModel, rows: Batch, temperature: float = 1.0) -> Tensor:
    """Return the log-probability (batch, last) of each target in float32, 0 where it is ignored.

    The network of `model` may be one with adapters; gradients flow unless they are switched off.
    """
    import torch

    more: dict[str, Any] = {"use_cache": False}
    mask = rows.mask
    if shared := rows.prefix.shape[1]:
        cache = _read(model, rows.prefix)
        cache.batch_repeat_interleave(len(mask))
        more = {"past_key_values": cache, "use_cache": True}
        seen = torch.ones(len(mask), shared, dtype=torch.bool, device=mask.device)
        mask = torch.cat([seen, mask], 1)
    if takes(model, "position_ids"):
        more["position_ids"] = rows.positions
    learned = rows.targets != IGNORED
    places = torch.zeros_like(rows.mask)  # those whose next token is learned
    places[:, -learned.shape[1] - 1 : -1] = learned
    with _only(model.network, places):
        output = model.network(
            inputs_embeds=soft_tokens.embedded(model.network, rows.ids, rows.soft),
            attention_mask=mask.long(),
            **more,
        )
    logs = (output.logits.float() / temperature).log_softmax(-1)
    values = logs.gather(1, rows.targets[learned][:, None])[:, 0]
    return values.new_zeros(rows.targets.shape).masked_scatter(learned, values)


def nothing(model: LanguageModel) -> Tensor:
    """Return a loss of zero that a network with adapters has computed, so its gradient is zero.

    For processes that must call a network as often as others, which have more to learn.
    """
    rows = batch(model, [Example([model.padding], [])])
    return log_probabilities(model, rows).sum()


@contextlib.contextmanager
def _only(network: Any, places: Tensor) -> Iterator[None]:
    """Let a network compute logits (places, vocabulary) at some places (batch, time) only.

    They are most of the work and of the memory of a small model with a large vocabulary.
    """
    head = network.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, given: (given[0][places], *given[1:]))
    try:
        yield
    finally:
        hook.remove()


def _read(model: LanguageModel, prefix: Tensor) -> Any:
    """Return the cache of keys and values of a prefix (1, shared), with their gradients."""
    from transformers import DynamicCache

    cache = DynamicCache()
    model.network(
        inputs_embeds=model.network.get_input_embeddings()(prefix),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return cache
