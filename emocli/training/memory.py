"""A lack of memory while training, told with what helps: what a batch takes can be chosen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from emocli.errors import OutOfMemoryError, lack_of_memory


@contextlib.contextmanager
def enough(hint: str) -> Iterator[None]:
    """Raise OutOfMemoryError with a hint in place of an error that means a lack of memory."""
    try:
        yield
    except Exception as error:
        lacking = lack_of_memory(error)
        if lacking is None or isinstance(lacking, OutOfMemoryError):
            raise
        first = str(lacking).strip().split("\n")[0][:200] or type(lacking).__name__
        raise OutOfMemoryError(first, hint=hint) from error
