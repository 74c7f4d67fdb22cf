"""A sample of what `python -m tests.fuzz` does: mutated input through every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import strategies as st

from emocli import datasets, models
from emocli.cli import registry
from emocli.stages.segment import turn_files
from tests.fuzz import examples, kinds, promises, records, values, worker
from tests.fuzz.examples import Example, Outcome, Target, Task
from tests.fuzz.pool import Pool
from tests.fuzz.whole_records import samples

SEED = 20261129
FEW = 5  # examples of each kind in `make test`: a few seconds
MANY = 2000  # in `make test-all`
TOGETHER = 25
SMALL = 2  # the first examples of a round are small ones


def chosen(targets: list[Target], count: int) -> list[Example]:
    """Return the first examples of every target; of every so many-th if there are more of them."""
    each, some = divmod(count, len(targets))
    extra = {i * len(targets) // some for i in range(some)} if some else set()
    found = []
    for i, target in enumerate(targets):
        wanted = each + (i in extra)
        rounds = -(-wanted // examples.ROUND)
        most = min(wanted + SMALL, examples.ROUND)
        many = [e for r in range(rounds) for e in examples.drawn(target, SEED, r, most)]
        found += many[-wanted:] if wanted else []
    return found


def broken(pool: Pool, several: list[Example], wholes: dict[str, Outcome]) -> list[str]:
    """Run examples; return what was broken, and the lines that repeat it."""
    parts = [several[i : i + TOGETHER] for i in range(0, len(several), TOGETHER)]
    done = list(pool.run(Task(part, [wholes[e.target] for e in part]) for part in parts))
    assert len(done) == len(several)
    return [f"{b.promise}: {b.cause}\n    {e.again}" for e, _, found in done for b in found]


def run_whole(pool: Pool, targets: list[Target]) -> tuple[dict[str, Outcome], list[str]]:
    """Return what unchanged input gives, and what of it is not well: it would hide the changes."""
    results = list(pool.run([Task([target.whole for target in targets])]))
    sick = [
        f"{example.argv}: {outcome.status}: {outcome.stderr[-300:]} {found}"
        for example, outcome, found in results
        if found or not kinds.is_well(example, outcome)
    ]
    return {t.name: o for t, (_, o, _) in zip(targets, results, strict=True)}, sick


def of_kind(targets: list[Target], kind: str) -> list[Target]:
    return [target for target in targets if target.kind == kind]


def test_mutated_input_through_every_command_breaks_no_promise() -> None:
    # One test, since making the whole records and models takes longer than a hundred examples.
    with Pool(1) as pool:
        targets = list(kinds.targets(pool.base))
        every_command_is_there(targets)
        every_reader_and_model_is_there(targets)
        every_field_is_changed(next(t for t in targets if t.name == "records/merge"))
        wholes, wrong = run_whole(pool, targets)
        few = [e for kind in kinds.names() for e in chosen(of_kind(targets, kind), FEW)]
        wrong += broken(pool, few, wholes) + pool.changed()
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.names())
def test_two_thousand_mutations_of_a_kind_break_no_promise(kind: str) -> None:
    with Pool(1) as pool:
        targets = of_kind(list(kinds.targets(pool.base)), kind)
        wholes, wrong = run_whole(pool, targets)
        wrong += broken(pool, chosen(targets, MANY), wholes) + pool.changed()
    assert not wrong, "\n".join(wrong)


def every_command_is_there(targets: list[Target]) -> None:
    found = {" ".join(records.command_of(t.name.partition("/")[2])) for t in targets}
    for name in ("augment", "plot"):
        inner = getattr(registry.load(name), "commands", {})
        assert {f"{name} {each}" for each in inner} <= found
    read = {t.whole.argv[0] for t in targets if t.kind == records.KIND}
    assert read == set(registry.names()) - set(records.OTHERS)
    assert {t.whole.argv[0] for t in targets} == set(registry.names())


def every_reader_and_model_is_there(targets: list[Target]) -> None:
    names = {t.name for t in targets}
    turns = {name.lower() for name in names if " --segments " in name}
    assert {f"files/extract-audio --segments {kind[1:]}" for kind in turn_files.READERS} <= turns
    assert {f"files/dataset {name}" for name in datasets.names()} <= names
    assert {f"bundles/predict {name}" for name in models.names()} <= names
    assert {f"configs/train {name}" for name in models.names()} <= names


def every_field_is_changed(target: Target) -> None:
    drawn = (e for r in range(40) for e in examples.drawn(target, SEED, r))
    text = " ".join(c for example in drawn for c in example.changes)
    missing = {path[0] for path, _ in samples() if not re.search(rf"[: ]\.{path[0]}\b", text)}
    assert not missing


def number() -> Target:
    """A target whose examples are numbers."""
    whole = Example(["merge"])
    draw = st.integers(0, 10**9).map(lambda n: Example(["merge", str(n)]))
    return Target("records/merge", whole, draw)


def test_the_same_seed_draws_the_same_examples() -> None:
    first = examples.drawn(number(), 7, 1)
    assert first == examples.drawn(number(), 7, 1)
    assert first != examples.drawn(number(), 8, 1)
    assert len({e.argv[1] for e in first}) > examples.ROUND // 2
    assert [e.number for e in first] == list(range(examples.ROUND, 2 * examples.ROUND))
    assert examples.example(number(), 7, first[3].number) == first[3]


WHOLE = Outcome(0, b'{"fuzz_mark": 0, "x": 1}\n{"fuzz_mark": 1}\n')
PAIR = Example(["merge"], marks=(0, 1), whole=(0,))
ALONE = WHOLE.stdout.replace(b'"x": 1', b'"x": 2')
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
        ("a bad record costs its neighbours nothing", Outcome(0, ALONE)),
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
        ("import os; os.write(1, b'beside')", "beside"),
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
