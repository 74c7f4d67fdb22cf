"""Do what mostly waits, such as asking a server, several times at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def concurrently(
    function: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> list[Result]:
    """Return the results in the order of the items; an error ends it once what has begun is done.

    So what a server has answered is not lost.
    """
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="emocli-asking")
    try:
        futures = [pool.submit(function, item) for item in items]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)
