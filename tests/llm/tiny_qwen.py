"""A Qwen2-Audio that fits into a test: random weights, one layer, and a token for each byte."""

from __future__ import annotations

from pathlib import Path

from emocli.encoders.transformers_import import imported

SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|AUDIO|>",
    "<|audio_bos|>",
    "<|audio_eos|>",
]
MELS = 16


def build(folder: Path) -> Path:
    """Write model and processor as `save_pretrained` does; return the folder."""
    import torch

    transformers = imported()

    transformers.utils.logging.disable_progress_bar()
    made = tokenizer(SPECIAL)
    extractor = transformers.WhisperFeatureExtractor(feature_size=MELS)
    transformers.Qwen2AudioProcessor(extractor, made).save_pretrained(folder)
    torch.manual_seed(0)
    model = transformers.Qwen2AudioForConditionalGeneration(_config(made))
    for parameter in model.parameters():  # the draws differ only if the logits do
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder


def tokenizer(special: list[str]):
    """Return a tokenizer of bytes, the first of whose special tokens pads."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    PreTrainedTokenizerFast = imported().PreTrainedTokenizerFast  # noqa: N806

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=special[1:],
    )


def _config(tokenizer):
    Qwen2AudioConfig = imported().Qwen2AudioConfig  # noqa: N806

    audio_config = {
        "model_type": "qwen2_audio_encoder",
        "num_mel_bins": MELS,
        "d_model": 16,
        "encoder_layers": 1,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 16,
    }
    text_config = {
        "model_type": "qwen2",
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    return Qwen2AudioConfig(
        audio_config=audio_config,
        text_config=text_config,
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
