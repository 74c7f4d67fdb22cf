"""A head is less sure where a vector is unlike those that it was trained on."""

from __future__ import annotations

import numpy as np
import torch

from emocli import models
from emocli.models._familiar import AXES, Familiar

CONFIG = {
    "dims": {"audio": 40, "text": 3},
    "hidden": {"audio": 0, "text": 0},
    "weights": {"audio": 1.0, "text": 0.5},
    "classes": 3,
}


def familiar(random: np.random.Generator) -> Familiar:
    module = Familiar(40, 2)
    axes = random.normal(size=(AXES, 40))
    drawn = {
        "axes": axes,
        "centres": random.normal(size=(2, 40)) @ axes.T,
        "far": np.array(3.0),
        "threshold": np.array(8.0),
        "width": np.array(0.5),
    }
    module.load_state_dict({name: torch.from_numpy(v).float() for name, v in drawn.items()})
    return module


def test_the_factor_is_that_of_the_distance_to_the_nearest_corpus() -> None:
    random = np.random.default_rng(0)
    module, z = familiar(random), random.normal(size=(5, 40)).astype(np.float32)
    z *= np.linspace(0.5, 2, 5, dtype=np.float32)[:, None]
    placed = z @ module.axes.numpy().T
    apart = np.linalg.norm(placed[:, None] - module.centres.numpy(), axis=2).min(1) / AXES**0.5
    expected = 3 ** (0.5 * np.log1p(np.exp((apart - 8) / 0.5)))
    found = module(torch.from_numpy(z)).numpy()[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert found.std() > 0.01


def test_what_is_far_from_the_training_data_is_said_with_less_confidence() -> None:
    model = models.build("late-fusion", {**CONFIG, "centres": {"audio": 2, "text": 0}})
    plain = models.build("late-fusion", CONFIG)
    plain.load_state_dict(model.state_dict(), strict=False)
    module = familiar(np.random.default_rng(1))
    model.heads["audio"].familiar.load_state_dict(module.state_dict())
    near = torch.linalg.lstsq(module.axes, module.centres[:1].T).solution.T  # at a corpus
    one = torch.ones_like(near)
    one *= 12 / (module.distance(near + 100 * one) / 100)  # some 12 away: 4 beyond the threshold
    far = float(module(near + one))
    assert 3**3.5 < far < 3**4.5
    for vector, factor in ((near, 1.0), (near + one, far)):
        with torch.no_grad():
            sure, unsure = plain.heads["audio"](vector), model.heads["audio"](vector)
        log_odds = (sure[0, 0] - sure[0, 1]) / (unsure[0, 0] - unsure[0, 1])
        assert abs(float(log_odds) - factor) < 1e-2
        assert sure.argmax() == unsure.argmax()
