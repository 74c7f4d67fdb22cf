"""From prompts to predictions: by the log-probabilities of answers, or by answers in words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocli import hub
from emocli.bundles import language, outputs
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.encoders import causal_language_model, language_adapter
from emocli.errors import ConfigError, ModelError, RecordError
from emocli.hub import Located
from emocli.llm import candidates, generation
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import CONSTRAINED, GREEDY, Utterance
from emocli.llm.scoring import Scorer
from emocli.pipeline import devices
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.stages.language_predictor import asking, in_words
from emocli.stages.language_predictor.asking import Prompt

MAX_ANSWER_TOKENS = 160  # a thought of two sentences, and an answer; our choice
CLOSING = "</answer>"
SMALL = "smollm2-135m-instruct"  # comes out of a wheel


def located(name: str, *, offline: bool) -> Located:
    """Return where a language model is: a GGUF file, or what `hub.locate` finds."""
    path = Path(name)
    if path.suffix == causal_language_model.PACKED and path.is_file():
        return Located(path, f"local:{hub.cache.digest(path)[:16]}")
    try:
        return hub.locate(name, offline=offline)
    except ModelError as error:
        if name in hub.catalog():
            raise
        hint = f"{error.hint}; a folder with weights and tokenizer; or {SMALL}, which needs no hub"
        raise ModelError(error.message, hint=hint) from None


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
        self.trained, self.spec, self.abstain = trained, spec, abstain
        before, after = spec.template.around(CONSTRAINED)
        scale = None if spec.labels else spec.template.numbers
        self.numbers = candidates.numbers(scale) if scale else {}
        answers = spec.labels or list(self.numbers)
        ending = self.model.tokens(after) if after else self.model.ends[:1]
        listed = candidates.of(answers, self.model.tokens, before=before, ending=ending)
        self.scorer = Scorer(self.model, listed)
        self.priors: dict[tuple[int, bool, bool], Any] = {}
        if not self.model.has_chat_template:
            context.say("predict", f"{spec.backbone} has no chat template: a plain prompt is used")

    def __call__(self, batch: list[Record], *, keep_prompts: bool) -> list[Record | Exception]:
        """Return the records with their predictions, or the error of each."""
        outcomes: list[Any] = [self._prompt(record) for record in batch]
        rows = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Prompt)]
        answer = self._chosen if self.spec.decode == CONSTRAINED else self._said
        found = answer([outcomes[i] for i in rows]) if rows else []
        for i, prediction in zip(rows, found, strict=True):
            asked: Prompt = outcomes[i]
            if prediction.get("confidence", 1.0) < self.abstain:
                prediction["emotion"] = None
            prediction |= self._provenance()
            if asked.left_out:
                total = asked.left_out + len(asked.utterance.before)
                told = f"{asked.left_out} of {total} turns left out: the prompt would be too long"
                prediction["warnings"] = {**prediction.get("warnings", {}), "context": told}
            if keep_prompts:
                prediction["prompt"] = asked.text + self.beginning
            outcomes[i] = {**batch[i], "prediction": prediction}
        return outcomes

    @functools.cached_property
    def room(self) -> int:
        """The number of tokens that an answer needs."""
        if self.spec.decode == GREEDY:
            return MAX_ANSWER_TOKENS
        return len(self.scorer.candidates.stem) + self.scorer.candidates.depth

    @property
    def beginning(self) -> str:
        """What the model finds its answer begun with."""
        constrained = self.spec.decode == CONSTRAINED
        return self.model.text(self.scorer.candidates.stem) if constrained else ""

    def _prompt(self, record: Record) -> Prompt | RecordError:
        try:
            return self._fitting(asking.utterance(record, self.spec))
        except RecordError as error:
            return failures.without_frames(error)

    def _chosen(self, asked: Sequence[Prompt]) -> list[Record]:
        import numpy as np

        prior = np.stack([self._prior(asking.shape(prompt.utterance)) for prompt in asked])
        logs = self.scorer([prompt.tokens for prompt in asked]) - prior
        if self.numbers:
            means = candidates.expectation(logs, list(self.numbers.values()))
            return [{"emotion": None, self.spec.target: float(f"{m:.6g}")} for m in means]
        return outputs.of(logs, self.trained.contents)

    def _prior(self, shape: tuple[int, bool, bool]) -> Any:
        """Return what is subtracted from the log-probabilities of answers to prompts of a shape."""
        import numpy as np

        if self.spec.prior == language.FITTED:
            return np.asarray(self.spec.prior_values)
        if shape not in self.priors:
            asked = self._alike(shape)
            if not self.scorer.prefix and len(asked) > 1:
                self.scorer.remember(asked)
            nothing = np.zeros(len(self.scorer.candidates.rows))
            self.priors[shape] = self.scorer(asked).mean(0) if asked else nothing
        return self.priors[shape]

    def _alike(self, shape: tuple[int, bool, bool]) -> list[list[int]]:
        """Return the prompts of the prior, those that the model can read; RecordError for none."""
        texts = self.spec.template.prior_texts(self.spec.prior)
        made = [self._fitting(utterance) for utterance in asking.alike(shape, texts)]
        found = [prompt.tokens for prompt in made if isinstance(prompt, Prompt)]
        if made and not found:
            raise RecordError("prompt_too_long", "no prompt of the prior fits", hint="--prior none")
        return found

    def _fitting(self, utterance: Utterance) -> Prompt | RecordError:
        try:
            return asking.prompt(self.model, utterance, self.spec, self.room)
        except RecordError as error:
            return failures.without_frames(error)

    def _said(self, asked: Sequence[Prompt]) -> list[Record]:
        tokens = [prompt.tokens for prompt in asked]
        made = generation.greedy(self.model, tokens, MAX_ANSWER_TOKENS, CLOSING)
        return [self._read(completion.text) for completion in made]

    def _read(self, text: str) -> Record:
        return in_words.prediction(text, self.spec, self.numbers)

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
        if self.spec.decode == CONSTRAINED:
            about["prior"] = self.spec.prior
        if Path(self.spec.backbone) == self.trained.folder:
            name = f"{self.trained.contents['name']}@{self.revision}"
        else:
            name = self.trained.name
            about |= {"backbone": self.spec.backbone, "revision": self.revision}
        calibrated = bool(self.trained.contents.get("calibration"))
        return {"model": name, "prompting": about, "calibrated": calibrated}
