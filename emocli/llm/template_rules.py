"""What a template must have: the faults of its contents, in words."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template as Pattern
from typing import Any

from emocli.llm import answers

PLAIN, THOUGHT = "plain", "thought"  # forms of an answer
CLOSING = f"</{answers.THINK}>"  # of a thought
# The names in each table, and the fields that each text may name.
TEXTS: dict[str, dict[str, set[str]]] = {
    "format": {PLAIN: {"labels"}, THOUGHT: {"labels"}},
    "user": {
        "context": {"turns"},
        "turn": {"speaker", "text"},
        "text": {"speaker", "text"},
        "summary": {"speaker", "text"},
        "vowels": {"speaker", "text"},
    },
    "answer": {PLAIN: {"answer"}, THOUGHT: {"thought", "answer"}},
}


def fault(contents: Mapping[str, Any]) -> str:
    """Return the first fault of a template's contents, "" if it has none."""
    for key in ("name", "system"):
        if not isinstance(contents.get(key), str):
            return f"no text {key}"
    for table, texts in TEXTS.items():
        listed = contents.get(table)
        if isinstance(listed, Mapping) and (more := set(listed) - set(texts)):
            return f"{table} has no text {min(more)}"
        for key, known in texts.items():
            text = listed.get(key) if isinstance(listed, Mapping) else None
            if not isinstance(text, str):
                return f"no text {table}.{key}"
            if unknown := set(Pattern(text).get_identifiers()) - known:
                return f"{table}.{key} names ${min(unknown)}"
    if wrong := _answer_fault(contents["answer"]):
        return wrong
    if not _is_list_of_texts(contents.get("labels", [])):
        return "labels is not a list of words"
    if wrong := _numbers_fault(contents.get("numbers")):
        return wrong
    prior = contents.get("prior") or {}
    if not isinstance(prior, Mapping):
        return "prior is not a table"
    wrong = next((rule for rule, listed in prior.items() if not _is_list_of_texts(listed)), "")
    return f"prior.{wrong} is not a list of texts" if wrong else ""


def _answer_fault(texts: Mapping[str, str]) -> str:
    for form in (PLAIN, THOUGHT):
        if "$answer" not in texts[form]:
            return f"answer.{form} has no $answer"
    if "$thought" not in texts[THOUGHT].partition("$answer")[0]:
        return f"answer.{THOUGHT} has no $thought before $answer"
    filled = Pattern(texts[THOUGHT]).safe_substitute(thought="Because.", answer="joy")
    problem = answers.parse(filled).problem
    return f"answer.{THOUGHT} is not read as a thought and an answer: {problem}" if problem else ""


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _numbers_fault(numbers: Any) -> str:
    if numbers is None:
        return ""
    sides = [numbers.get(k) for k in ("least", "most", "step")] if hasattr(numbers, "get") else []
    if not sides or any(not isinstance(side, int | float) for side in sides):
        return "numbers has no least, most and step"
    least, most, step = sides
    return "" if step > 0 and least < most else "numbers: least, most and step make no range"
