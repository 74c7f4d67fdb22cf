"""Training a language model: tokens of answers and drawn completions against peft and trl.

The model is SmolLM2-135M-Instruct (emocli models pull smollm2-135m-instruct) in float32 with LoRA
on all projections of attention, on one CPU thread. Questions are those of the template, so that
more than half of each is the same. Both sides get the same questions and answers; in GRPO the same
rewards, which differ within every group. CPU seconds of the process, minutes in all; the first step
of each side, which allocates, is not counted.
"""

from __future__ import annotations

import random
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from emocli import hub
from emocli.encoders import causal_language_model, language_adapter
from emocli.llm import prompts, rewards, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import Turn, Utterance
from emocli.llm.tuning import Example
from emocli.llm.voice_levels import Measured
from emocli.records.labels import EMOTIONS
from emocli.training.language import loop, rewarded
from emocli.training.language.grpo import GroupRelative
from emocli.training.language.settings import Settings
from emocli.training.language.sft import Supervised
from emocli.training.state import Place

MODEL = "smollm2-135m-instruct"
BATCH = 8
STEPS = 2  # counted ones
GROUP, ASKED = 8, 2  # completions of a question, questions of a step
LENGTH = 32  # tokens of a completion
SAID = "I you we they never always saw went home work and then but really so late again"
SUMMARY = "Pitch is high with low variation, loudness varies much, tempo is fast."
THOUGHT = "Pitch is high with low variation, loudness varies much, tempo is fast."
SETTINGS = Settings(batch_size=BATCH, part_size=BATCH, dropout=0.0, evaluations=1, epochs=1.0)


def run() -> list[dict[str, Any]]:
    """Return a row for supervised training and one for GRPO."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = hub.resolve(MODEL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of peft and trl about transformers
            return [supervised(folder), reinforced(folder)]
    finally:
        torch.set_num_threads(threads)


def adapted(folder: Path, *, ours: bool) -> tuple[LanguageModel, Any]:
    """Return the model and the network with a new adapter, as `train` makes it if it is ours."""
    network, tokenizer = causal_language_model.load(folder)
    network.requires_grad_(False)
    if ours:
        network.set_attn_implementation("eager")
    torch.manual_seed(0)
    made = tuning.adapted(network, language_adapter.library(), 16, 32, 0.0)
    return LanguageModel(made.get_base_model() if ours else made, tokenizer), made


def questions(model: LanguageModel, count: int) -> list[tuple[str, list[int], str]]:
    """Return the text, the tokens and the label of some questions."""
    draws = random.Random(0)
    template = prompts.template("emotion")
    found = []
    for i in range(count):
        said = Turn(" ".join(draws.choices(SAID.split(), k=draws.randint(3, 15))))
        asked = template.messages(Utterance(said, (), SUMMARY), template.labels, prompts.GREEDY)
        text = prompts.rendered(model, asked)
        found.append((text, model.tokens(text), EMOTIONS[i % len(EMOTIONS)]))
    return found


def supervised(folder: Path) -> dict[str, Any]:
    """Return the row of tokens that are read and learned in a second."""
    (ours, made), (theirs, plain) = (adapted(folder, ours=side) for side in (True, False))
    examples = [
        Example(ids, [*ours.tokens(f"<think>{THOUGHT}</think><answer>{label}</answer>"), 2])
        for _, ids, label in questions(ours, BATCH * (STEPS + 1))
    ]
    tokens = sum(len(e.prompt) + len(e.completion) for e in examples[BATCH:])
    mine = tokens / _steps(made, Supervised(ours, examples, [1.0] * len(examples), SETTINGS))
    other = tokens / _plain(theirs, plain, examples)
    return _row(f"SFT, batches of {BATCH} questions", mine, "tokens/s", "peft, torch", other)


def _plain(model: LanguageModel, network: Any, examples: list[Example]) -> float:
    """Return the CPU seconds of a plain loop over batches that are padded."""
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-4)
    network.train()
    marks = []
    for start in range(0, len(examples), BATCH):
        rows = examples[start : start + BATCH]
        width = max(len(e.prompt) + len(e.completion) for e in rows)
        ids = torch.full((BATCH, width), model.padding)
        labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
        for i, e in enumerate(rows):
            end = len(e.prompt) + len(e.completion)
            ids[i, :end] = torch.tensor([*e.prompt, *e.completion])
            labels[i, len(e.prompt) : end] = torch.tensor(list(e.completion))
            mask[i, :end] = 1
        optimiser.zero_grad()
        network(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        optimiser.step()
        marks.append(time.process_time())
    return marks[-1] - marks[0]


def _steps(network: Any, objective: Any, settings: Settings = SETTINGS) -> float:
    """Return the CPU seconds of the steps of our loop, but for the first."""
    marks: list[float] = []
    count = settings.batch_size * (STEPS + 1)
    run = loop.Run(network, count, settings, Place(), None)
    loop.fit(run, objective, lambda: {"dev_loss": 0.0}, lambda _: marks.append(time.process_time()))
    return marks[-1] - marks[0]


def _reward(text: str) -> float:
    """Return a reward that differs between completions, beside those that are wanted."""
    found = rewards.rewards(text, "joy", EMOTIONS, "", Measured({"pitch": "high"}))
    return sum(found) + (hash(text) % 97) / 97


def reinforced(folder: Path) -> dict[str, Any]:
    """Return the row of completions that are drawn, rewarded and learned in a second."""
    (ours, made), (theirs, plain) = (adapted(folder, ours=side) for side in (True, False))
    found = questions(ours, ASKED * (STEPS + 1))

    class Asked(rewarded.Asked):
        def rewards(self, place: int, text: str) -> Any:
            return rewards.Rewards(_reward(text), 0.0, 0.0)

    asked = [rewarded.Question(ids, label, Measured({})) for _, ids, label in found]
    settings = replace(SETTINGS, batch_size=ASKED, group=GROUP, length=LENGTH, part_size=GROUP)
    objective = GroupRelative(ours, Asked(asked, EMOTIONS, ""), settings)
    count = STEPS * ASKED * GROUP
    mine = count / _steps(made, objective, settings)
    other = count / _trl(theirs, plain, [text for text, _, _ in found])
    name = f"GRPO, {ASKED} x {GROUP} completions of {LENGTH} tokens"
    return _row(name, mine, "completions/s", "trl GRPOTrainer", other)


def _trl(model: LanguageModel, network: Any, texts: list[str]) -> float:
    """Return the CPU seconds of the steps of trl's trainer, but for the first."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    marks: list[float] = []

    class Marks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.process_time())

    with tempfile.TemporaryDirectory() as place:
        config = GRPOConfig(
            output_dir=place,
            per_device_train_batch_size=ASKED * GROUP,
            num_generations=GROUP,
            max_completion_length=LENGTH,
            max_steps=STEPS + 1,
            beta=0.25,
            loss_type="grpo",
            temperature=1.0,
            top_k=0,
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        trainer = GRPOTrainer(
            model=network,
            reward_funcs=lambda completions, **_: [_reward(text) for text in completions],
            args=config,
            train_dataset=Dataset.from_dict({"prompt": texts}),
            processing_class=model.tokenizer,
            callbacks=[Marks()],
        )
        trainer.train()
    return marks[-1] - marks[0]


def _row(name: str, value: float, unit: str, peer: str, other: float) -> dict[str, Any]:
    row = {"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": other}
    return {**row, "ratio": value / other, "bar": 1.0, "ok": value >= other}
