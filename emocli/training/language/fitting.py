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

from emocli.bundles import bundle, language, soft_streams
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.encoders import causal_language_model, language_adapter
from emocli.errors import UsageError
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import GREEDY, Turn, Utterance
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import voice_levels
from emocli.stages.language_predictor import answering
from emocli.training import distributed
from emocli.training.examples import Examples
from emocli.training.language import corpus as corpora
from emocli.training.language import grpo, rewarded, sft, sharding, soft, watching
from emocli.training.language.corpus import Asking, Part
from emocli.training.language.loop import Evaluate, Objective, Run, fit
from emocli.training.language.settings import GRPO, NONE, Request, Settings
from emocli.training.language.trained import Trained
from emocli.training.state import Place

Made = TypeVar("Made")


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
        network = self.trained(train)
        model = replace(self.backbone, network=network.language)
        asking = Asking(model, self.spec, self.asked.rationale)
        asking.soft = network.soft
        objective, evaluate, count = self._objective(model, asking, train, dev)
        run = Run(network, count, self.settings, self.place, self.seconds)
        return network, fit(run, objective, evaluate, report)

    def trained(self, train: Part) -> Trained:
        """Return what is trained: an adapter and soft tokens, new ones or those of the start."""
        network = self.backbone.network
        warnings.filterwarnings("ignore", module="transformers")  # about how peft calls it
        whole = Trained(self._adapted(network), self._soft(network, train))
        if self.settings.recompute:
            tuning.recompute(network)
        for weight in tuning.trained(whole).values():
            weight.data = weight.data.to(self.place.device)
        return whole

    def _adapted(self, network: Any) -> Any:
        start, chosen = self.asked.start, self.settings
        if start is not None and language.require_adapter(bundle.read(start)):
            library = language_adapter.library()
            return library.PeftModel.from_pretrained(network, start, is_trainable=True)
        if not chosen.rank:
            return network
        library = language_adapter.library()
        return tuning.adapted(network, library, chosen.rank, chosen.alpha, chosen.dropout)

    def _soft(self, network: Any, train: Part) -> Any:
        if "soft" not in self.contents:
            return None
        if self.asked.start is not None:
            module = soft_streams.load(bundle.read(self.asked.start), "cpu")
        else:
            module = soft.begun(self.contents, network, soft.filed(train))
        return module.to(self.place.device)

    def _objective(
        self, model: LanguageModel, asking: Asking, train: Part, dev: Part
    ) -> tuple[Objective, Evaluate, int]:
        if self.asked.objective == GRPO:
            if asking.soft is not None:
                hint = "train it with --objective sft"
                raise UsageError("--objective grpo reads words only, not soft tokens", hint=hint)
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
    rows = soft.rows(asking.soft, Part(train.corpus, kept), fitter.place.device)
    if rows:
        rows.dropout = chosen.modality_dropout
        head = train.corpus.head(fitter.spec)
        rows.targets = train.corpus.examples.targets.tensor([head])[kept]
    objective = sft.Supervised(model, examples, weights, chosen, rows)
    numbers = sample(dev.numbers, chosen.dev_records)
    if asking.rationale == NONE and fitter.spec.labels:
        return (
            objective,
            watching.choosing(asking, Part(dev.corpus, numbers), fitter.place.device),
            len(kept),
        )
    there, held = _kept(fitter, asking.example, Part(dev.corpus, numbers))
    beside = soft.rows(asking.soft, Part(dev.corpus, there), fitter.place.device)

    def evaluate() -> dict[str, float]:
        return {"dev_loss": sft.loss(model, held, chosen.part_size, beside)}

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
