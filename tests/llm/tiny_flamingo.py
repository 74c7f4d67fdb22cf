"""An Audio Flamingo 3 that fits into a test: random weights, one layer, a token for each byte."""

from __future__ import annotations

from pathlib import Path

from emocli.encoders.transformers_import import imported
from tests.llm import tiny_qwen

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<sound>"]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{{ '<sound>' if c['type'] == 'audio' else c['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(folder: Path, *, chat: str | None = CHAT) -> Path:
    """Write model and processor as `save_pretrained` does; return the folder."""
    import torch

    transformers = imported()
    tokenizer = tiny_qwen.tokenizer(SPECIAL)
    extractor = transformers.WhisperFeatureExtractor(feature_size=tiny_qwen.MELS)
    processor = transformers.AudioFlamingo3Processor(extractor, tokenizer, chat_template=chat)
    processor.save_pretrained(folder)
    sides = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = transformers.AudioFlamingo3Config(
        audio_config={
            "model_type": "audioflamingo3_encoder",
            "num_mel_bins": tiny_qwen.MELS,
            "num_attention_heads": 2,
            **sides,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
            **sides,
        },
        audio_token_id=tokenizer.convert_tokens_to_ids("<sound>"),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AudioFlamingo3ForConditionalGeneration(config)
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder
