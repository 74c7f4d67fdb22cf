"""An audio language model as a rater: it answers a question about a recording.

Qwen2-Audio: Chu et al., "Qwen2-Audio Technical Report", 2024, https://arxiv.org/abs/2407.10759, as
transformers runs it. A model that runs locally gets the questions that Zhang et al. 2026 (see
`emocli.llm.personas`) ask Gemini. Our choices: plain sampling from the whole vocabulary at the
rater's temperature (no top-k, no nucleus), 16 tokens at most, the system prompt. The model gets the
first 30 s.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import ConfigError

KIND = "qwen2_audio"  # model_type in config.json
SAMPLE_RATE_HZ = 16_000
MAX_ANSWER_TOKENS = 16  # a label is one word, of about three tokens
AGAIN = "copy or download it again: emocli models pull, or git clone with git lfs"
SYSTEM = "You listen closely and answer in one word."


@dataclass(frozen=True)
class Answer:
    """The answer of the model, and its cost."""

    raw: str
    seconds: float
    prompt_tokens: int  # including those of the recording
    answer_tokens: int


class AudioAnnotator:
    """Qwen2-Audio with its processor, from a local folder; never from the network."""

    def __init__(self, folder: str | Path, device: str = "cpu", dtype: str = "float32") -> None:
        """Load it; raise ConfigError if the folder contains another kind of model."""
        import torch
        import transformers

        config = Path(folder) / "config.json"
        kind = json.loads(config.read_text()).get("model_type") if config.exists() else None
        if kind != KIND:
            raise ConfigError(
                f"unknown kind of audio language model in {folder}: model_type {kind!r}",
                hint=f"expected {KIND}, such as Qwen/Qwen2-Audio-7B-Instruct",
            )
        transformers.utils.logging.disable_progress_bar()
        local = {"local_files_only": True}
        try:
            self.processor: Any = transformers.AutoProcessor.from_pretrained(folder, **local)
            model, info = self._network(folder, getattr(torch, dtype), **local)
        except Exception as error:  # of files, of JSON, of shapes, of the tokenizers
            if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
                raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(f"cannot load {folder}: {lines[0]:.300}", hint=AGAIN) from None
        if lost := sorted(info["missing_keys"]):
            message = f"{folder}: {len(lost)} tensors are not in its weights ({lost[0]}, ...)"
            raise ConfigError(message, hint=AGAIN)
        if self.processor.tokenizer.vocab_size <= len(self.processor.tokenizer.all_special_ids):
            raise ConfigError(f"{folder} has no tokenizer", hint=AGAIN)
        rate = self.processor.feature_extractor.sampling_rate
        if rate != SAMPLE_RATE_HZ:
            raise ConfigError(f"{folder} takes audio at {rate} Hz, not at {SAMPLE_RATE_HZ} Hz")
        self.model: Any = model.to(device).eval()

    def _network(self, folder: str | Path, dtype: Any, **local: Any) -> Any:
        """Return the network, and what transformers says of loading it."""
        import transformers

        return transformers.Qwen2AudioForConditionalGeneration.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, dtype=dtype, **local
        )

    def answer(
        self, samples: NDArray[np.float32], prompt: str, temperature: float, seed: int
    ) -> Answer:
        """Return the answer to a prompt about a recording (time,) at 16 kHz.

        The same seed gives the same answer on the same machine; the random generators of the
        process are left as they were.
        """
        import torch

        started = time.perf_counter()
        inputs = self.inputs(samples, prompt)
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            tokens = self.model.generate(
                **inputs,
                do_sample=True,
                temperature=temperature,
                top_k=0,
                top_p=1.0,
                max_new_tokens=MAX_ANSWER_TOKENS,
            )
        prompt_tokens = inputs["input_ids"].shape[1]
        answer_tokens = tokens[0, prompt_tokens:]
        raw = self.processor.tokenizer.decode(answer_tokens, skip_special_tokens=True)
        return Answer(raw, time.perf_counter() - started, prompt_tokens, len(answer_tokens))

    def inputs(self, samples: NDArray[np.float32], prompt: str) -> Any:
        """Return the tensors of a question: tokens, log-mel spectrogram, masks."""
        recording = {"type": "audio", "audio": ""}  # the samples are passed to the processor
        content = [recording, {"type": "text", "text": prompt}]
        turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
        text = self.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        inputs = self.processor(
            text=[text], audio=[samples], sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt"
        ).to(self.model.device)
        inputs["input_features"] = inputs["input_features"].to(self.model.dtype)
        return inputs
