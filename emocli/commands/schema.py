"""Print the JSON Schema of the record, for validators, editors and other languages.

Writes one JSON document (draft 2020-12), generated from the types in emocli/records/types.py.
Fields that it does not name are allowed: they pass through every filter unchanged.

Example:
    emocli schema > record.schema.json
"""

from __future__ import annotations

from emocli.cli import options
from emocli.errors import ExitStatus
from emocli.records.schema import schema


def command() -> int:
    """Print the JSON Schema of the record."""
    import orjson

    streams = options.standard_streams()
    streams.stdout.write(orjson.dumps(schema(), option=orjson.OPT_INDENT_2) + b"\n")
    streams.stdout.flush()
    return ExitStatus.OK
