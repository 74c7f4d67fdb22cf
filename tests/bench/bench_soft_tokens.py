"""Soft tokens: training against a plain loop, the reading of features, scoring against words.

The model is SmolLM2-135M-Instruct (emocli models pull smollm2-135m-instruct) in float32 with LoRA
on all projections of attention, on one CPU thread. A record has a vector that makes eight soft
tokens behind a question that all have. The plain loop pads whole prompts, splices the same soft
tokens into their embeddings, and lets transformers compute the loss. CPU seconds of the process;
the first step of each side, which allocates, is not counted.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emocli import hub
from emocli.encoders import causal_language_model, language_adapter
from emocli.llm import candidates, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.scoring import Scorer
from emocli.llm.soft_tokens import FIRST, Soft
from emocli.llm.tuning import Example
from emocli.models._soft_tokens import Slot, SoftTokens, SoftTokensConfig
from emocli.records.labels import EMOTIONS
from emocli.training.data import Data, Filed, Vectors
from emocli.training.language import loop
from emocli.training.language.settings import Settings
from emocli.training.language.sft import Supervised
from emocli.training.language.soft import Rows
from emocli.training.language.trained import Trained
from emocli.training.state import Place

MODEL = "smollm2-135m-instruct"
BATCH, STEPS = 8, 2  # counted steps
DIM, TOKENS = 768, 8
ASKED = 60  # tokens of a question, the same for all
LENGTH, PROMPTS, RUNS = 120, 16, 3  # of scoring
READING_BAR, SCORING_BAR = 0.1, 1.2
SETTINGS = Settings(
    batch_size=BATCH, part_size=BATCH, dropout=0.0, rank=16, evaluations=1, epochs=1.0
)


def run() -> list[dict[str, Any]]:
    """Return a row for training, for reading, and for scoring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = hub.resolve(MODEL)
    try:
        return [*_training(folder), _scoring(folder)]
    finally:
        torch.set_num_threads(threads)


def _adapted(folder: Path, *, ours: bool) -> tuple[LanguageModel, Trained]:
    network, tokenizer = causal_language_model.load(folder)
    network.requires_grad_(False)
    if ours:
        network.set_attn_implementation("eager")
    torch.manual_seed(0)
    made = tuning.adapted(network, language_adapter.library(), 16, 32, 0.0)
    config = SoftTokensConfig(
        {"audio": Slot(TOKENS, ("audio",), "low-rank")}, {"audio": DIM}, 576, 3.0
    )
    return LanguageModel(network, tokenizer), Trained(made, SoftTokens(config))


def _examples(model: LanguageModel) -> list[Example]:
    """Return questions that differ in their soft tokens alone, and their answers."""
    draws = random.Random(0)
    question = [draws.randrange(100, 40_000) for _ in range(ASKED)]
    prompt = [*question, *range(FIRST, FIRST + TOKENS), 198]
    labels = [EMOTIONS[i % len(EMOTIONS)] for i in range(BATCH * (STEPS + 1))]
    return [Example(prompt, [*model.tokens(f"Emotion: {label}"), 2]) for label in labels]


def _filed(count: int) -> Filed:
    stream, draws = Vectors(DIM), np.random.RandomState(0)
    for _ in range(count):
        stream.add(draws.randn(DIM).astype(np.float32))
    return Filed({"audio": stream}, torch.zeros(count), torch.arange(count))


def _training(folder: Path) -> list[dict[str, Any]]:
    (mine, ours), (model, theirs) = (_adapted(folder, ours=side) for side in (True, False))
    examples, data = _examples(mine), _filed(BATCH * (STEPS + 1))
    tokens = sum(len(e.prompt) + len(e.completion) for e in examples[BATCH:])
    rows, read = Rows(ours.soft, data, "cpu"), [0.0]
    marks: list[float] = []

    class Timed(Filed):
        def rows(self, index: torch.Tensor) -> Data:
            began = time.process_time()
            found = super().rows(index)
            read[0] += time.process_time() - began
            return found

    rows.data = Timed(data.streams, data.targets, data.index)
    objective = Supervised(
        replace(mine, network=ours.language), examples, [1.0] * 24, SETTINGS, rows
    )
    state = loop.Run(ours, len(examples), SETTINGS, Place(), None)
    loop.fit(
        state, objective, lambda: {"dev_loss": 0.0}, lambda _: marks.append(time.process_time())
    )
    spent = marks[-1] - marks[0]
    other = tokens / _plain(model, theirs, examples, data)
    train = {"name": f"SFT with {TOKENS} soft tokens", "value": tokens / spent, "unit": "tokens/s"}
    train |= {"peer": "plain loop", "peer_value": other, "ratio": tokens / spent / other}
    reading = {"name": "... of which features are read", "value": read[0], "unit": "CPU s"}
    reading |= {"peer": "a pass over the records", "peer_value": spent, "ratio": read[0] / spent}
    return [
        {**train, "bar": 1.0, "ok": tokens / spent >= other},
        {**reading, "bar": READING_BAR, "ok": read[0] <= READING_BAR * spent},
    ]


def _plain(model: LanguageModel, whole: Trained, examples: list[Example], data: Filed) -> float:
    """Return the CPU seconds of a loop over whole prompts, but for its first step."""
    parameters = [p for p in whole.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    whole.train()
    table, network = model.network.get_input_embeddings(), whole.network
    marks = []
    for start in range(0, len(examples), BATCH):
        some = examples[start : start + BATCH]
        width = max(len(e.prompt) + len(e.completion) for e in some)
        part = data.rows(torch.arange(start, start + BATCH))
        soft, _ = whole.soft(part.streams, part.masks)
        ids = torch.full((BATCH, width), model.padding)
        labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
        for i, e in enumerate(some):
            end = len(e.prompt) + len(e.completion)
            ids[i, :end] = torch.tensor([*_words(e.prompt), *e.completion])
            labels[i, len(e.prompt) : end] = torch.tensor(list(e.completion))
            mask[i, :end] = 1
        embeddings = table(ids)
        embeddings = torch.cat([embeddings[:, :ASKED], soft, embeddings[:, ASKED + TOKENS :]], 1)
        optimiser.zero_grad()
        network(inputs_embeds=embeddings, attention_mask=mask, labels=labels).loss.backward()
        optimiser.step()
        marks.append(time.process_time())
    return marks[-1] - marks[0]


def _words(ids: Sequence[int]) -> list[int]:
    return [i if i < FIRST else 0 for i in ids]


def _scoring(folder: Path) -> dict[str, Any]:
    """Return the row of seven labels after soft tokens, and after words in their place."""
    model = LanguageModel(*causal_language_model.load(folder))
    listed = candidates.of(EMOTIONS, model.tokens, before="Emotion: ", ending=model.ends)
    draws = random.Random(0)
    words = [[draws.randrange(100, 40_000) for _ in range(LENGTH)] for _ in range(PROMPTS)]
    middle = LENGTH // 2
    own = [i + FIRST for i in range(TOKENS)]
    spliced = [[*w[:middle], *own, *w[middle + TOKENS :]] for w in words]
    values = torch.randn(PROMPTS, TOKENS, 576)
    soft = Soft(values, torch.ones(PROMPTS, TOKENS, dtype=torch.bool))
    scorer = Scorer(model, listed)
    scorer(words)
    timed = [(_cpu_s(scorer, words), _cpu_s(scorer, spliced, soft)) for _ in range(RUNS)]
    plain, mine = (statistics.median(column) for column in zip(*timed, strict=True))
    row = {"name": f"7 labels after {LENGTH} tokens, {TOKENS} of them soft", "value": mine}
    row |= {"unit": "CPU s", "peer": "words alone", "peer_value": plain, "ratio": mine / plain}
    return {**row, "bar": SCORING_BAR, "ok": mine <= SCORING_BAR * plain}


def _cpu_s(work: Any, *given: Any) -> float:
    began = time.process_time()
    work(*given)
    return time.process_time() - began
