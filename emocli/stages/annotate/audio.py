"""An audio language model as annotator, prompted with the recording of a record."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli.errors import RecordError
from emocli.modalities import audio
from emocli.pipeline import live
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.annotate.asking import Answer, Question

if TYPE_CHECKING:
    from emocli.llm.audio_annotator import AudioAnnotator


def load(folder: Path, device: str, dtype: str) -> AudioAnnotator:
    """Load the model in a folder; ConfigError if its files are not what they claim."""
    from emocli.encoders import weight_files
    from emocli.encoders.transformers_import import imported
    from emocli.llm import audio_annotator

    config = weight_files.json_object(folder / "config.json")
    weight_files.require_layers(folder, config, len(weight_files.tensors(folder)))
    imported()  # which a broken torchaudio would stop
    return audio_annotator.AudioAnnotator(folder, device, dtype)


class AudioModel:
    """An audio language model from the hub or a folder, loaded for the first question."""

    prompted = True
    deaf = False
    concurrency = 1

    def __init__(self, context: Context, model: str, labels: list[str]) -> None:
        from emocli import hub

        self.context, self.chosen = context, labels
        self.folder, revision = hub.locate(model, offline=context.offline)
        self.known_as = f"{model}@{revision}"

    def name(self, _record: Record) -> str:
        """Return the model and its revision."""
        return self.known_as

    def labels(self, _record: Record) -> list[str]:
        """Return the labels that it may choose from."""
        return self.chosen

    @cached_property
    def model(self) -> Any:
        """The model, on its device."""
        from emocli.pipeline import devices

        device = devices.pick(self.context.device)
        with live.during(f"loading {self.folder.name}"):
            return load(self.folder, device, devices.pick_dtype(self.context.dtype, device))

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the model's answer to a question about a recording."""
        require_sound(record)
        samples = audio.samples(record, self.context.store)
        answer = self.model.answer(samples, question.prompt, question.temperature, question.seed)
        cost = {
            "prompt_tokens": answer.prompt_tokens,
            "answer_tokens": answer.answer_tokens,
            "seconds": round(answer.seconds, 3),
        }
        return Answer(answer.raw, cost, answer.seconds)

    def close(self) -> None:
        """Do nothing: the model holds only memory."""


def require_sound(record: Record) -> None:
    """Raise RecordError for a record without a recording, which this annotator judges by."""
    if not (record.get("path") or record.get("audio")) or audio.is_lost(record):
        raise RecordError("no_audio", "no recording to listen to", hint="a record needs a path")
