"""An audio language model as a rater: it answers a question about a recording.

Any model of transformers that takes a recording and a question and writes: Qwen2-Audio (Chu et al.
2024, https://arxiv.org/abs/2407.10759), the thinker of Qwen2.5-Omni (Xu et al. 2025,
https://arxiv.org/abs/2503.20215), Audio Flamingo 3, and whatever has a processor with a feature
extractor and a chat template. A model that runs locally gets the questions that Zhang et al. 2026
(see `emocli.llm.personas`) ask Gemini. Our choices: plain sampling from the whole vocabulary at the
rater's temperature (no top-k, no nucleus), 16 tokens at most, the system prompt. The model gets the
first 30 s.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import ConfigError
from emocli.llm.one_answer import Answer, sampled

SAMPLE_RATE_HZ = 16_000
AGAIN = "copy or download it again: emocli models pull, or git clone with git lfs"
SUCH = "a model that hears and writes, such as Qwen/Qwen2-Audio-7B-Instruct"
SYSTEM = "You listen closely and answer in one word."
# Models that also speak: the part of them that writes, which loads from the same files.
WRITES = {
    "qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerForConditionalGeneration",
}


class AudioAnnotator:
    """An audio language model with its processor, from a local folder; never from the network."""

    def __init__(self, folder: str | Path, device: str = "cpu", dtype: str = "float32") -> None:
        """Load it; raise ConfigError if the folder contains another kind of model."""
        import torch
        import transformers

        self.folder = folder
        kind = _class(Path(folder))
        transformers.utils.logging.disable_progress_bar()
        self.processor: Any = self._loaded(transformers.AutoProcessor)
        _require_ears(folder, self.processor)
        model, info = self._loaded(
            kind, use_safetensors=True, output_loading_info=True, dtype=getattr(torch, dtype)
        )
        if lost := sorted(info["missing_keys"]):
            message = f"{folder}: {len(lost)} tensors are not in its weights ({lost[0]}, ...)"
            raise ConfigError(message, hint=AGAIN)
        self.model: Any = model.to(device).eval()

    def _loaded(self, kind: Any, **options: Any) -> Any:
        """Return what a class of transformers makes of the folder."""
        try:
            return kind.from_pretrained(self.folder, local_files_only=True, **options)
        except Exception as error:  # of files, of JSON, of shapes, of the tokenizers
            if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
                raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(f"cannot load {self.folder}: {lines[0]:.300}", hint=AGAIN) from None

    def answer(
        self, samples: NDArray[np.float32], prompt: str, temperature: float, seed: int
    ) -> Answer:
        """Return the answer to a prompt about a recording (time,) at 16 kHz.

        The same seed gives the same answer on the same machine; the random generators of the
        process are left as they were.
        """
        started = time.perf_counter()
        inputs = self.inputs(samples, prompt)
        tokens = sampled(self.model, inputs, temperature, seed)
        prompt_tokens = inputs["input_ids"].shape[1]
        answer_tokens = tokens[0, prompt_tokens:]
        raw = self.processor.tokenizer.decode(answer_tokens, skip_special_tokens=True)
        return Answer(raw, time.perf_counter() - started, prompt_tokens, len(answer_tokens))

    def inputs(self, samples: NDArray[np.float32], prompt: str) -> Any:
        """Return the tensors of a question: tokens, features of the recording, masks.

        Raises ConfigError where the model's template leaves the recording out.
        """
        import torch

        text = self._text(prompt)
        mark = getattr(self.processor, "audio_token", None)
        if isinstance(mark, str) and mark not in text:
            message = f"{self.folder}: its chat template has no place for a recording"
            raise ConfigError(message, hint=SUCH)
        rate = {"audio_kwargs": {"sampling_rate": SAMPLE_RATE_HZ}}
        inputs = self.processor(text=[text], audio=[samples], return_tensors="pt", **rate)
        inputs = inputs.to(self.model.device)
        for name, value in inputs.items():
            if torch.is_tensor(value) and value.is_floating_point():
                inputs[name] = value.to(self.model.dtype)
        return inputs

    def _text(self, prompt: str) -> str:
        """Return the question as the model reads it; some templates know no system message."""
        recording = {"type": "audio", "audio": ""}  # the samples are passed to the processor
        system = {"role": "system", "content": [{"type": "text", "text": SYSTEM}]}
        asked = [recording, {"type": "text", "text": prompt}]
        alone = [recording, {"type": "text", "text": f"{SYSTEM}\n{prompt}"}]
        problem = ""
        for turns in ([system, _user(asked)], [_user(alone)]):
            try:
                made = self.processor.apply_chat_template(
                    turns, add_generation_prompt=True, tokenize=False
                )
            except Exception as error:  # jinja's own errors, and those of its templates
                problem = str(error)
            else:
                return str(made)
        raise ConfigError(f"{self.folder}: its chat template fails: {problem:.200}", hint=SUCH)


def _user(content: list[dict[str, str]]) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _class(folder: Path) -> Any:
    """Return the class of transformers that a model's config.json names; ConfigError for none."""
    import transformers

    config = folder / "config.json"
    found = json.loads(config.read_bytes()) if config.exists() else {}
    kind = found.get("model_type")
    named = found.get("architectures") or [None]
    made = getattr(transformers, str(WRITES.get(str(kind), named[0])), None)
    if made is None or not hasattr(made, "generate") or not hasattr(made, "from_pretrained"):
        message = f"unknown kind of audio language model in {folder}: model_type {kind!r}"
        raise ConfigError(message, hint=f"expected {SUCH}")
    return made


def _require_ears(folder: str | Path, processor: Any) -> None:
    """Raise ConfigError for a model that cannot hear, or cannot be asked."""
    tokenizer = getattr(processor, "tokenizer", None)
    extractor = getattr(processor, "feature_extractor", None)
    extractor = extractor or getattr(processor, "audio_processor", None)
    if tokenizer is None or extractor is None:
        hint = f"--llm asks models of text; --audio-lm {SUCH}"
        raise ConfigError(f"{folder} has no processor of recordings: it reads only", hint=hint)
    if tokenizer.vocab_size <= len(tokenizer.all_special_ids):
        raise ConfigError(f"{folder} has no tokenizer", hint=AGAIN)
    if not (getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)):
        message = f"{folder} has no chat template: it cannot be asked a question"
        raise ConfigError(message, hint=SUCH)
    rate = getattr(extractor, "sampling_rate", SAMPLE_RATE_HZ)
    if rate != SAMPLE_RATE_HZ:
        raise ConfigError(f"{folder} takes audio at {rate} Hz, not at {SAMPLE_RATE_HZ} Hz")
