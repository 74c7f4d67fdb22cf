"""The multilayer perceptron's two activations, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import erf

from emocli import models
from emocli.errors import ConfigError


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_hidden_layer_is_that_of_the_formula(activation):
    torch.manual_seed(0)
    config = {"dims": {"a": 5}, "classes": 3, "hidden": 7, "activation": activation}
    model = models.build("mlp", config).eval()
    model.mean.copy_(torch.arange(5.0))
    model.scale.fill_(2.0)
    x = torch.randn(4, 5)
    w = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    units = (x.numpy() - np.arange(5)) / 2 @ w["hidden.weight"].T + w["hidden.bias"]
    act = np.maximum(units, 0) if activation == "relu" else units * (1 + erf(units / 2**0.5)) / 2
    expected = act @ w["output.weight"].T + w["output.bias"]
    present = {"a": torch.ones(4, dtype=torch.bool)}
    np.testing.assert_allclose(model({"a": x}, present).detach(), expected, atol=1e-5)


def test_another_activation_is_refused():
    with pytest.raises(ConfigError, match="activation = 'tanh': must be one of 'gelu', 'relu'"):
        models.build("mlp", {"dims": {"a": 5}, "classes": 3, "activation": "tanh"})
