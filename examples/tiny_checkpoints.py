"""Make two tiny checkpoints of transformers, of words and of voice, and records to try them on.

Use: python examples/tiny_checkpoints.py FOLDER
Writes FOLDER/words (a BERT), FOLDER/voice (a spectrogram transformer) and FOLDER/{train,dev,test}
.jsonl with sounds in FOLDER/sounds: tones and sentences of four emotions, each of which says
nothing in a third of the records, but not in the same ones. Nobody speaks here: it shows that the
pipe works.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from emocli.encoders.transformers_import import imported

RATE_HZ = 16_000
SECONDS = 0.7
# As checkpoints call them; emocli knows happy as joy, and so on.
NAMES = ("angry", "happy", "neutral", "sad")
TOLD = {
    "angry": ("how dare you", "i hate this", "stop it now"),
    "happy": ("this is wonderful", "i love it", "what a great day"),
    "neutral": ("the meeting is on monday", "it is ten", "the room is two"),
    "sad": ("i miss her", "she is gone", "i feel so lonely"),
}
UNCLEAR = ("well", "i see")  # what may be said with any emotion
VOICES = {"angry": (500, 0.5), "happy": (900, 0.3), "neutral": (250, 0.15), "sad": (120, 0.05)}
UNSURE = 1 / 3  # of the records, for the words and for the voice
PARTS = {"train": 120, "dev": 80, "test": 120}
STEPS = 300
BATCH = 32


def sound(name: str | None, draws: np.random.Generator) -> np.ndarray:
    """Return a tone (time,) of the pitch and loudness of an emotion, or noise."""
    if name is None:
        return draws.normal(0, 0.05, round(SECONDS * RATE_HZ)).astype(np.float32)
    hertz, level = VOICES[name]
    hertz, level = hertz * draws.uniform(0.9, 1.1), level * draws.uniform(0.7, 1.3)
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * hertz * k * time_s) / k for k in range(1, 12))
    return (level * tone / 2 + draws.normal(0, 0.002, len(time_s))).astype(np.float32)


def shown(name: str, draws: random.Random) -> str | None:
    """Return the emotion, or None where it is not shown."""
    return None if draws.random() < UNSURE else name


def records(folder: Path, part: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Write a part of the records and their sounds."""
    draws, noise = random.Random(seed), np.random.default_rng(seed)
    rows = []
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        path = folder / "sounds" / f"{part}{number:03d}.wav"
        soundfile.write(path, sound(shown(name, draws), noise), RATE_HZ)
        said = shown(name, draws)
        text = draws.choice(UNCLEAR if said is None else TOLD[said])
        label = {"emotion": {"angry": "anger", "happy": "joy", "sad": "sadness"}.get(name, name)}
        rows.append({"id": path.stem, "path": str(path), "text": text, "label": label})
    lines = "".join(json.dumps(row | {"split": part}) + "\n" for row in rows)
    (folder / f"{part}.jsonl").write_text(lines)
    return rows


def labels() -> dict[str, Any]:
    """Return what a config says of the labels."""
    return {"id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}


def fitted(model: Any, inputs: dict[str, torch.Tensor], targets: torch.Tensor) -> Any:
    """Train a classifier of transformers on examples that are not in the records."""
    search = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(STEPS):
        some = torch.randint(len(targets), (BATCH,))
        given = {name: values[some] for name, values in inputs.items()}
        loss = model(**given, labels=targets[some]).loss
        search.zero_grad()
        loss.backward()
        search.step()
    return model.eval()


def words(folder: Path) -> None:
    """Write a BERT that has read the sentences."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    hugging = imported()
    texts = [*UNCLEAR, *(text for told in TOLD.values() for text in told)]
    known = sorted({word for text in texts for word in text.split()})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    ids = {word: number for number, word in enumerate([*special, *known])}
    made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    tokenizer = hugging.PreTrainedTokenizerFast(tokenizer_object=made, **named)
    config = hugging.BertConfig(
        vocab_size=len(ids), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=32, **labels(),
    )  # fmt: skip
    pairs = [(t, n) for n, name in enumerate(NAMES) for t in (*TOLD[name], *UNCLEAR)]
    inputs = dict(tokenizer([text for text, _ in pairs], padding=True, return_tensors="pt"))
    targets = torch.tensor([number for _, number in pairs])
    model = hugging.BertForSequenceClassification(config)
    fitted(model, inputs, targets).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def voice(folder: Path) -> None:
    """Write a spectrogram transformer that has heard tones."""
    hugging = imported()
    draws = np.random.default_rng(9)
    numbers = [number for number in range(len(NAMES)) for _ in range(30)]
    sounds = [sound(NAMES[n] if at % 3 else None, draws) for at, n in enumerate(numbers)]
    extractor = hugging.ASTFeatureExtractor(max_length=64, num_mel_bins=32)
    inputs = dict(extractor(sounds, sampling_rate=RATE_HZ, return_tensors="pt"))
    config = hugging.ASTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_length=64, num_mel_bins=32, patch_size=16, frequency_stride=16, time_stride=16,
        **labels(),
    )  # fmt: skip
    model = hugging.ASTForAudioClassification(config)
    fitted(model, inputs, torch.tensor(numbers)).save_pretrained(folder)
    extractor.save_pretrained(folder)


def main(folder: Path) -> None:
    """Write the checkpoints and the records."""
    (folder / "sounds").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    words(folder / "words")
    voice(folder / "voice")
    for seed, (part, count) in enumerate(PARTS.items()):
        records(folder, part, count, seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
