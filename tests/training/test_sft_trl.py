"""The loss of SFT is that of trl's SFTTrainer on the same tokens, and so is its gradient."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from emocli.encoders.transformers_import import imported
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.training.language.settings import Settings
from emocli.training.language.sft import Supervised
from tests.llm import tiny_language

SHARED = list(range(40, 60))  # what all questions begin with
EXAMPLES = [
    Example([*SHARED, *range(60, 60 + 3 * i)], [100 + i, *range(200, 203 + 2 * i), 1])
    for i in range(4)
]


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """Return trl's trainer of a tiny model, on EXAMPLES, all of them in a batch."""
    imported()  # else a torchaudio that cannot be loaded breaks it
    pytest.importorskip("trl", reason="trl, the other implementation, is not installed")
    datasets = pytest.importorskip("datasets")
    rows = [
        {
            "input_ids": [*e.prompt, *e.completion],
            "completion_mask": [0] * len(e.prompt) + [1] * len(e.completion),
        }
        for e in EXAMPLES
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trl and accelerate about themselves
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer

        config = SFTConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=len(rows),
            completion_only_loss=True,
            max_length=None,
            report_to=[],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
        )
        return SFTTrainer(
            model=tiny_language.network(),
            args=config,
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=tiny_language.tokenizer(pad=True),
        )


@pytest.mark.slow  # trl takes its time to import
@pytest.mark.parametrize("part", [4, 3, 1])
def test_loss_and_gradient_are_those_of_sfttrainer(trainer: Any, part: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (batch,) = list(trainer.get_train_dataloader())
        theirs = trainer.compute_loss(trainer.model.train(), batch)
    theirs.backward()
    network = tiny_language.network()
    model = LanguageModel(network, tiny_language.tokenizer())
    objective = Supervised(model, EXAMPLES, [1.0] * len(EXAMPLES), Settings(part_size=part))
    ours = torch.zeros(())
    for terms in objective(torch.arange(len(EXAMPLES))):
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        ours += terms["loss"].detach()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)
    for (name, mine), other in zip(
        network.named_parameters(), trainer.model.parameters(), strict=True
    ):
        assert mine.grad is not None, name
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-5)
