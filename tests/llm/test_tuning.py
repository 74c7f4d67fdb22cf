"""What an adapter is trained by: log-probabilities of answers, in any batch, with any prefix."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from emocli.encoders import language_adapter
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import IGNORED, Example
from tests.llm import tiny_language

SHARED = list(range(5, 15))
EXAMPLES = [
    Example([*SHARED, 20, 21, 22], [30, 31, 1]),
    Example([*SHARED, 23], [32, 1]),
    Example([*SHARED, 24, 25, 26, 27, 28], [33, 34, 35, 1]),
]


def plain(network: Any, example: Example) -> torch.Tensor:
    """Return the log-probability of each token of an answer, of one example without padding."""
    ids = torch.tensor([[*example.prompt, *example.completion]])
    logs = network(input_ids=ids).logits.float().log_softmax(-1)[0, :-1]
    return logs.gather(1, ids[0, 1:, None])[-len(example.completion) :, 0]


def adapted(kind: str = "llama") -> tuple[Any, LanguageModel]:
    """Return a tiny network with an adapter that changes it, and the model to ask."""
    torch.manual_seed(0)
    library = language_adapter.library()
    network = tuning.adapted(tiny_language.network(kind), library, rank=4, alpha=8, dropout=0.0)
    for name, weight in tuning.trained(network).items():
        if "lora_B" in name:
            weight.data = 0.1 * torch.randn_like(weight)
    return network, LanguageModel(network.get_base_model(), tiny_language.tokenizer())


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("kind", tiny_language.KINDS)
def test_answers_have_the_log_probabilities_of_one_at_a_time(kind: str, share: bool) -> None:
    model = LanguageModel(tiny_language.network(kind), tiny_language.tokenizer())
    rows = tuning.batch(model, EXAMPLES, share=share)
    assert (rows.prefix.shape[1] > 0) == (share and kind != "bloom")
    with torch.inference_mode():
        found = tuning.log_probabilities(model, rows)
        for row, example in zip(found, EXAMPLES, strict=True):
            torch.testing.assert_close(
                row[-len(example.completion) :], plain(model.network, example), atol=1e-4, rtol=0
            )
    assert found[rows.targets == IGNORED].eq(0).all()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_shared_prefix_has_the_gradients_of_whole_prompts(kind: str) -> None:
    network, model = adapted(kind)
    grads = []
    for share in (True, False):
        network.zero_grad()
        rows = tuning.batch(model, EXAMPLES, share=share)
        torch.autograd.backward(tuning.log_probabilities(model, rows).sum())
        grads.append([p.grad for p in tuning.trained(network).values()])
    assert all(float(g.abs().max()) > 0 for g in grads[0])
    torch.testing.assert_close(*grads, atol=1e-4, rtol=1e-3)


def test_only_the_adapter_of_attention_is_trained_and_in_float32() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        network = tuning.adapted(
            tiny_language.network().to(dtype), language_adapter.library(), 4, 8, 0.0
        )
        weights = tuning.trained(network)
        # Four projections of 32, keys and values of half the heads: 2 layers of A and B of rank 4.
        sizes = [(32, 32), (32, 16), (32, 16), (32, 32)]
        assert sum(w.numel() for w in weights.values()) == 2 * 4 * sum(map(sum, sizes))
        assert {w.dtype for w in weights.values()} == {torch.float32}
        assert all("lora_" in name for name in weights)


def test_the_loss_is_that_of_transformers_with_masked_labels() -> None:
    network, model = adapted()
    rows = tuning.batch(model, EXAMPLES)
    found = -tuning.log_probabilities(model, rows).sum() / (rows.targets != IGNORED).sum()
    width = max(len(e.prompt) + len(e.completion) for e in EXAMPLES)
    ids = torch.zeros(len(EXAMPLES), width, dtype=torch.long)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for i, example in enumerate(EXAMPLES):  # padded on the right, as trl does
        tokens = [*example.prompt, *example.completion]
        ids[i, : len(tokens)] = torch.tensor(tokens)
        mask[i, : len(tokens)] = 1
        labels[i, len(example.prompt) : len(tokens)] = torch.tensor(example.completion)
    expected = network(input_ids=ids, attention_mask=mask, labels=labels).loss
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_gradients_of_half_precision_point_where_those_of_float32_do() -> None:
    grads = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        base = tiny_language.network().to(dtype)
        network = tuning.adapted(base, language_adapter.library(), 4, 8, 0.0)
        model = LanguageModel(network.get_base_model(), tiny_language.tokenizer())
        rows = tuning.batch(model, EXAMPLES)
        torch.autograd.backward(-tuning.log_probabilities(model, rows).sum())
        named = tuning.trained(network).items()
        grads.append(torch.cat([p.grad.flatten() for n, p in named if "lora_B" in n]))
    assert torch.cosine_similarity(*grads, dim=0) > 0.99
