"""A sample of what `python -m tests.fuzz` does: mutated input through every command."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from emocli import datasets, models
from emocli.cli import registry
from emocli.errors import ExitStatus
from tests.fuzz import examples, kinds, promises, records, values, worker
from tests.fuzz.examples import Example, Outcome, Target, Task
from tests.fuzz.material import Base, samples
from tests.fuzz.pool import Pool

SEED = 20261129
FEW = 60  # examples of each kind in `make test`; as many of each target as that gives
MANY = 2000  # in `make test-all`


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1) as opened:
        yield opened


@pytest.fixture(scope="module")
def targets(pool: Pool) -> list[Target]:
    return list(kinds.targets(pool.base))


def chosen(targets: list[Target], count: int) -> list[tuple[Target, list[Example]]]:
    """Return the first examples of every target, in all at least so many; of some, if it is few."""
    each, some = divmod(count, len(targets))
    step = len(targets) / some if some else 0.0
    extra = {int(i * step) for i in range(some)}
    found = []
    for i, target in enumerate(targets):
        wanted = each + (i in extra)
        rounds = (examples.drawn(target, SEED, r) for r in itertools.count())
        many = itertools.islice(itertools.chain.from_iterable(rounds), wanted)
        found.append((target, list(many)))
    return [(target, many) for target, many in found if many]


def keep_their_promises(pool: Pool, targets: list[Target], count: int) -> None:
    """Run examples; fail with what was broken, and the lines that repeat it."""
    several = chosen(targets, count)
    wholes = [o for _, o, _ in pool.run(Task([target.whole]) for target, _ in several)]
    tasks = (Task(many, whole) for (_, many), whole in zip(several, wholes, strict=True))
    lines = []
    done = 0
    for example, _, broken in pool.run(tasks):
        done += 1
        lines += [f"{b.promise}: {b.cause}\n    {example.again}" for b in broken]
    assert done >= count
    assert not pool.changed()
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("kind", kinds.names())
def test_a_sample_of_mutated_input_breaks_no_promise(
    kind: str, pool: Pool, targets: list[Target]
) -> None:
    keep_their_promises(pool, [t for t in targets if t.kind == kind], FEW)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.names())
def test_two_thousand_mutations_of_each_kind_break_no_promise(
    kind: str, pool: Pool, targets: list[Target]
) -> None:
    keep_their_promises(pool, [t for t in targets if t.kind == kind], MANY)


def test_every_command_that_exists_is_fuzzed(targets: list[Target]) -> None:
    read = {" ".join(records.command_of(t.name.partition("/")[2])) for t in targets}
    subcommands = {
        f"{name} {inner}"
        for name in ("augment", "plot")
        for inner in getattr(registry.load(name), "commands", {})
    }
    assert subcommands <= read
    commands = {t.whole.argv[0] for t in targets if t.kind == records.KIND}
    assert commands == set(registry.names()) - set(records.OTHERS)
    assert {t.whole.argv[0] for t in targets} == set(registry.names())


def test_every_reader_and_every_model_that_exists_is_fuzzed(targets: list[Target]) -> None:
    names = {t.name for t in targets}
    assert {f"files/dataset {name}" for name in datasets.names()} <= names
    assert {f"bundles/predict {name}" for name in models.names()} <= names
    assert {f"configs/train {name}" for name in models.names()} <= names


def test_every_field_of_the_schema_is_changed(targets: list[Target]) -> None:
    fields = {path[0] for path, _ in samples()}
    target = next(t for t in targets if t.name == "records/merge")
    drawn = (examples.drawn(target, SEED, r) for r in range(60))
    changed = {c.split(".")[1].split(" ")[0].split("[")[0] for r in drawn for e in r
               for c in e.changes if ": ." in c or ": without ." in c}  # fmt: skip
    assert fields <= changed


def test_the_unchanged_input_is_well(pool: Pool, targets: list[Target]) -> None:
    """Else nothing but the way to an error is fuzzed."""
    sick = [
        f"{example.argv}: {outcome.status}: {outcome.stderr[-300:]}"
        for example, outcome, broken in pool.run(Task([t.whole]) for t in targets)
        if broken or outcome.status not in (ExitStatus.OK, *MAY.get(example.argv[0], ()))
    ]
    assert not sick, "\n".join(sick)


def test_the_same_seed_draws_the_same_examples(targets: list[Target]) -> None:
    for target in (targets[0], targets[-1]):
        first = examples.drawn(target, 7, 1)
        assert first == examples.drawn(target, 7, 1)
        assert first != examples.drawn(target, 8, 1)
        assert examples.example(target, 7, first[3].number) == first[3]


MAY = {"doctor": (ExitStatus.MODEL,)}  # no model is installed where examples run
WHOLE = Outcome(0, b'{"fuzz_mark": 0, "x": 1}\n{"fuzz_mark": 1}\n')
PAIR = Example(["merge"], marks=(0, 1), whole=(0,))
ERROR = '"error": {"stage": "s", "code": "c", "message": "m", "hint": ""}'


@pytest.mark.parametrize(
    ("promise", "outcome"),
    [
        ("ends", Outcome(ended="hang")),
        ("no traceback", Outcome(None, traceback="KeyError: 'a' at emocli/x.py:3")),
        ("no unexpected error", Outcome(1, WHOLE.stdout, "x", unexpected=("KeyError at a",))),
        ("memory is bounded", Outcome(7, b"", "out of memory")),
        ("memory is bounded", Outcome(0, WHOLE.stdout, grown_mb=5000.0)),
        ("a documented exit status", Outcome(130, WHOLE.stdout, "x")),
        ("stdout is records", Outcome(0, b'{"fuzz_mark": NaN}\n')),
        ("stdout is records", Outcome(0, WHOLE.stdout + b"done")),
        ("nothing raw to the terminal", Outcome(1, WHOLE.stdout, "bad \x1b[31m")),
        ("nothing raw to the terminal", Outcome(1, WHOLE.stdout, "bad \u202e")),
        ("no warning of Python", Outcome(0, WHOLE.stdout, leaked="a.py:3: RuntimeWarning: x\n")),
        ("nothing beside the streams", Outcome(0, WHOLE.stdout, leaked="hello")),
        ("writes only where it should", Outcome(0, WHOLE.stdout, wrote=("open 'x'",))),
        ("a failure is told", Outcome(1, WHOLE.stdout)),
        ("N in, N out, in order", Outcome(0, WHOLE.stdout[:25])),
        ("N in, N out, in order", Outcome(0, b'{"fuzz_mark":1}\n{"fuzz_mark":0,"x":1}\n')),
        ("a bad record costs its neighbours nothing", Outcome(0, WHOLE.stdout.replace(b"1}", b"2}", 1))),
        (
            "the status says that a record failed",
            Outcome(0, WHOLE.stdout.replace(b'k": 1', f'k": 1, {ERROR}'.encode())),
        ),
    ],
)  # fmt: skip
def test_each_promise_can_be_broken(promise: str, outcome: Outcome) -> None:
    assert promises.broken(PAIR, WHOLE, WHOLE) == []
    assert promise in {b.promise for b in promises.broken(PAIR, outcome, WHOLE)}


def test_a_resumed_output_is_compared() -> None:
    resumed = Example(["prosody"], same="out/x")
    (broken,) = promises.broken(resumed, Outcome(0, same=b"a"), Outcome(0, same=b"b"))
    assert broken.promise == "the output is that of a run in one go"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("while True: pass", "hang"),
        ("import os; os.kill(os.getpid(), 11)", "died of signal 11, exit 0"),
        ("bytearray(8 << 30)", "MemoryError"),
        ("open('../elsewhere', 'w')", "elsewhere"),
        ("print('beside')", "beside"),
    ],
)
def test_the_worker_sees_what_goes_wrong(
    body: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emocli.cli import main

    (tmp_path / "base" / "store").mkdir(parents=True)
    monkeypatch.setattr(worker, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(main, "run", lambda *_: exec(body) or 0)
    (outcome,) = worker.forked([Example(["x"])], tmp_path / "w", tmp_path / "base")
    assert wanted in f"{outcome.ended} {outcome.traceback} {outcome.wrote} {outcome.leaked}"


def test_pieces_of_json_stand_as_they_are() -> None:
    assert values.dumps({"a": [values.Raw("1e999"), "\ud800"]}) == '{"a": [1e999, "\\ud800"]}'


def test_what_is_kept_can_be_found(tmp_path: Path) -> None:
    assert Base(tmp_path).files("nothing") == {}
