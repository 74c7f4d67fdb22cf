"""Make ids, and find a duplicate among any number of records, in bounded memory."""

from __future__ import annotations

from array import array
from typing import Any

from emocli.errors import MalformedError, printable
from emocli.io import temporary
from emocli.records import validation

BUCKETS = 256  # a power of two
BUCKET_NUMBERS = 256  # numbers a bucket holds in memory: 2 KiB, 0.5 MiB in all

EXACT = 1 << 53  # up to here every integer is a number of its own as a float, too
MASK = (1 << 64) - 1


def exact(key: Any) -> Any:
    """Return what only equal ids of the same type have in common: -1 and "-1", 1 and true differ.

    1 and 1.0 are the same, since pandas writes the integers of a column with a gap as 1.0. Python's
    own comparison says that 1 is true, and its hashes that -1 is -2.
    """
    if type(key) is float and key.is_integer() and abs(key) <= EXACT:
        key = int(key)
    return key if type(key) is str else (type(key).__name__, repr(key))


def repeated(key: Any, hint: str = "a record must not count twice") -> MalformedError:
    """Return the error of an id that two records have."""
    return MalformedError(f"the id {printable(str(key))} occurs twice", hint=hint)


class Numbered:
    """Gives names that occur once: a number is appended to one that occurred before."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}  # by hash, to keep memory low

    def __call__(self, name: str) -> str:
        """Return a name that was not returned before."""
        unique, number = name, self._seen.get(hash(name), 0)
        while hash(unique) in self._seen:
            number += 1
            unique = f"{name}#{number}"
        self._seen[hash(name)] = max(number, 1)
        self._seen.setdefault(hash(unique), 1)
        return unique


class UniqueIds:
    """The ids so far, by their hash, in memory; None is no id."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def add(self, key: Any) -> None:
        """Raise MalformedError for an id that came before."""
        digest = hash(exact(key))
        if key is not None and digest in self._hashes:
            raise repeated(key)
        self._hashes.add(digest)


class Ids:
    """Ids by their 64-bit hash, in buckets that are written to a temporary file when full."""

    def __init__(self) -> None:
        self.count = 0
        self.problems: list[str] = []  # ids that are neither strings nor numbers
        self.buckets = [array("Q") for _ in range(BUCKETS)]
        self.positions: list[array[int]] = [array("Q") for _ in range(BUCKETS)]
        self.file: Any = None

    def add(self, key: Any) -> None:
        """Note the id of the next record; None stands for a record without an id."""
        self.count += 1
        if type(key) is not str:
            if key is None:
                return
            if problem := validation.unnamed({"id": key}):
                self.problems.append(f"record {self.count}: {problem.message}")
        digest = hash(exact(key)) & MASK
        bucket = self.buckets[digest & (BUCKETS - 1)]
        bucket.append(digest)
        bucket.append(self.count)
        if len(bucket) >= BUCKET_NUMBERS:
            self._spill(digest & (BUCKETS - 1))

    def _spill(self, index: int) -> None:
        if self.file is None:
            self.file = temporary.file()
        self.positions[index].append(self.file.tell())
        self.buckets[index].tofile(self.file)
        del self.buckets[index][:]

    def check(self) -> None:
        """Raise MalformedError naming two records with the same id, if any; call it last, once."""
        try:
            self._check()
        finally:
            if self.file is not None:
                self.file.close()

    def _check(self) -> None:
        for index in range(BUCKETS):
            numbers = self._all(index)
            first: dict[int, int] = {}
            for digest, number in zip(numbers[::2], numbers[1::2], strict=True):
                if first.setdefault(digest, number) != number:
                    hint = "--like FILE names duplicates and keeps the first"
                    raise repeated(f"of records {first[digest]} and {number}", hint)

    def _all(self, index: int) -> array[int]:
        numbers: array[int] = array("Q")
        for position in self.positions[index]:
            self.file.seek(position)
            numbers.fromfile(self.file, BUCKET_NUMBERS)
        numbers.extend(self.buckets[index])
        return numbers
