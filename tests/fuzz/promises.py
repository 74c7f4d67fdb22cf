"""What has to hold after every example; each broken promise has a name and a cause."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from emocli.errors import ExitStatus
from tests.fuzz.examples import MARK, Broken, Example, Outcome

Record = dict[str, Any]
DOCUMENTED = {int(s) for s in ExitStatus} - {
    ExitStatus.INTERRUPTED,
    ExitStatus.TERMINATED,
    ExitStatus.CLOSED_PIPE,
}
MOST_MB = 1500.0
NEAR = 1e-3  # batches of other members change the last digits
# What a terminal obeys, and what turns the direction of a text; a line feed may stand there.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def broken(example: Example, outcome: Outcome, whole: Outcome | None) -> list[Broken]:
    """Return the promises that an example broke; `whole` is what the unchanged input gave."""
    if outcome.ended:
        return [Broken("ends", outcome.ended)]
    found = [*_errors(outcome), *_streams(example, outcome), *_place(outcome)]
    if outcome.traceback:
        return found
    if example.json_out:
        records, bad = _parsed(outcome.stdout)
        if bad:
            return [*found, Broken("stdout is records", repr(bad[:80]))]
        found += _told(example, outcome, records)
        found += _in_order(example, outcome, records)
        if whole:
            found += _neighbours(example, records, _parsed(whole.stdout)[0])
    if whole and example.same:
        found += _same(outcome, whole)
    return list(dict.fromkeys(found))


def _errors(outcome: Outcome) -> list[Broken]:
    found = [Broken("no unexpected error", cause(text)) for text in outcome.unexpected]
    if outcome.traceback:
        found.append(Broken("no traceback", cause(outcome.traceback)))
    elif "Traceback (most" in outcome.stderr + outcome.leaked:
        found.append(Broken("no traceback", cause(_last(outcome.stderr + outcome.leaked))))
    elif outcome.status == ExitStatus.MEMORY:
        found.append(Broken("memory is bounded", cause(outcome.stderr)))
    elif outcome.status not in DOCUMENTED:
        found.append(Broken("a documented exit status", str(outcome.status)))
    if outcome.grown_mb > MOST_MB:
        found.append(Broken("memory is bounded", "it grew beyond the limit"))
    return found


def cause(text: str) -> str:
    """Return a message without its values, so that like causes are alike."""
    text, _, place = text.strip().rpartition(" at ") if " at emocli/" in text else (text, "", "")
    text = re.sub(r"(['\"]).*?\1", "'…'", text[:400], flags=re.DOTALL)
    text = re.sub(r"-?\d[\d.e+]*", "N", text)
    return f"{printable(text)[:120]}{' at ' + place if place else ''}"


def printable(text: str) -> str:
    """Return a text on one line, with whatever a terminal obeys escaped."""
    return text.encode("unicode_escape", "backslashreplace").decode()


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _streams(example: Example, outcome: Outcome) -> list[Broken]:
    found = []
    if not outcome.traceback:
        sent = outcome.stderr + outcome.leaked
        if not example.json_out:
            sent += outcome.stdout.decode("utf-8", "replace") if b"\0" not in outcome.stdout else ""
        if match := CONTROLS.search(sent):
            before = sent[max(0, match.start() - 30) : match.start()]
            found.append(Broken("nothing raw to the terminal", cause(before.split("\n")[-1])))
        if "Warning: " in sent:
            line = next(line for line in sent.splitlines() if "Warning: " in line)
            found.append(Broken("no warning of Python", re.sub(r"^.*/(emocli|site)", r"\1", line)))
        elif outcome.leaked.strip():
            found.append(Broken("nothing beside the streams", cause(outcome.leaked[:200])))
    return found


def _place(outcome: Outcome) -> list[Broken]:
    return [Broken("writes only where it should", cause(text)) for text in outcome.wrote]


def _parsed(stdout: bytes) -> tuple[list[Record], bytes]:
    records = []
    for line in stdout.split(b"\n")[:-1]:
        try:
            record = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return records, line
        if not isinstance(record, dict):
            return records, line
        records.append(record)
    rest = stdout.rpartition(b"\n")[2]
    return records, rest


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _told(example: Example, outcome: Outcome, records: list[Record]) -> list[Broken]:
    """Say if a failure left no trace, or one of the run was told of each record."""
    new = [r["error"] for r in records if _failed_here(r)]
    found = []
    if outcome.status == 0 and any(new):
        found.append(Broken("the status says that a record failed", str(new[0].get("code"))))
    if outcome.status and not new and not outcome.stderr.strip():
        found.append(Broken("a failure is told", f"status {outcome.status}, stderr empty"))
    if example.run_ends and outcome.status == ExitStatus.FAILED and not outcome.unexpected:
        code = cause(f"{new[0].get('code')}: {new[0].get('message')}") if new else "status 1"
        found.append(Broken("what is wrong with the model ends the run", code))
    return found


def _failed_here(record: Record) -> bool:
    error = record.get("error")
    return isinstance(error, dict) and {"stage", "code", "message", "hint"} == set(error)


def _in_order(example: Example, outcome: Outcome, records: list[Record]) -> list[Broken]:
    if example.marks is None:
        return []
    got = tuple(r.get(MARK) for r in records)
    complete = outcome.status in (ExitStatus.OK, ExitStatus.FAILED)
    wanted = example.marks if complete else example.marks[: len(got)]
    if got == wanted:
        return []
    return [Broken("N in, N out, in order", f"{len(got)} of {len(wanted)}, {outcome.status}")]


def _neighbours(example: Example, records: list[Record], whole: list[Record]) -> list[Broken]:
    """Say if a record that nobody touched came out otherwise than without the others' changes."""
    expected = {r.get(MARK): r for r in whole}
    for record in records:
        mark = record.get(MARK)
        if mark in example.whole and not near(record, expected.get(mark)):
            return [Broken("a bad record costs its neighbours nothing", _differs(record, expected))]
    return []


def _differs(record: Record, expected: dict[Any, Record]) -> str:
    other = expected.get(record.get(MARK)) or {}
    keys = [k for k in {**other, **record} if not near(record.get(k), other.get(k))]
    detail = ""
    if "error" in keys and isinstance(record.get("error"), dict):
        detail = f": {record['error'].get('code')}"
    return f"fields {', '.join(sorted(keys))}{detail}"


def near(a: Any, b: Any) -> bool:
    """Return whether two values are equal, numbers nearly."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=NEAR, abs_tol=NEAR)
    return bool(a == b)


def _same(outcome: Outcome, whole: Outcome) -> list[Broken]:
    if outcome.status != ExitStatus.OK or outcome.same == whole.same:
        return []
    return [Broken("the output is that of a run in one go", "other bytes")]
