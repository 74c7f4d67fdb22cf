"""MiniLM with low-rank adapters and a linear head: the network of the text half, and its training.

The head gives evidence: logits without any class's share. In training the log share of each class
in the example's corpus is added, and classes that the corpus does not have are left out (logit
adjustment, Menon et al. 2021, https://arxiv.org/abs/2007.07314; the mask is our choice).
"""

from __future__ import annotations

import math
import re
import sys
import timeit
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import default_text_corpora as corpora
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocli.encoders import transformer_text
from emocli.records.labels import EMOTIONS

POOLING, DIM = "mean+max", 768
BATCH, WARM = 64, 0.06  # WARM: share of the steps to reach the highest rate
RANK, LONGEST = 32, 48  # LONGEST: tokens of a text, in training
DROPOUT, MASKED, BARE = 0.2, 0.08, 0.15  # of the pooled vector, of tokens, of texts
SHARE_POWER = 0.5  # a corpus of n examples has a share of n^0.5
MASK, SPECIAL = 103, torch.tensor((101, 102))  # [MASK]; [CLS] and [SEP], in BERT's vocabulary

HEAD = ("head.weight", "head.bias")

Weights = dict[str, Tensor]


class Adapted(nn.Module):
    """A frozen linear layer and the low-rank matrices added to it (Hu et al. 2022, LoRA)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.lora_a = nn.Parameter(torch.empty(RANK, layer.in_features))
        self.lora_b = nn.Parameter(torch.zeros(layer.out_features, RANK))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., in) to (..., out)."""
        low = F.linear(x, self.lora_a.to(x.dtype))
        return self.layer(x) + F.linear(low, self.lora_b.to(x.dtype))


class Examples(NamedTuple):
    """Token ids, as written and without punctuation, targets and log shares (examples, classes)."""

    plain: list[list[int]]
    bare: list[list[int]]
    wanted: Tensor
    log_share: Tensor  # -inf for what a corpus does not know


def adapted_encoder(folder: Path) -> nn.Module:
    """Return MiniLM, frozen, in the dtype quickest here, with adapters on every linear layer."""
    sys.modules.setdefault("torchaudio", None)  # type: ignore[arg-type] # a CUDA build would break
    from transformers import BertModel

    some = {dtype: torch.ones(512, 512, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    taken = {dtype: min(timeit.repeat(lambda x=x: x @ x, number=1)) for dtype, x in some.items()}
    fastest = {"attn_implementation": "eager", "dtype": min(taken, key=taken.__getitem__)}
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, **fastest)
    model.eval().requires_grad_(False)
    for name, layer in list(model.encoder.named_modules()):
        if isinstance(layer, nn.Linear):
            parent, _, child = name.rpartition(".")
            setattr(model.encoder.get_submodule(parent), child, Adapted(layer))
    return model


def examples(folder: Path, records: Mapping[str, list[corpora.Record]]) -> Examples:
    """Return the examples of several corpora, one after the other."""
    encoder = transformer_text.load(folder)
    texts = [record["text"] for part in records.values() for record in part]
    plain, bare = (
        [transformer_text.tokens(encoder, change(text), LONGEST) for text in texts]
        for change in (str, lambda text: re.sub(r"[^\w\s']", " ", text))
    )
    wanted, shares = [], []
    for part in records.values():
        rows = torch.from_numpy(corpora.targets(part))
        wanted.append(rows)
        shares.append(rows.mean(0).log().expand_as(rows))
    return Examples(plain, bare, torch.cat(wanted), torch.cat(shares))


def masked_loss(logits: Tensor, log_share: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean cross entropy of evidence (batch, classes) among the classes known.

    >>> some = torch.tensor([[0.0, 1.0, 5.0]])  # the third class is unknown, and says nothing
    >>> share = torch.tensor([[0.5, 0.5, 0.0]]).log()
    >>> round(float(masked_loss(some, share, torch.tensor([[1.0, 0.0, 0.0]]))), 4)
    1.3133
    """
    logs = (logits + log_share).log_softmax(-1)
    return -(wanted * logs.masked_fill(log_share.isinf(), 0.0)).sum(-1).mean()


def order(sizes: Mapping[str, int], total: int, random: np.random.Generator) -> np.ndarray:
    """Return `total` places of examples, each corpus drawn with its share and without gaps."""
    weights = np.array(list(sizes.values()), float) ** SHARE_POWER
    counts = np.round(total * weights / weights.sum()).astype(int)
    found, first = [], 0
    for size, count in zip(sizes.values(), counts, strict=True):
        rounds = [random.permutation(size) for _ in range(math.ceil(count / size))]
        found.append(first + np.concatenate(rounds)[:count])
        first += size
    return random.permutation(np.concatenate(found))


def batches(given: Examples, places: np.ndarray, random: np.random.Generator) -> Iterator[Any]:
    """Yield (places, token ids), each batch of about one length, in random order."""
    stripped = random.random(len(places)) < BARE
    drawn = [
        (i, (given.bare if s else given.plain)[i]) for i, s in zip(places, stripped, strict=True)
    ]
    for start in range(0, len(drawn), BATCH * 40):
        chunk = sorted(drawn[start : start + BATCH * 40], key=lambda pair: len(pair[1]))
        for first in random.permutation(range(0, len(chunk), BATCH)):
            rows, ids = zip(*chunk[first : first + BATCH], strict=True)
            yield list(rows), ids


def evidence(model: nn.Module, head: nn.Linear, ids: Any) -> Tensor:
    """Return the head's logits (batch, classes) in training, some words masked."""
    x = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True)
    valid = x != 0  # [PAD]
    x = x.masked_fill((torch.rand(x.shape) < MASKED) & valid & ~torch.isin(x, SPECIAL), MASK)
    state = model(x, attention_mask=valid.long()).last_hidden_state.float()
    valid = valid[..., None]
    pooled = [(state * valid).sum(1) / valid.sum(1), state.masked_fill(~valid, -1e9).amax(1)]
    return head(F.dropout(torch.cat(pooled, -1), DROPOUT))


def train(
    folder: Path,
    records: Mapping[str, list[corpora.Record]],
    total: int,
    *,
    rate: float,
    start: Weights | None,
) -> Weights:
    """Return the adapter and the head (HEAD) after `total` examples of `records`.

    They start from `start`, or the adapter from the encoder as it is; `rate` is the highest.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    given, model = examples(folder, records), adapted_encoder(folder)
    head = nn.Linear(DIM, len(EMOTIONS))
    nn.init.zeros_(head.weight), nn.init.zeros_(head.bias)
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    learned |= dict(zip(HEAD, head.parameters(), strict=True))
    for name, tensor in (start or {}).items():
        learned[name].data.copy_(tensor)
    optimiser = torch.optim.AdamW(learned.values(), rate, weight_decay=0.01)
    steps = math.ceil(total / BATCH)
    warm = max(1, int(WARM * steps))
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: max(0, min((step + 1) / warm, (steps - step) / (steps - warm)))
    )
    places = order({name: len(part) for name, part in records.items()}, total, random)
    losses = []
    for rows, ids in batches(given, places, random):
        logits = evidence(model, head, ids)
        loss = masked_loss(logits, given.log_share[rows], given.wanted[rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned.values(), 1.0)
        optimiser.step()
        rates.step()
        losses.append(loss.item())
        if len(losses) % 50 == 0:
            told = f"{len(losses)} of {steps} batches: loss {np.mean(losses[-50:]):.4f}\n"
            sys.stderr.write(told)
    return {name: p.detach() for name, p in learned.items()}


def shrunk(learned: Weights, share: float) -> Weights:
    """Return weights whose adapter adds `share` of what it has learned to the encoder.

    Wortsman et al. 2022, WiSE-FT, https://arxiv.org/abs/2109.01903
    """
    return {n: p * (share if n.endswith("lora_b") else 1.0) for n, p in learned.items()}


def mixed(first: Weights, then: Weights, share: float) -> Weights:
    """Return weights that went `share` of the way from some to others that began with them."""
    return {n: (1 - share) * first[n] + share * p for n, p in then.items()}


def adapter_of(learned: Weights) -> Weights:
    """Return the adapter, in half precision, without the head."""
    return {n: p.half() for n, p in learned.items() if n not in HEAD}


def vectors(
    folder: Path, adapter: Weights | None, texts: list[str], dtype: str = "float32"
) -> Tensor:
    """Return what the shipped code makes of texts: (texts, DIM)."""
    encoder = transformer_text.load(folder, dtype=dtype, adapter=adapter)
    found = torch.zeros(len(texts), DIM)
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(by_length), BATCH):
        rows = by_length[start : start + BATCH]
        some = transformer_text.encode(encoder, [texts[row] for row in rows], pooling=POOLING)
        found[rows] = torch.from_numpy(np.stack(some))
    return found
