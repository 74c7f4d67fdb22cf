"""Choose from a list of answers, by their log-probabilities over a prior."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from emocli.bundles import language, outputs, soft_streams
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.errors import ConfigError, RecordError
from emocli.llm import candidates, thoughts
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import CONSTRAINED, THINKING, WORD, WRITTEN, Utterance
from emocli.llm.scoring import Scorer, Scores
from emocli.llm.soft_tokens import Soft
from emocli.llm.thoughts import Thought
from emocli.records import Record, failures
from emocli.stages.language_predictor import asking, in_words
from emocli.stages.language_predictor.asking import Prompt, Shape


class Chooser:
    """The answers that a predictor chooses from, and its prior, which is found once."""

    def __init__(self, model: LanguageModel, trained: Bundle, spec: Spec) -> None:
        self.model, self.trained, self.spec = model, trained, spec
        scale = None if spec.labels else spec.template.numbers
        self.numbers = candidates.numbers(scale) if scale else {}
        self.answers = spec.labels or list(self.numbers)
        if spec.prior == language.FITTED and len(spec.prior_values) != len(self.answers):
            counts = f"{len(spec.prior_values)} prior_values for {len(self.answers)} answers"
            raise ConfigError(f"{trained.folder}/config.json: {counts}")
        before, after = spec.template.around(spec.decode)
        self.opening, closing = spec.template.thinking
        before = closing + before if spec.decode == THINKING else before
        ending = model.tokens(after) if after else model.ends[:1]
        listed = candidates.of(self.answers, model.tokens, before=before, ending=ending)
        self.closing = thoughts.Closing(model.tokens, listed, before, self.answers[0])
        thinks = spec.decode == THINKING
        self.scorer = Scorer(model, self.closing.candidates if thinks else listed)
        self.priors: dict[Shape, Any] = {}
        self.tokens_of = soft_streams.load(trained, model.device) if spec.soft else None

    @functools.cached_property
    def room(self) -> int:
        """The number of tokens that an answer needs."""
        if self.spec.decode in WRITTEN:
            return in_words.LIMIT if self.spec.decode == WORD else thoughts.LIMIT
        if self.spec.decode == THINKING:
            return len(self.model.tokens(self.opening)) + self.closing.room
        return len(self.scorer.candidates.stem) + self.scorer.candidates.depth

    @property
    def beginning(self) -> str:
        """What the model finds its answer begun with."""
        if self.spec.decode != CONSTRAINED:
            return self.opening if self.spec.decode == THINKING else ""
        return self.model.text(self.scorer.candidates.stem)

    def __call__(self, asked: Sequence[Prompt]) -> list[Record]:
        """Return the prediction of each prompt."""
        import numpy as np

        logs, thought = self.scores([prompt.tokens for prompt in asked], self.soft(asked))
        logs = logs - np.stack([self.prior(asking.shape(p.utterance)) for p in asked])
        if self.numbers:
            means = candidates.expectation(logs, list(self.numbers.values()))
            found = [{"emotion": None, self.spec.target: float(f"{m:.6g}")} for m in means]
        else:
            found = outputs.of(logs, self.trained.contents)
        more: list[Record] = [told(t) for t in thought] or [{} for _ in found]
        return [{**f, **t} for f, t in zip(found, more, strict=True)]

    def scores(
        self, prompts: Sequence[list[int]], soft: Soft | None = None
    ) -> tuple[Scores, list[Thought]]:
        """Return log-probabilities (prompts, answers), and thoughts if answers have any."""
        if self.spec.decode != THINKING:
            return self.scorer(prompts, soft), []
        found = thoughts.of(self.model, prompts, self.opening, soft=soft)
        ends = [self.closing(self.opening, thought.text) for thought in found]
        whole = [[*prompt, *end] for prompt, end in zip(prompts, ends, strict=True)]
        return self.scorer(whole, soft), found

    def soft(self, asked: Sequence[Prompt]) -> Soft | None:
        """Return the soft tokens of some prompts, if there are any."""
        inputs = [prompt.inputs for prompt in asked if prompt.inputs is not None]
        if self.tokens_of is None or not inputs:
            return None
        return soft_streams.of(self.tokens_of, self.trained, inputs, self.model.device)

    def gates(self, asked: Sequence[Prompt]) -> list[Record]:
        """Return the gates of the fusion of each record, {} without any."""
        inputs = [prompt.inputs for prompt in asked if prompt.inputs is not None]
        if self.tokens_of is None or not inputs:
            return [{} for _ in asked]
        return soft_streams.gates(self.tokens_of, self.trained, inputs, self.model.device)

    def prior(self, shape: Shape) -> Any:
        """Return what is subtracted from the log-probabilities of answers to prompts of a shape."""
        import numpy as np

        if self.spec.prior == language.FITTED:
            return np.asarray(self.spec.prior_values)
        if shape not in self.priors:
            asked = self._alike(shape)
            if not self.scorer.prefix and len(asked) > 1:
                self.scorer.remember(asked)
            nothing = np.zeros(len(self.answers))
            self.priors[shape] = self.scores(asked)[0].mean(0) if asked else nothing
        return self.priors[shape]

    def _alike(self, shape: Shape) -> list[list[int]]:
        """Return the prompts of the prior, those that the model can read; RecordError for none."""
        texts = self.spec.template.prior_texts(self.spec.prior)
        made = [self.fitting(utterance) for utterance in asking.alike(shape, texts)]
        found = [prompt.tokens for prompt in made if isinstance(prompt, Prompt)]
        if made and not found:
            raise RecordError("prompt_too_long", "no prompt of the prior fits", hint="--prior none")
        return found

    def fitting(self, utterance: Utterance) -> Prompt | RecordError:
        """Return the prompt about an utterance that leaves room for its answer, or its error."""
        try:
            return asking.prompt(self.model, utterance, self.spec, self.room)
        except RecordError as error:
            return failures.without_frames(error)


def told(thought: Thought) -> Record:
    """Return a thought as the fields of a prediction, with a warning if it was closed."""
    told: Record = {"explanation": thought.text.strip()}
    if not thought.ended:
        told["warnings"] = {"thought": f"closed after {thoughts.LIMIT} tokens"}
    return told
