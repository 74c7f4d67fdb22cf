"""Windows of a clip: cut as slices are, aggregated as numpy does it, their logits averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emocli import models
from emocli.models import windows
from emocli.training import loop


def full_mask(*shape):
    return torch.ones(*shape, dtype=torch.bool)


def model(**more):
    torch.manual_seed(0)
    return models.build("windows", {"dims": {"a": 3}, "classes": 4, "hidden": 8, **more})


def frames(time, dim=3, seed=0):
    return torch.randn(1, time, dim, generator=torch.Generator().manual_seed(seed))


def test_windows_are_slices_of_sixteen_and_a_shorter_rest():
    values = frames(37)
    window, seen = windows.cut(values, full_mask(1, 37), torch.tensor([37]), 16, 3)
    assert seen[0].sum(1).tolist() == [16, 16, 5]
    for place, (start, end) in enumerate([(0, 16), (16, 32), (32, 37)]):
        assert torch.equal(window[0, place, seen[0, place]], values[0, start:end])


def test_a_slower_stream_has_the_same_windows_in_time():
    """Three seconds at 16 and at 5 frames a second: windows of a second."""
    slow = frames(15)
    window, seen = windows.cut(slow, full_mask(1, 15), torch.tensor([48]), 16, 3)
    for second in range(3):
        assert torch.equal(window[0, second, seen[0, second]], slow[0, 5 * second : 5 * second + 5])


@pytest.mark.parametrize("length", [1, 2, 3, 7, 40, 47, 48])
def test_every_frame_is_in_one_window_and_one_frame_is_in_all(length):
    window, seen = windows.cut(frames(length), full_mask(1, length), torch.tensor([48]), 16, 3)
    kept = window[seen]
    assert len(kept) == (3 if length == 1 else length)
    if length > 1:
        assert torch.equal(kept, frames(length)[0])


def test_aggregates_are_those_of_numpy():
    values, mask = frames(24, seed=1).reshape(3, 8, 3), full_mask(3, 8)
    mask[1, [2, 5, 6]] = False
    mask[2] = False
    statistics = windows.aggregated(values, mask).reshape(3, 7, 3)
    assert not statistics[2].any()
    for place in range(2):
        selected = values[place][mask[place]].numpy()
        expected = [
            selected.mean(0),
            selected.std(0),
            *np.percentile(selected, (10, 25, 50, 75, 90), 0),
        ]
        np.testing.assert_allclose(statistics[place], expected, atol=1e-6)


@pytest.mark.parametrize("statistics", [False, True])
def test_a_clips_logits_are_the_mean_of_its_windows_logits(statistics):
    net, values = model(statistics=statistics).eval(), frames(37)
    each = [
        net({"a": part}, {"a": full_mask(1, part.shape[1])}) for part in values.split(16, dim=1)
    ]
    clip = net({"a": values}, {"a": full_mask(1, 37)})
    torch.testing.assert_close(clip, torch.stack(each).mean(0))


def test_each_window_is_an_example_with_its_clips_target():
    net = model()
    values = torch.cat([frames(37), frames(37, seed=2)])
    mask = full_mask(2, 37)
    mask[1, 16:] = False  # the second clip is one window
    targets = torch.tensor([[0.7, 0.3, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    kl = torch.nn.KLDivLoss(reduction="batchmean")

    def loss(logits, truth):
        return kl(logits.log_softmax(1), truth)

    terms = net.objective({"a": values}, {"a": mask}, targets, loss)
    parts = [*values[:1].split(16, dim=1), values[1:, :16]]
    logits = torch.cat([net({"a": part}, {"a": full_mask(1, part.shape[1])}) for part in parts])
    torch.testing.assert_close(terms["task"], loss(logits, targets[[0, 0, 0, 1]]))


def test_a_moment_that_tells_is_heard_in_a_long_clip():
    """One window in four shows the class; the others are noise."""
    random = torch.Generator().manual_seed(3)
    values = torch.randn(300, 64, 3, generator=random)
    targets = torch.randint(0, 3, (300,), generator=random)
    moment = torch.randint(0, 4, (300,), generator=random)
    for record in range(300):
        start = 16 * int(moment[record])
        values[record, start : start + 16, targets[record]] += 2
    data = loop.Data({"a": values}, {"a": full_mask(300, 64)}, targets)
    net = model(classes=3, hidden=32)
    settings = loop.Settings(epochs=20, learning_rate=1e-2, patience=20)
    loop.fit(
        net,
        data.rows(torch.arange(200)),
        data.rows(torch.arange(200, 300)),
        settings,
        lambda _: None,
    )
    test = data.rows(torch.arange(200, 300))
    assert (loop.logits(net, test).argmax(1) == test.targets).float().mean() > 0.9
