"""From prompts to predictions: by the log-probabilities of answers, or by answers in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocli import hub
from emocli.bundles import language, model_inputs, outputs, soft_streams
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.bundles.model_inputs import ModelInputs
from emocli.encoders import causal_language_model, language_adapter
from emocli.errors import ConfigError, ModelError, RecordError
from emocli.hub import Located
from emocli.llm import generation, thoughts
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import WORD, WRITTEN
from emocli.pipeline import devices
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.stages.instruct import asked as questions
from emocli.stages.language_predictor import asking, in_words, instructed
from emocli.stages.language_predictor.asking import Prompt
from emocli.stages.language_predictor.choosing import Chooser

CLOSING = "</answer>"
SMALL = "smollm2-135m-instruct"  # comes out of a wheel


def located(name: str, *, offline: bool) -> Located:
    """Return where a language model is: a GGUF file, or what `hub.locate` finds.

    Raises ModelError where there is none, ConfigError where files of it are missing.
    """
    if packed := _packed(name):
        causal_language_model.require(packed)
        return Located(packed, f"local:{hub.cache.digest(packed)[:16]}")
    try:
        found = hub.locate(name, offline=offline)
    except ModelError as error:
        if name in hub.catalog():
            raise
        hint = f"{error.hint}; a folder with weights and tokenizer; or {SMALL}, which needs no hub"
        raise ModelError(error.message, hint=hint) from None
    causal_language_model.require(found.folder)
    return found


def require(name: str, *, offline: bool) -> None:
    """Raise the errors of `located`, before anything is read, loaded or computed."""
    if packed := _packed(name):
        causal_language_model.require(packed)
    else:
        located(name, offline=offline)


def _packed(name: str) -> Path | None:
    path = Path(name)
    return path if path.suffix == causal_language_model.PACKED and path.is_file() else None


class Answerer:
    """A loaded model that answers records, batch by batch; answers do not depend on the batch."""

    def __init__(self, context: Context, trained: Bundle, spec: Spec, abstain: float) -> None:
        folder, self.revision = located(spec.backbone, offline=context.offline)
        device = devices.pick(context.device)
        self.dtype = devices.pick_dtype(context.dtype, device)
        if spec.revision not in (None, self.revision):
            message = f"{trained.folder} needs {spec.backbone} of {spec.revision}"
            raise ConfigError(f"{message}; {self.revision} is installed", hint="emocli models pull")
        network, tokenizer = causal_language_model.load(folder, device, self.dtype)
        if language.require_adapter(trained):
            network = language_adapter.applied(network, trained.folder)
        self.model = LanguageModel(network, tokenizer, device)
        if spec.soft:
            width = network.get_input_embeddings().weight.shape[1]
            soft_streams.require_width(trained.contents, width, spec.backbone)
        self.store = context.store
        self.trained, self.spec, self.abstain = trained, spec, abstain
        self.choose = Chooser(self.model, trained, spec)
        self.answers = instructed.Answers(self.choose)
        if not self.model.has_chat_template:
            context.say("predict", f"{spec.backbone} has no chat template: a plain prompt is used")

    def __call__(self, batch: list[Record], *, keep_prompts: bool) -> list[Record | Exception]:
        """Return the records with their predictions, or the error of each."""
        outcomes: list[Any] = [self.prompt(record) for record in batch]
        rows = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Prompt)]
        answer: Any = self._said if self.spec.decode in WRITTEN else self.choose
        answer = self.answers if self.trained.instructed else answer
        whole: list[Prompt] = [outcomes[i] for i in rows]
        found, gates = (answer(whole), self.choose.gates(whole)) if rows else ([], [])
        for i, asked, prediction, own in zip(rows, whole, found, gates, strict=True):
            if prediction.get("confidence", 1.0) < self.abstain:
                prediction["emotion"] = None
            prediction |= self._provenance()
            if asked.inputs is not None:
                prediction |= _used(asked.inputs, own)
            if asked.left_out:
                total = asked.left_out + len(asked.utterance.before)
                told = f"{asked.left_out} of {total} turns left out: the prompt would be too long"
                prediction["warnings"] = {**prediction.get("warnings", {}), "context": told}
            if keep_prompts:
                prediction["prompt"] = asked.text + self.choose.beginning
            outcomes[i] = {**batch[i], "prediction": prediction}
        return outcomes

    def prompt(self, record: Record) -> Prompt | RecordError:
        """Return what is asked about a record, or why nothing can be."""
        try:
            if self.trained.instructed:
                found: Prompt | RecordError = instructed.prompt(self.model, record, self.spec)
            else:
                found = self.choose.fitting(asking.utterance(record, self.spec))
        except RecordError as error:
            return failures.without_frames(error)
        if self.spec.soft and isinstance(found, Prompt):
            inputs = model_inputs.of_record(record, self.trained, True, self.store)
            if self.trained.instructed:
                inputs = seen(record, inputs)
            if not inputs.values:
                return soft_streams.nothing_usable(record)
            return found._replace(inputs=inputs)
        return found

    def _said(self, asked: Sequence[Prompt]) -> list[Record]:
        tokens, soft = [prompt.tokens for prompt in asked], self.choose.soft(asked)
        room, stop = (in_words.LIMIT, "") if self.spec.decode == WORD else (thoughts.LIMIT, CLOSING)
        made = generation.greedy(self.model, tokens, room, stop, soft)
        return [self._read(completion.text) for completion in made]

    def _read(self, text: str) -> Record:
        read = in_words.word if self.spec.decode == WORD else in_words.prediction
        return read(text, self.spec, self.choose.numbers)

    def _provenance(self) -> Record:
        template = self.spec.template
        about: Record = {
            "template": template.name,
            "sha256": template.digest,
            "decode": self.spec.decode,
            "context": self.spec.context,
            "prosody": self.spec.prosody,
            "dtype": self.dtype,
        }
        if self.spec.decode not in WRITTEN:
            about["prior"] = self.spec.prior
        if Path(self.spec.backbone) != self.trained.folder:
            about |= {"backbone": self.spec.backbone, "revision": self.revision}
        if self.trained.control:
            about["control"] = self.trained.control
        chosen = self.spec.decode not in WRITTEN and not self.trained.instructed
        calibrated = outputs.provenance(self.trained.contents if chosen else {})
        name = language.name(self.trained, self.revision)
        return {"model": name, "prompting": about, **calibrated}


def seen(record: Record, inputs: ModelInputs) -> ModelInputs:
    """Return the inputs that go with the question of a record."""
    shown = questions.streams(record)
    if shown is None:
        return inputs
    values, masks = (
        {name: part for name, part in parts.items() if name in shown}
        for parts in (inputs.values, inputs.masks)
    )
    return ModelInputs(values, masks)


def _used(inputs: ModelInputs, gates: Record) -> Record:
    """Return which streams an answer used, and what was masked in them.

    Their weights are those of the gates of a fusion; equal ones if there are none.
    """
    weights = gates.get("modalities", {})
    equal = round(1 / len(inputs.values), 4)
    used: Record = {"modalities": {name: weights.get(name, equal) for name in inputs.values}}
    used |= {"gates": gates} if gates else {}
    return used | ({"masked_frames": inputs.masked_frames} if inputs.masked_frames else {})
