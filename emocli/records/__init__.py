"""The record: one utterance, one JSON object, one line. Plain dicts, never converted."""

from emocli.records.decoding import MAX_DEPTH as MAX_DEPTH
from emocli.records.decoding import MAX_LINE_BYTES as MAX_LINE_BYTES
from emocli.records.jsonl import dumps as dumps
from emocli.records.jsonl import modality_text as modality_text
from emocli.records.jsonl import name_of as name_of
from emocli.records.jsonl import of_path as of_path
from emocli.records.jsonl import parse as parse
from emocli.records.jsonl import path_of as path_of
from emocli.records.jsonl import read as read
from emocli.records.jsonl import require as require
from emocli.records.types import Record as Record
