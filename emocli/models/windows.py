"""Windows: a multilayer perceptron over short windows of a clip, whose logits are averaged.

BLEMORE's subsampled baseline: a clip is cut into windows of 16 frames, each window is an example of
its own with the clip's target, and a clip's prediction is the softmax of its windows' mean logits.
The network is one hidden layer of ReLU units, 512 of them, on the window's aggregated frames.
The output layer is linear, so that the mean of logits is the output of the mean hidden layer, which
is what `fuse` returns. Differences and our choices:

1. The source's window is one output of a video encoder that sees 16 frames at once. Here a window
   of any encoder's frames is their mean, or (`statistics`) the seven numbers of BLEMORE's other
   baseline, per dimension: mean, SD (population), percentiles 10, 25, 50, 75 and 90. Frames are
   standardised, not the aggregates; masked frames do not count.
2. A last window may be shorter than the others. Each window weighs the same.
3. Several streams share the windows of the longest one; a shorter stream is treated as slower,
   and a vector, or a single frame, is in every window. A window without frames of a stream has
   zeros for it, and a column per stream says which are present.
4. A batch is of records, with all their windows; the source's is of windows (512). The loss is the
   mean over windows: a longer clip has more weight.

References
----------
Lachmann et al. (2026). Not all blends are equal: the BLEMORE dataset of blended emotion
expressions with relative salience annotations. https://arxiv.org/abs/2601.13225
Code (2025). https://github.com/BlEmoRe/blemore-common
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.models._sequences import (
    AllGather,
    Inputs,
    Sequence,
    Task,
    identity,
    length,
    masked_mean,
)

PERCENTILES = (0.10, 0.25, 0.50, 0.75, 0.90)


@dataclass(frozen=True)
class WindowsConfig:
    """The published sizes are the defaults."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    classes: int  # of regression: how many numbers
    frames: int = 16  # of a window
    hidden: int = 512
    statistics: bool = False  # seven numbers of each dimension, not the mean alone
    dropout: float = 0.0  # of the hidden layer
    task: Task = "classification"


class Windows(nn.Module):
    """Cut into windows, aggregate each, hidden layer, output layer, average."""

    takes_time = True

    def __init__(self, config: WindowsConfig) -> None:
        super().__init__()
        self.config = config
        numbers = 2 + len(PERCENTILES) if config.statistics else 1
        self.inputs = Inputs(config.dims)
        width = numbers * sum(config.dims.values()) + len(config.dims)
        self.hidden = nn.Linear(width, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden, config.classes)

    def hiddens(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return the hidden layer of all windows (batch, windows, hidden), and their mask.

        The mask is (batch, windows); a record without any stream has one window of zeros.
        """
        inputs = list(self.inputs(streams, masks).values())
        longest = torch.stack([length(mask) for _, mask in inputs]).amax(dim=0)
        count = -(-max(mask.shape[1] for _, mask in inputs) // self.config.frames)
        shape = (self.config.frames, count)
        parts = [cut(values, mask, longest, *shape) for values, mask in inputs]
        present = torch.stack([seen.any(dim=2) for _, seen in parts], dim=2)
        some = present.any(dim=2)
        some[:, 0] |= ~some.any(dim=1)
        aggregate = aggregated if self.config.statistics else masked_mean
        columns = [aggregate(window[some], seen[some]) for window, seen in parts]
        joined = torch.cat([*columns, present[some].to(columns[0])], dim=1)
        hidden = nn.functional.relu(self.hidden(joined))
        placed = hidden.new_zeros(*some.shape, hidden.shape[1])
        placed[some] = hidden
        return self.dropout(placed), some

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the mean hidden layer of a record's windows: (batch, hidden)."""
        return masked_mean(*self.hiddens(streams, masks))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the mean logits of a record's windows: (batch, classes)."""
        return self.classify(self.fuse(streams, masks))

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Callable[[Tensor, Tensor], Tensor],
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the loss of the windows, each with its record's target."""
        hidden, some = self.hiddens(streams, masks)
        logits, some = all_gather(self.output(hidden)), all_gather(some)
        return {"task": task_loss(logits[some], targets[some.nonzero()[:, 0]])}


def cut(values: Tensor, mask: Tensor, longest: Tensor, frames: int, count: int) -> Sequence:
    """Return values (batch, windows, frames, dim) of a stream, and the mask of its frames.

    `longest` (batch,) is the number of frames of each record's longest stream, whose windows are
    `frames` long, `count` of them; frame t of a stream of T is in window floor(t longest / (T
    frames)).
    """
    own_length, longest = length(mask)[:, None], longest[:, None]  # (batch, 1)
    edges = torch.arange(count + 1, device=mask.device) * frames
    starts = -(-edges * own_length // longest)  # (batch, windows + 1): a window's first frame
    counts = torch.minimum(starts[:, 1:], own_length) - starts[:, :-1]  # frames of each window
    single = own_length == 1  # no time axis
    starts = torch.where(single, 0, starts)[:, :-1]
    counts = torch.where(single, (edges[:-1] < longest).long(), counts)
    step = torch.arange(frames, device=mask.device)
    places = (starts[..., None] + step).clamp_max(mask.shape[1] - 1)
    rows = torch.arange(len(mask), device=mask.device)[:, None, None]
    return values[rows, places], (step < counts[..., None]) & mask[rows, places]


def aggregated(window: Tensor, seen: Tensor) -> Tensor:
    """Return mean, SD and percentiles of each window's frames in the mask, (windows, 7 dim).

    Percentiles are interpolated linearly between frames in order, as numpy does it. Zeros for a
    window without frames.
    """
    mean, mask = masked_mean(window, seen), seen[..., None]
    deviation = masked_mean((window - mean[:, None]).square(), seen).sqrt()
    ordered = window.masked_fill(~mask, float("inf")).sort(dim=1).values
    last = (seen.sum(dim=1) - 1).clamp_min(0)  # (windows,)
    rows, parts = torch.arange(len(window), device=window.device), [mean, deviation]
    for share in PERCENTILES:
        place = share * last
        below, above = (ordered[rows, index.long()] for index in (place.floor(), place.ceil()))
        parts.append(torch.lerp(below, above, (place - place.floor())[:, None]))
    return torch.where(seen.any(dim=1)[:, None], torch.cat(parts, dim=1), 0.0)
