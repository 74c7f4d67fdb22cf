"""Answers of a server in words: no probabilities, since servers do not share a way to give them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli.bundles.language import Spec
from emocli.errors import RecordError
from emocli.llm import candidates, thoughts
from emocli.llm.prompts import CONSTRAINED, WORD, Utterance
from emocli.pipeline.threads import concurrently
from emocli.records import Record, failures
from emocli.stages.language_predictor import asking, in_words
from emocli.stages.language_server import Served

if TYPE_CHECKING:
    from emocli.llm.server import Completion


class ServedAnswerer:
    """Asks a server about records, several at once; answers are in the order of the records."""

    def __init__(self, served: Served, spec: Spec) -> None:
        self.served, self.spec = served, spec
        scale = None if spec.labels else spec.template.numbers
        self.numbers = candidates.numbers(scale) if scale else {}
        self.in_a_word = spec.decode in (CONSTRAINED, WORD)  # no probabilities: one label, or none
        self.tokens = in_words.LIMIT if self.in_a_word else thoughts.LIMIT

    def __call__(self, batch: list[Record], *, keep_prompts: bool) -> list[Record | Exception]:
        """Return the records with their predictions, or the error of each."""
        one = partial(self._one, keep_prompts)
        return concurrently(one, batch, self.served.concurrency)

    def _one(self, keep_prompt: bool, record: Record) -> Record | Exception:
        try:
            said, asked, left_out = self._asked(asking.utterance(record, self.spec))
        except RecordError as error:
            return failures.without_frames(error)
        read = in_words.word if self.in_a_word else in_words.prediction
        prediction = read(said.text, self.spec, self.numbers)
        warnings = dict(prediction.pop("warnings", {}))
        if said.cut and "answer" in warnings:
            warnings["answer"] += f", cut after {self.tokens} tokens"
        if left_out:
            total = left_out + len(asked.before)
            told = f"{left_out} of {total} turns left out: the prompt would be too long"
            warnings["context"] = told
        prediction |= {"warnings": warnings} if warnings else {}
        prediction |= self._provenance(said)
        if keep_prompt:
            prediction["prompt"] = self._shown(asked)
        return {**record, "prediction": prediction}

    def _asked(self, asked: Utterance) -> tuple[Completion, Utterance, int]:
        """Return the answer, what was asked, and how many of the oldest turns had no room."""
        for left_out in range(len(asked.before) + 1):
            kept = Utterance(asked.said, asked.before[left_out:], asked.summary, asked.vowels)
            try:
                said = self.served.server.complete(self._messages(kept), tokens=self.tokens)
            except RecordError as error:
                if error.code != "prompt_too_long" or left_out == len(asked.before):
                    raise
            else:
                return said, kept, left_out
        raise AssertionError  # the last round returns or raises

    def _messages(self, asked: Utterance) -> list[dict[str, str]]:
        return self.spec.template.messages(asked, self.spec.labels, self.spec.decode)

    def _shown(self, asked: Utterance) -> str:
        return "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in self._messages(asked))

    def _provenance(self, said: Completion) -> dict[str, Any]:
        spec, server = self.spec, self.served.server
        about: Record = {
            "template": spec.template.name,
            "sha256": spec.template.digest,
            "decode": WORD if self.in_a_word else spec.decode,
            "context": spec.context,
            "prosody": spec.prosody,
            "url": server.url,
            **said.cost,
        }
        name = Path(server.model).name if server.model.startswith(("/", ".")) else server.model
        return {"model": name, "calibrated": False, "prompting": about}
