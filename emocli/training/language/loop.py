"""The loop that trains an adapter: steps on batches of records, by whatever objective.

The learning rate rises, then falls linearly to nothing at the end of the epochs or of the budget,
whatever comes first. Several processes compute their shares of a batch, and gradients are added.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from emocli.errors import ConfigError, UsageError
from emocli.llm import tuning
from emocli.records import Record
from emocli.training import checkpoints, distributed
from emocli.training.language.settings import Settings
from emocli.training.language.sharding import together
from emocli.training.state import Place

SAVE_SECONDS = 120.0  # between checkpoints; one is also written at each evaluation
EVALUATING = 0.2  # share of a budget that evaluations may take; our choice
HALF_A_STEP = 0.5  # what is left of a budget for less than this is not begun


class Objective(Protocol):
    """What is minimised: the loss of a batch, part by part."""

    def __call__(self, indices: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the terms of the loss of each part of a batch; their sum is the loss of it."""
        ...

    def told(self) -> dict[str, float]:
        """Return what else there is to log of the last batch."""
        ...


Evaluate = Callable[[], dict[str, float]]  # gives dev_loss, and figures to log


@dataclass
class Clock:
    """The time that training may take, in seconds; what a resumed run has had counts."""

    budget: float | None
    spent: float = 0.0

    def __post_init__(self) -> None:
        self.began = time.monotonic() - self.spent

    @property
    def elapsed(self) -> float:
        """Seconds since training began, without what lay between two runs."""
        return time.monotonic() - self.began


class Run:
    """An adapter in training: its optimiser, the steps so far, the best weights so far."""

    def __init__(
        self, network: Any, records: int, settings: Settings, place: Place, budget: float | None
    ) -> None:
        self.network, self.settings, self.place, self.records = network, settings, place, records
        self.weights = tuning.trained(network)
        self.optimiser = torch.optim.AdamW(
            self.weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.batch = min(settings.batch_size, records)
        self.per_epoch = max(1, records // self.batch)
        self.total = max(1, round(settings.epochs * self.per_epoch))
        self.step = 0
        self.clock = Clock(budget)
        self.slowest = 0.0  # seconds of an evaluation
        self.lines: list[Record] = []
        self.best: Record = {"step": 0, "dev_loss": float("inf")}
        self.state = self.copied()

    def copied(self) -> dict[str, Tensor]:
        """Return a copy of the weights in training."""
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Put weights in place of those in training."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state[name])

    @property
    def progress(self) -> float:
        """The share of training that is done: of the steps, or of the time if that is more."""
        share = self.step / self.total
        if self.clock.budget is None:
            return share
        left = max(self.clock.budget - self.slowest, 1e-9)
        return distributed.broadcast(max(share, self.clock.elapsed / left))

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        warm, done = self.settings.warm_up, min(self.progress, 1.0)
        rising = max(warm, 1 / self.total)
        share = (done + 1 / self.total) / rising if done < rising else (1 - done) / (1 - warm)
        return self.settings.learning_rate * min(1.0, max(share, 0.0))

    def order(self) -> Tensor:
        """Return the records of the next step: whole epochs in an order of their own."""
        epoch, place = divmod(self.step, self.per_epoch)
        seed = (self.settings.seed * 1_000_003 + epoch) % (1 << 63)
        order = torch.randperm(self.records, generator=torch.Generator().manual_seed(seed))
        return order[place * self.batch : (place + 1) * self.batch]

    def over(self) -> bool:
        """Say whether all steps are done, the time is up, or nothing gets better."""
        evaluated = [line for line in self.lines if "dev_loss" in line]
        waited = sum(line["step"] > self.best["step"] for line in evaluated)
        return self.progress >= 1.0 or waited >= self.settings.patience

    def note(self, figures: Record) -> None:
        """Keep the weights if they are the best so far."""
        if figures["dev_loss"] < self.best["dev_loss"]:
            self.best = {"step": self.step, "dev_loss": figures["dev_loss"]}
            self.state = self.copied()

    def save(self) -> None:
        """Write the checkpoint; of several processes only the first writes."""
        if self.place.checkpoint is None or distributed.world()[0]:
            return
        tensors = {
            **checkpoints.prefixed(self.copied(), "model"),
            **checkpoints.prefixed(self.state, "best"),
            **checkpoints.moments(self.optimiser),
            "torch": torch.get_rng_state(),
        }
        facts = {"run": self.place.run, "best": self.best, "lines": self.lines, "step": self.step}
        facts |= {"spent": self.clock.elapsed, "slowest": self.slowest}
        checkpoints.save(self.place.checkpoint, tensors, facts)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        file = self.place.checkpoint
        if not self.place.resume or file is None:
            return
        if file.exists():
            self._load(file)
        distributed.require_same(self.step, file)

    def _load(self, file: Any) -> None:
        tensors, facts = checkpoints.load(file)
        if facts["run"] != self.place.run:
            hint = "train without --resume, or with the same records, model and flags"
            raise ConfigError(f"{file} is of other records, flags or another model", hint=hint)
        try:
            self.load(checkpoints.under(tensors, "model"))
            self.state = checkpoints.under(tensors, "best")
            checkpoints.restore(self.optimiser, tensors)
            torch.set_rng_state(tensors["torch"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise checkpoints.damaged(file, error) from None
        self.best, self.lines, self.step = facts["best"], facts["lines"], facts["step"]
        if self.best["dev_loss"] is None:  # JSON has no infinity
            self.best["dev_loss"] = float("inf")
        self.clock, self.slowest = Clock(self.clock.budget, facts["spent"]), facts["slowest"]


def fit(
    run: Run, objective: Objective, evaluate: Evaluate, report: Callable[[Record], None]
) -> Record:
    """Train until all is done, time is up or nothing gets better; leave the best weights.

    `report` gets a dict for each step: step, epoch, learning_rate, the terms of the loss, what the
    objective tells, and at evaluations what `evaluate` gives. Returns the best one's step and
    dev_loss.
    """
    torch.manual_seed(run.settings.seed)
    run.resume()
    for line in run.lines:
        report(line)
    saved = time.monotonic()
    due = _evaluations_of(run, run.progress)
    while not run.over():
        line = _stepped(run, objective)
        done = run.progress
        if _evaluations_of(run, done) > due or done >= 1.0:
            line |= _evaluated(run, evaluate)
            due = _evaluations_of(run, done)
        run.lines.append(line)
        report(line)
        if "dev_loss" in line or time.monotonic() - saved > SAVE_SECONDS:
            run.save()
            saved = time.monotonic()
    if not run.best["step"]:
        raise UsageError(
            f"no dev loss of {run.step} steps is finite", hint="a smaller --learning-rate"
        )
    run.load({name: value.to(run.place.device) for name, value in run.state.items()})
    run.network.eval()
    return run.best


def _evaluations_of(run: Run, progress: float) -> int:
    """Return how many evaluations are due by then: fewer where they would eat up the budget."""
    count = run.settings.evaluations
    if run.clock.budget is not None and run.slowest:
        room = int(EVALUATING * run.clock.budget / run.slowest)
        count = int(distributed.broadcast(max(1, min(count, room))))
    return int(min(progress, 1.0) * count + 1e-9)


def _stepped(run: Run, objective: Objective) -> Record:
    """Take an optimiser step; return what there is to log of it."""
    rate, totals = run.rate(), dict[str, float]()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.zero_grad()
    run.network.train()
    for terms in objective(run.order()):
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        for name, value in terms.items():
            totals[name] = totals.get(name, 0.0) + float(value.detach())
    distributed.add_gradients(run.weights.values())
    if run.settings.clip_norm > 0:
        norm = nn.utils.clip_grad_norm_(run.weights.values(), run.settings.clip_norm)
        totals["gradient_norm"] = float(norm)
    run.optimiser.step()
    run.step += 1
    about = {"step": run.step, "epoch": round(run.step / run.per_epoch, 4), "learning_rate": rate}
    return {**about, **_summed(totals), **objective.told(), "seconds": round(run.clock.elapsed, 1)}


def _summed(totals: dict[str, float]) -> dict[str, float]:
    """Return the terms of the loss over all processes, and their sum if there are several."""
    terms = {n: distributed.add(v) for n, v in totals.items() if n != "gradient_norm"}
    more = {n: v for n, v in totals.items() if n == "gradient_norm"}
    parts = {f"train_{n}": v for n, v in terms.items()} if len(terms) > 1 else {}
    return {"train_loss": sum(terms.values()), **parts, **more}


def _evaluated(run: Run, evaluate: Evaluate) -> dict[str, float]:
    began = time.monotonic()
    run.network.eval()
    with together(run.network):
        figures = evaluate()
    figures["dev_loss"] = distributed.broadcast(figures["dev_loss"])
    run.slowest = max(run.slowest, time.monotonic() - began)
    run.note(figures)
    return figures
