"""An audio language model as annotator: it hears the recording of a record."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from emocli.cli import options
from emocli.commands import extract_audio
from emocli.errors import RecordError
from emocli.records import Record
from emocli.stages.annotate.raters import Answer, Question


class AudioModel:
    """A Qwen2-Audio from the cache or a folder, loaded when the first question is asked."""

    prompted = True

    def __init__(self, run: options.Run, model: str, labels: list[str]) -> None:
        from emocli import hub

        self.run, self.chosen = run, labels
        self.folder = hub.resolve(model, offline=run.flags["offline"])
        self.known_as = f"{model}@{hub.revision(model)}"

    def name(self, _record: Record) -> str:
        """Return the model and its revision."""
        return self.known_as

    def labels(self, _record: Record) -> list[str]:
        """Return what it is asked to choose from."""
        return self.chosen

    @cached_property
    def model(self) -> Any:
        """The model, on its device."""
        from emocli.llm.audio_annotator import AudioAnnotator
        from emocli.pipeline import devices

        device = devices.pick(self.run.flags["device"])
        return AudioAnnotator(self.folder, device, devices.numbers(self.run.flags["dtype"], device))

    def ask(self, record: Record, question: Question) -> Answer:
        """Have the model listen and answer."""
        if not (record.get("path") or record.get("audio")) or extract_audio.no_audio(record):
            raise RecordError("no_audio", "no recording to listen to", hint="a record needs a path")
        samples = extract_audio.samples(record, self.run.store)
        said = self.model.answer(samples, question.prompt, question.temperature, question.seed)
        cost = {
            "seconds": round(said.seconds, 4),
            "prompt_tokens": said.prompt_tokens,
            "answer_tokens": said.answer_tokens,
        }
        return Answer(said.raw, cost)

    def close(self) -> None:
        """Nothing is held but memory."""
