"""A task that a tiny language model can solve: the label is named in the question."""

from __future__ import annotations

import random
from typing import Any

import torch

from emocli.encoders.transformers_import import imported
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.llm.voice_levels import Measured
from emocli.training.language.rewarded import Asked, Question
from tests.llm import tiny_language

LABELS = ["joy", "anger", "fear"]
TAGS = ["<think>", "</think>", "<answer>", "</answer>", *LABELS]
WORDS = [
    "Pitch is",
    " high",
    " low",
    " with",
    " variation",
    ", tempo is",
    " slow",
    " fast",
    ", loudness is",
    " a pause",
]
VOICE = {"pitch": "high", "pitch_variation": "low", "tempo": "low"}
THOUGHTS = ["pitch is high with low variation, tempo is slow", "pitch is low, tempo is slow"]


def model(size: int = 32) -> LanguageModel:
    """Return a model that knows nothing, whose tokenizer has the tags and the labels."""
    tokenizer = tiny_language.tokenizer()
    tokenizer.add_tokens([*TAGS, *THOUGHTS, *WORDS])
    transformers = imported()
    config = transformers.LlamaConfig(
        vocab_size=400,
        hidden_size=size,
        intermediate_size=2 * size,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=512,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.AutoModelForCausalLM.from_config(config).eval()
    network.generation_config.eos_token_id = 1
    network.generation_config.pad_token_id = None
    return LanguageModel(network, tokenizer)


def asked(of: LanguageModel, count: int = 12) -> Asked:
    """Return questions that name a label."""
    questions = [
        Question(of.tokens(f"Speaker says {label}"), label, Measured(VOICE))
        for label in (LABELS * count)[:count]
    ]
    return Asked(questions, LABELS, "")


def answer(of: LanguageModel, thought: str, label: str) -> list[int]:
    """Return the tokens of an answer."""
    text = f"<think>{thought}</think><answer>{label}</answer>"
    return [*of.tokens(text), *of.ends[:1]]


def taught(of: LanguageModel, steps: int = 60, right: float = 0.4) -> LanguageModel:
    """Teach the form, and thoughts and labels that are right more or less often."""
    draws = random.Random(0)
    optimiser = torch.optim.AdamW(of.network.parameters(), lr=1e-2)
    questions = asked(of).questions
    for _ in range(steps):
        rows = []
        for question in questions:
            label = question.gold if draws.random() < right else draws.choice(LABELS)
            rows.append(Example(question.prompt, answer(of, draws.choice(THOUGHTS), label)))
        optimiser.zero_grad()
        (-tuning.log_probabilities(of, tuning.batch(of, rows)).mean()).backward()
        optimiser.step()
    return of


def weights(of: LanguageModel) -> dict[str, Any]:
    """Return a copy of the weights."""
    return {name: weight.detach().clone() for name, weight in of.network.named_parameters()}
