"""Causal language models that fit into a test: two layers of 32, random, a tokenizer of few words.

The weights are large, so that a wrong position, mask or token changes answers by far more than
float32 rounds.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from emocli.encoders.transformers_import import imported
from emocli.llm.language_model import LanguageModel

MARKS = ["<|start|>", "<|end|>"]
CHAT = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
LINES = ["the emotion is joy", "joyful joy sadness", "Emotion: anger fear", "Speaker says neutral"]
KINDS = ("llama", "gpt2", "mistral", "bloom")  # learned positions, a short window, no positions
WINDOW = 24  # tokens that each layer of the Mistral sees


def tokenizer(*, chat: str | None = CHAT, pad: bool = False) -> Any:
    """Return a byte-level tokenizer with some words of LINES."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=MARKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(LINES * 20, trainer)
    fast = imported().PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>")
    fast.add_special_tokens({"additional_special_tokens": MARKS[:1]})
    if pad:
        fast.pad_token = "<|end|>"
    fast.chat_template = chat
    return fast


def network(kind: str = "llama", size: int = 400, limit: int = 512) -> Any:
    """Return a network of random weights, the same every time."""
    import torch

    transformers = imported()
    sides = {"vocab_size": size, "num_attention_heads": 4, "num_hidden_layers": 2}
    wide = {"hidden_size": 32, "intermediate_size": 48, "num_key_value_heads": 2}
    configs = {
        "llama": lambda: transformers.LlamaConfig(**sides, **wide, max_position_embeddings=limit),
        "mistral": lambda: transformers.MistralConfig(
            **sides, **wide, sliding_window=WINDOW, max_position_embeddings=limit
        ),
        "gpt2": lambda: transformers.GPT2Config(
            vocab_size=size, n_head=4, n_layer=2, n_embd=32, n_positions=limit
        ),
        "bloom": lambda: transformers.BloomConfig(
            vocab_size=size, n_head=4, n_layer=2, hidden_size=32
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = transformers.AutoModelForCausalLM.from_config(configs[kind]())
        for parameter in made.parameters():
            parameter.data += 0.15 * torch.randn_like(parameter)
    made.generation_config.eos_token_id = 1
    made.generation_config.pad_token_id = None
    return made.eval()


@functools.cache
def model(kind: str = "llama") -> LanguageModel:
    """Return a model in memory."""
    return LanguageModel(network(kind), tokenizer())


def write(folder: Path, kind: str = "llama", *, chat: str | None = CHAT, limit: int = 512) -> Path:
    """Write a model as `save_pretrained` does; return the folder."""
    network(kind, limit=limit).save_pretrained(folder)
    tokenizer(chat=chat).save_pretrained(folder)
    return folder
