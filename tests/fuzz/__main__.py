"""`python -m tests.fuzz --minutes 10 [--seed N] [--only TARGET] [--example K] [--keep DIR]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz import examples, kinds, promises
from tests.fuzz.examples import Broken, Example, Outcome, Target, Task
from tests.fuzz.pool import Pool


class Report:
    """Counts examples and failures by kind; prints each new cause once, and how to repeat it."""

    def __init__(self, keep: Path) -> None:
        self.keep = keep
        self.examples: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.causes: Counter[tuple[str, str, str]] = Counter()
        self.seconds = time.monotonic()

    def note(self, example: Example, outcome: Outcome, broken: list[Broken]) -> None:
        """Count an example; keep its input if it broke a promise in a new way."""
        kind, _, command = example.target.partition("/")
        self.examples[kind] += 1
        self.failures[kind] += bool(broken)
        for each in broken:
            cause = (each.promise, command.split()[0], each.cause)
            self.causes[cause] += 1
            if self.causes[cause] == 1:
                folder = self._kept(example, outcome)
                print(f"{example.target}: {each.promise}: {each.cause}")
                print("    " + "; ".join(map(promises.printable, example.changes))[:500])
                print(f"    {example.again}\n    input: {folder}", flush=True)

    def _kept(self, example: Example, outcome: Outcome) -> Path:
        name = f"{example.target}-{example.number}".replace("/", "-").replace(" ", "-")
        folder = self.keep / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stdin").write_bytes(example.stdin)
        for file, data in example.files.items():
            if data is not None:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(data)
        about = {"argv": example.argv, "changes": example.changes, "status": outcome.status}
        (folder / "about.json").write_text(json.dumps(about, indent=1))
        (folder / "stdout").write_bytes(outcome.stdout)
        said = outcome.stderr + outcome.leaked
        (folder / "stderr").write_text(said, errors="surrogateescape")
        return folder

    def summary(self, seed: int) -> None:
        """Print counts by kind, and causes by how often they occurred."""
        seconds = time.monotonic() - self.seconds
        print(f"\nseed {seed}, {sum(self.examples.values())} examples in {seconds:.0f} s")
        for kind, count in sorted(self.examples.items()):
            print(f"{kind:10} {count:7} examples, {self.failures[kind]:6} failures")
        for (promise, command, cause), count in self.causes.most_common():
            print(f"{count:6}  {command}: {promise}: {cause}")


def endless(
    targets: list[Target], seed: int, until: float, given: dict[str, Outcome]
) -> Iterator[Task]:
    """Yield rounds of all targets in turn until the time is up."""
    round_ = 0
    while True:
        for target in targets:
            if time.monotonic() > until:
                return
            found = examples.drawn(target, seed, round_)
            yield Task(found, [given[target.name]] * len(found))
        round_ += 1


TOGETHER = 25  # unchanged inputs of a task


def wholes(pool: Pool, targets: list[Target]) -> dict[str, Outcome]:
    """Return what the unchanged input of every target gives; say which of them is not well."""
    plain = [target.whole for target in targets]
    tasks = (Task(plain[i : i + TOGETHER]) for i in range(0, len(plain), TOGETHER))
    found = {}
    for target, (_, outcome, wrong) in zip(targets, pool.run(tasks), strict=True):
        if wrong or not kinds.is_well(target.whole, outcome):
            said = outcome.stderr[-600:] + outcome.ended
            print(f"{target.name}: fails unchanged: {outcome.status} {wrong}\n{said}")
        found[target.name] = outcome
    return found


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose name begins so, or has the word")
    parser.add_argument("--example", type=int, help="this one alone")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that failed")
    parser.add_argument("--list", action="store_true", help="list the targets")
    return parser.parse_args()


def main() -> int:
    """Fuzz; return 1 if a promise was broken."""
    flags = options()
    keep = flags.keep or Path(tempfile.mkdtemp(prefix="emocli-fuzz-failures-"))
    with Pool(flags.jobs) as pool:
        targets = chosen(kinds.targets(pool.base), flags.only, exactly=flags.example is not None)
        if flags.list:
            print("\n".join(t.name for t in targets))
            return 0
        given = wholes(pool, targets)
        report = Report(keep)
        until = time.monotonic() + 60 * flags.minutes
        todo = endless(targets, flags.seed, until, given)
        if flags.example is not None:
            ones = ((t, examples.example(t, flags.seed, flags.example)) for t in targets)
            todo = (Task([one], [given[t.name]]) for t, one in ones)
        for result in pool.run(todo):
            report.note(*result)
        changed = pool.changed()
        if changed:
            print(f"the inputs were changed: {', '.join(changed)}")
    report.summary(flags.seed)
    return int(bool(report.causes or changed))


def chosen(targets: Iterator[Target], only: str, *, exactly: bool) -> list[Target]:
    """Return the targets of a name: all of it, its beginning, a kind or a command."""
    every = list(targets)
    same = [t for t in every if t.name == only]
    if same or exactly:
        return same
    found = [t for t in every if only in t.name]
    if not found:
        raise SystemExit(f"no target {only}; --list shows them")
    return found


if __name__ == "__main__":
    sys.exit(main())
