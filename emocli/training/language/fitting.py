"""One fit: an adapter of a backbone, trained on some records, watched on others."""

from __future__ import annotations

import functools
import hashlib
import random
import warnings
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson
import torch

from emocli.bundles import bundle, language
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.encoders import causal_language_model, language_adapter
from emocli.errors import UsageError
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import GREEDY, Turn, Utterance
from emocli.llm.scoring import Scorer
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import voice_levels
from emocli.stages.language_predictor import answering
from emocli.training import distributed, figures
from emocli.training.examples import Examples
from emocli.training.language import corpus as corpora
from emocli.training.language import grpo, rewarded, sft, sharding
from emocli.training.language.corpus import Asking, Corpus
from emocli.training.language.loop import Evaluate, Objective, Run, fit
from emocli.training.language.settings import GRPO, NONE, Request, Settings
from emocli.training.state import Place

Made = TypeVar("Made")
SCORED = 16  # prompts of held-out records at a time


@dataclass(frozen=True)
class Part:
    """Some of the records of a corpus, by their numbers."""

    corpus: Corpus
    numbers: Sequence[int]


@dataclass
class Fitter:
    """What stays the same in all fits of a run: the backbone, how it is asked, the settings."""

    context: Context
    asked: Request
    contents: Record  # of a bundle, before it is trained
    settings: Settings
    place: Place
    fits: int = 1  # among which the budget is divided
    revision: str = field(init=False, default="")

    @functools.cached_property
    def spec(self) -> Spec:
        """How the backbone is asked."""
        return language.spec(Bundle(Path(), self.contents))

    @functools.cached_property
    def backbone(self) -> LanguageModel:
        """The backbone as it is; adapters are put into its network, and taken out again."""
        folder, self.revision = answering.located(self.spec.backbone, offline=self.context.offline)
        shard, device = self.settings.shard and distributed.world()[1] > 1, self.place.device
        place = "cpu" if shard else device
        network, tokenizer = causal_language_model.load(folder, place, self.place.dtype)
        network.requires_grad_(False)
        if self.place.device == "cpu":
            network.set_attn_implementation("eager")  # its gradient takes half the time there
        if shard:
            sharding.share_out(network, device)
        return LanguageModel(network, tokenizer, self.place.device)

    def release(self) -> None:
        """Let the backbone go."""
        self.__dict__.pop("backbone", None)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def seeded(self, seed: int) -> Fitter:
        """Return the fitter with another seed and its own checkpoint."""
        file, place = self.place.checkpoint, self.place
        if file is not None:
            checkpoint = file / f"seed-{seed}.safetensors"
            place = replace(place, checkpoint=checkpoint, run=f"{place.run}-{seed}")
        other = replace(self, settings=replace(self.settings, seed=seed), place=place)
        other.__dict__["backbone"] = self.backbone
        other.revision = self.revision
        return other

    @property
    def seconds(self) -> float | None:
        """The time for one fit."""
        return None if self.asked.budget is None else self.asked.budget * 60.0 / self.fits

    def fit(self, train: Part, dev: Part, report: Callable[[Record], None]) -> tuple[Any, Record]:
        """Return the network with its adapter, and the step and dev_loss of the best one."""
        torch.manual_seed(self.settings.seed)
        network = self.adapted()
        model = replace(self.backbone, network=network.get_base_model())
        asking = Asking(model, self.spec, self.asked.rationale)
        objective, evaluate, count = self._objective(model, asking, train, dev)
        run = Run(network, count, self.settings, self.place, self.seconds)
        return network, fit(run, objective, evaluate, report)

    def adapted(self) -> Any:
        """Return the backbone with an adapter to train: a new one, or that of the start."""
        library, network = language_adapter.library(), self.backbone.network
        warnings.filterwarnings("ignore", module="transformers")  # about how peft calls it
        if self.asked.start is not None:
            language.require_adapter(bundle.read(self.asked.start))
            adapted = library.PeftModel.from_pretrained(
                network, self.asked.start, is_trainable=True
            )
        else:
            chosen = self.settings
            adapted = tuning.adapted(network, library, chosen.rank, chosen.alpha, chosen.dropout)
        if self.settings.recompute:
            tuning.recompute(network)
        for weight in tuning.trained(adapted).values():
            weight.data = weight.data.to(self.place.device)
        return adapted

    def _objective(
        self, model: LanguageModel, asking: Asking, train: Part, dev: Part
    ) -> tuple[Objective, Evaluate, int]:
        if self.asked.objective == GRPO:
            return reinforced(self, model, asking, train, dev)
        return supervised(self, model, asking, train, dev)


def supervised(
    fitter: Fitter, model: LanguageModel, asking: Asking, train: Part, dev: Part
) -> tuple[sft.Supervised, Evaluate, int]:
    """Return the objective of SFT, what looks at held-out records, the number of examples."""
    chosen = fitter.settings
    kept, examples = _kept(fitter, asking.example, train)
    labels = [asking.gold(train.corpus.record(n)) for n in kept]
    names = sorted(set(labels))
    weights = corpora.class_weights([names.index(label) for label in labels], chosen.balanced)
    objective = sft.Supervised(model, examples, weights, chosen)
    numbers = sample(dev.numbers, chosen.dev_records)
    if asking.rationale == NONE and fitter.spec.labels:
        return objective, _choosing(fitter, model, asking, Part(dev.corpus, numbers)), len(kept)
    _, held = _kept(fitter, asking.example, Part(dev.corpus, numbers))

    def evaluate() -> dict[str, float]:
        return {"dev_loss": sft.loss(model, held, chosen.part_size)}

    return objective, evaluate, len(kept)


def reinforced(
    fitter: Fitter, model: LanguageModel, asking: Asking, train: Part, dev: Part
) -> tuple[grpo.GroupRelative, Evaluate, int]:
    """Return the objective of GRPO, what looks at held-out records, the number of questions."""
    chosen = fitter.settings
    labels = fitter.spec.labels or list(asking.numbers)
    nobody = Utterance(Turn(""))
    instruction = fitter.spec.template.messages(nobody, labels, GREEDY)[0]["content"]

    def question(record: Record) -> rewarded.Question:
        prompt = array("i", asking.prompt(record, chosen.length))
        return rewarded.Question(prompt, asking.gold(record), voice_levels.measured(record))

    numbers = sample(dev.numbers, chosen.dev_records)
    learned, held = (
        rewarded.Asked(_kept(fitter, question, part)[1], labels, instruction)
        for part in (train, Part(dev.corpus, numbers))
    )
    evaluate = functools.partial(rewarded.evaluated, model, held, chosen)
    return grpo.GroupRelative(model, learned, chosen), evaluate, len(learned.questions)


def _kept(
    fitter: Fitter, made: Callable[[Record], Made], part: Part
) -> tuple[list[int], list[Made]]:
    """Return the numbers of records and what is made of them; tell which cannot be asked."""
    kept, examples, lost = corpora.examples_of(part.corpus, made, part.numbers)
    if lost:
        fitter.context.say("train", f"records: {corpora.told(lost)}")
    if not examples:
        raise UsageError(f"no record can be learned: {corpora.told(lost)}")
    return kept, examples


def _choosing(fitter: Fitter, model: LanguageModel, asking: Asking, dev: Part) -> Evaluate:
    """Return what gives loss and metrics of the labels that held-out records get."""
    head = dev.corpus.head(fitter.spec)
    targets = dev.corpus.examples.targets.tensor([head])[list(dev.numbers)]
    room = len(asking.candidates.stem) + asking.candidates.depth
    prompts = [asking.prompt(dev.corpus.record(n), room) for n in dev.numbers]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))

    def evaluate() -> dict[str, float]:
        scorer = Scorer(model, asking.candidates)
        scorer.remember(prompts)
        logs = torch.zeros(len(prompts), len(head.labels), dtype=torch.float64)
        for start in range(0, len(order), SCORED):
            rows = order[start : start + SCORED]
            logs[rows] = torch.from_numpy(scorer([prompts[i] for i in rows]))
        loss = torch.nn.functional.cross_entropy(logs, targets)
        found = figures.of([head], logs.float(), targets)
        return {"dev_loss": float(loss), **{f"dev_{n}": v for n, v in found.items()}}

    return evaluate


def sample(numbers: Sequence[int], most: int) -> list[int]:
    """Return some of the numbers, the same ones every time, in their order."""
    if len(numbers) <= most:
        return list(numbers)
    return sorted(random.Random(0).sample(list(numbers), most))


def identity(fitter: Fitter, parts: Sequence[Examples]) -> str:
    """Return the digest of all that decides the weights of a run."""
    request = asdict(fitter.asked) | {"start": None, "budget": fitter.asked.budget}
    if fitter.asked.start is not None:
        request["start"] = bundle.read(fitter.asked.start).digest
    digests = [part.digest.hexdigest() for part in parts]
    decided = [digests, fitter.contents, asdict(fitter.settings), request, fitter.place.dtype]
    return hashlib.blake2b(orjson.dumps(decided), digest_size=16).hexdigest()
