"""Whisper as transformers runs it: for models that are not in CTranslate2's format.

Radford et al. 2022, https://arxiv.org/abs/2212.04356. Always padded to 30 s. Word times come from
transformers' alignment if the generation config names alignment heads, else words share the speech
evenly (our choice). A word is what follows a space in the vocabulary; punctuation, which gets the
pauses, has no part in its times.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli.encoders import pretrained, weight_files
from emocli.encoders.decoding import Decoded, DecodingOptions, Detected, Word, detected
from emocli.encoders.speech_windows import SAMPLE_RATE_HZ, Samples
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

SPACES = ("Ġ", "▁")  # how byte-level BPE and SentencePiece write the space before a word
NO_SPEECH_TOKENS = ("<|nospeech|>", "<|nocaptions|>")  # newer, older


def load(folder: str | Path, *, device: str = "auto", dtype: str = "auto") -> TransformersWhisper:
    """Load a Whisper that `save_pretrained` wrote; raise ConfigError for another model."""
    config = Path(folder) / "config.json"
    if not weight_files.is_there(config):
        raise ConfigError(f"{folder} is not a whisper model: no config.json")
    kind = weight_files.json_object(config).get("model_type")
    if kind != "whisper":
        raise ConfigError(f"{folder} is not a whisper model: model_type {kind!r}")
    if device == "auto":
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
    number = torch.float32 if dtype in ("auto", "default") else getattr(torch, dtype)
    return TransformersWhisper(folder, device, number)


class TransformersWhisper:
    """A Whisper that transformers runs."""

    pads = True

    def __init__(self, folder: str | Path, device: str, dtype: torch.dtype) -> None:
        transformers = imported()  # quietly: generate warns about its own defaults
        self.name = f"transformers {transformers.__version__}"
        folder, what = Path(folder), "a whisper model"
        model = pretrained.network(
            transformers.WhisperForConditionalGeneration.from_pretrained,
            folder,
            what,
            dtype=dtype,
            attn_implementation="eager",
        )
        features = transformers.WhisperFeatureExtractor.from_pretrained
        self.extractor = pretrained.called(features, folder, what, **pretrained.LOCAL)
        self.tokenizer = pretrained.tokenizer(transformers.AutoTokenizer.from_pretrained, folder)
        self.model = model.to(device).eval()
        settings = self.model.generation_config
        codes = getattr(settings, "lang_to_id", None) or {}
        self.languages = frozenset(code.strip("<|>") for code in codes) or frozenset(["en"])
        self.only_language = None if codes else "en"
        self.aligns = bool(getattr(settings, "alignment_heads", None))
        ids = self.tokenizer.convert_tokens_to_ids(list(NO_SPEECH_TOKENS))
        known = [i for i in ids if i is not None and i != self.tokenizer.unk_token_id]
        self.no_speech = known[0] if known else None

    def _features(self, windows: Sequence[Samples]) -> tuple[Tensor, Tensor]:
        mels = self.extractor(
            list(windows),
            sampling_rate=SAMPLE_RATE_HZ,
            return_tensors="pt",
            return_attention_mask=True,
        )
        model = self.model
        return mels["input_features"].to(model.device, model.dtype), mels["attention_mask"]

    @torch.inference_mode()
    def detect(self, window: Samples, favoured: str | None = None) -> Detected:
        """Return the language of a window (time,) and its probability."""
        settings = self.model.generation_config
        start = torch.tensor([[settings.decoder_start_token_id]], device=self.model.device)
        features = self._features([window])[0]
        logits = self.model(features, decoder_input_ids=start).logits[0, -1]
        tokens = sorted(settings.lang_to_id, key=settings.lang_to_id.__getitem__)
        shares = logits[[settings.lang_to_id[t] for t in tokens]].float().softmax(-1)
        named = zip(tokens, shares.tolist(), strict=True)
        return detected({token.strip("<|>"): share for token, share in named}, favoured)

    @torch.inference_mode()
    def decode(
        self, windows: Sequence[Samples], length: int, options: DecodingOptions
    ) -> list[Decoded]:
        """Decode windows (time,); `length` is always 30 s here."""
        features, mask = self._features(windows)
        output = self._generate(features, mask, options)
        ids: Tensor = output["sequences"].cpu()
        states = self.model(features, decoder_input_ids=ids.to(features.device)).logits
        logs = states.float().log_softmax(-1).cpu()  # (batch, tokens, vocabulary)
        times = output["token_timestamps"].cpu().numpy() if self.aligns else None
        return [
            self._decoded(
                ids[i].tolist(), logs[i], _ends(times, i, ids, len(window) / SAMPLE_RATE_HZ)
            )
            for i, window in enumerate(windows)
        ]

    def _generate(self, features: Tensor, mask: Tensor, options: DecodingOptions) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "num_beams": options.beam_size,
            "return_dict_in_generate": True,
        }
        if self.only_language is None:
            arguments |= {"language": options.language, "task": "transcribe"}
        if options.no_repeat_tokens:
            arguments["no_repeat_ngram_size"] = options.no_repeat_tokens
        if self.aligns:
            arguments["return_token_timestamps"] = True
        return dict(
            self.model.generate(features, attention_mask=mask.to(features.device), **arguments)
        )

    def _decoded(self, ids: list[int], logs: Tensor, ends: np.ndarray) -> Decoded:
        """Assemble words from tokens, their log-probabilities and their end times."""
        pieces = self.tokenizer.convert_ids_to_tokens(ids)
        special = set(self.tokenizer.all_special_ids)
        text = [k for k, i in enumerate(ids) if k and i not in special and pieces[k][:2] != "<|"]
        scores = {k: float(logs[k - 1, ids[k]]) for k in text}  # log-probabilities of tokens
        words: list[list[int]] = []
        for k in text:
            if not words or pieces[k].startswith(SPACES):
                words.append([])
            words[-1].append(k)
        mean = sum(scores.values()) / (len(text) + 1)
        silence = 0.0 if self.no_speech is None else float(logs[0, self.no_speech].exp())
        assembled = (self._word(w, ids, scores, ends) for w in words)
        transcript = self.tokenizer.decode([ids[k] for k in text])
        words_ = [word for word in assembled if word["text"]]
        return Decoded(transcript, words_, mean, silence, self.aligns)

    def _word(
        self, word: list[int], ids: list[int], scores: dict[int, float], ends: np.ndarray
    ) -> Word:
        spoken = [k for k in word if _is_spoken(self.tokenizer.decode([ids[k]]))] or word
        return {
            "text": self.tokenizer.decode([ids[k] for k in word]).strip(),
            "start": float(ends[spoken[0] - 1]),
            "end": float(ends[spoken[-1]]),
            "probability": float(np.mean([np.exp(scores[k]) for k in word])),
        }


def _is_spoken(piece: str) -> bool:
    """Say whether a piece of text is more than punctuation; it may be a part of a letter."""
    return any(letter.isalnum() or letter == "\ufffd" for letter in piece)


def _ends(times: np.ndarray | None, row: int, ids: Tensor, seconds: float) -> np.ndarray:
    """Return the end time of each token of a row; spread evenly if the model does not align."""
    if times is not None:
        return np.minimum(times[row], seconds)
    return np.linspace(0.0, seconds, ids.shape[1])
