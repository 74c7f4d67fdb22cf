"""Shared parts of sequence models: clean inputs, masked means, time bins, masked attention.

A stream is (batch, dim), one vector per record, or (batch, time, dim); its mask is (batch,) or
(batch, time), True where the stream is present. `Inputs` sets every masked value to zero before
anything is computed from it, so that even a masked NaN does no harm; all later steps use the mask,
so that masked frames never count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Sequence = tuple[Tensor, Tensor]  # values (batch, time, dim), mask (batch, time)
AllGather = Callable[[Tensor], Tensor]  # of (part, ...) to (batch, ...), see models/__init__.py
Task = Literal["classification", "regression"]


def identity(values: Tensor) -> Tensor:
    """Return the same rows: the all_gather of a single process with the whole batch."""
    return values


class Inputs(nn.Module):
    """Standardise the streams and give each a time axis; masked values become zero."""

    mean: Tensor
    scale: Tensor

    def __init__(self, dims: dict[str, int]) -> None:
        super().__init__()
        self.dims = dims
        self.register_buffer("mean", torch.zeros(sum(dims.values())))
        self.register_buffer("scale", torch.ones(sum(dims.values())))

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Sequence]:
        """Return values (batch, time, dim) and mask (batch, time) of each stream."""
        return {name: self.one(name, streams, masks) for name in self.dims}

    def one(self, name: str, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return values (batch, time, dim) and mask (batch, time) of a stream."""
        start = _start(self.dims, name)
        place = slice(start, start + self.dims[name])
        mean, scale = self.mean[place], self.scale[place]
        values, mask = timed(streams[name], masks[name])
        values = torch.where(mask[..., None], values, mean)
        return (values - mean) / scale, mask


def _start(dims: dict[str, int], name: str) -> int:
    """Return where the numbers of a stream begin among those of all.

    >>> _start({"a": 2, "b": 3, "c": 1}, "c")
    5
    """
    return sum(list(dims.values())[: list(dims).index(name)])


def timed(values: Tensor, mask: Tensor) -> Sequence:
    """Return a stream with its time axis, (batch, time, dim) and (batch, time)."""
    if values.ndim == 2:
        values = values[:, None]
    if mask.ndim == 1:
        mask = mask[:, None].expand(-1, values.shape[1])
    return values, mask


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the mask in time, (batch, dim); zero where it is empty."""
    weights = mask.to(values)[..., None]
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)


def length(mask: Tensor) -> Tensor:
    """Return the number of frames up to the last in the mask, at least one, (batch,)."""
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * places).amax(dim=1).clamp_min(1)


def pooled(values: Tensor, mask: Tensor) -> Tensor:
    """Return vectors (batch, dim): the mean of the frames in the mask, zero where none is."""
    values, mask = timed(values, mask)
    return masked_mean(torch.where(mask[..., None], values, 0.0), mask)


def segments(values: Tensor, mask: Tensor, count: int) -> Sequence:
    """Return means over `count` bins of time: (batch, count, dim) and (batch, count).

    A record's bins divide its own length, up to its last unmasked frame, so that padding does not
    shift them: bin i is frames floor(i T / count) to ceil((i + 1) T / count), as in adaptive
    average pooling. Masked frames do not count; a bin without frames is masked.
    """
    frames = length(mask)[:, None]  # (batch, 1)
    bins = torch.arange(count, device=mask.device)
    first = bins * frames // count  # (batch, count)
    last = -(-(bins + 1) * frames // count)
    places = torch.arange(mask.shape[1], device=mask.device)
    inside = (places >= first[..., None]) & (places < last[..., None]) & mask[:, None]
    weights = inside.to(values)  # (batch, count, time)
    total = weights.sum(dim=2, keepdim=True)
    return weights @ values / total.clamp_min(1), total[..., 0] > 0


def positions(time: int, dim: int, like: Tensor) -> Tensor:
    """Return sines and cosines of the place in time (time, dim).

    Vaswani, A. et al. (2017). Attention is all you need. https://arxiv.org/abs/1706.03762
    """
    place = torch.arange(time, device=like.device)[:, None]
    rates = torch.exp(torch.arange(0, dim, 2, device=like.device) * (-math.log(1e4) / dim))
    waves = torch.stack([torch.sin(place * rates), torch.cos(place * rates)], dim=2)
    return waves.flatten(1)[:, :dim]


class Attention(nn.Module):
    """Multi-head attention; a record without keys gets zeros."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)  # a bias would fall out of the softmax
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, queries, dim): for each query what it attends to in (batch, time, dim)."""
        has_keys = mask.any(dim=1)
        seen = mask | ~has_keys[:, None]  # softmax over nothing is NaN
        look = self._single_query if queries.shape[1] == 1 else self._many_queries
        attended = self.output(look(queries, values, seen))
        return torch.where(has_keys[:, None, None], attended, 0.0)

    def _many_queries(self, queries: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """Attend for any number of queries (batch, queries, dim), all heads side by side."""
        query, key, value = (
            x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)  # (batch, heads, time, part)
            for x in self._projected(queries, values)
        )
        mask = seen[:, None, None]
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return attended.transpose(1, 2).flatten(2)

    def _projected(self, queries: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values; projections of the same input are one wide product."""
        weight = torch.cat([self.key.weight, self.value.weight])
        bias = torch.cat([torch.zeros_like(self.value.bias), self.value.bias])
        if queries is not values:
            key, value = functional.linear(values, weight, bias).chunk(2, dim=2)
            return self.query(queries), key, value
        weight = torch.cat([self.query.weight, weight])
        bias = torch.cat([self.query.bias, bias])
        query, key, value = functional.linear(values, weight, bias).chunk(3, dim=2)
        return query, key, value

    def _single_query(self, query: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """Attend for one query (batch, 1, dim).

        q . (K x) = (K^T q) . x, and the mean of V x is V times the mean of x: with a single query
        it is cheaper to project that than every frame.
        """
        heads = (self.heads, -1, values.shape[2])
        heads_of_query = self.query(query[:, 0]).reshape(
            len(query), self.heads, -1
        )  # (batch, heads, part)
        directions = torch.einsum("bhp,hpd->bhd", heads_of_query, self.key.weight.view(heads))
        scores = directions @ values.transpose(1, 2) / math.sqrt(heads_of_query.shape[2])
        scores = scores.masked_fill(~seen[:, None], torch.finfo(scores.dtype).min)
        mixed = scores.softmax(dim=2) @ values  # (batch, heads, dim)
        attended = torch.einsum("bhd,hpd->bhp", mixed, self.value.weight.view(heads))
        return (attended.flatten(1) + self.value.bias)[:, None]


class Layer(nn.Module):
    """A transformer layer: self-attention, cross-attention, or both in turn; then feed-forward."""

    def __init__(self, dim: int, heads: int, dropout: float, looks: str = "own") -> None:
        super().__init__()
        self.own = None if looks == "others" else _normed_attention(dim, heads)
        self.others = None if looks == "own" else _normed_attention(dim, heads)
        self.think = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: Tensor, mask: Tensor, others: Sequence | None = None, *, first: bool = False
    ) -> Tensor:
        """Return values (batch, time, dim) after one layer; `others` are keys and values of others.

        `first` is for a last layer of which only the first place is read: (batch, 1, dim).
        """
        queries = values[:, :1] if first else values
        if self.own is not None:
            norm, attention = self.own
            normed = norm(values)
            query = normed[:, :1] if first else normed
            queries = queries + self.dropout(attention(query, normed, mask))
        if self.others is not None and others is not None:
            norm, attention = self.others
            queries = queries + self.dropout(attention(norm(queries), *others))
        return queries + self.dropout(self.think(queries))


def _normed_attention(dim: int, heads: int) -> nn.ModuleList:
    return nn.ModuleList([nn.LayerNorm(dim), Attention(dim, heads)])


def joined(parts: list[Sequence]) -> Sequence:
    """Return sequences concatenated in time."""
    values, masks = zip(*parts, strict=True)
    return torch.cat(values, dim=1), torch.cat(masks, dim=1)
