"""Align with a CTC network: one of phones, or one of letters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emocli.encoders.ctc_model import CtcModel
from emocli.errors import RecordError
from emocli.pipeline import live
from emocli.records import Record
from emocli.signals import ctc_alignment, ctc_words, pronunciation
from emocli.signals.ctc_words import Unit
from emocli.signals.phones import Span
from emocli.signals.pocketsphinx_aligner import HINT
from emocli.signals.word_aligner import Alignment
from emocli.stages.align.options import AlignOptions

if TYPE_CHECKING:
    from emocli.signals.audio import Samples

Align = Callable[["Samples", Sequence[str], str], Alignment]

MISFIT_NATS = 2.0  # a frame below the likeliest symbol; our choice, not calibrated on a model
EDGE_S = 0.04  # of a blank at the border of a word that goes to the word (our choice)


def prepared(options: AlignOptions) -> tuple[Align, Record]:
    """Return the function that aligns, and the `alignment` fields that describe the model."""
    model, about = _loaded(str(options.model), options.device, options.offline)
    limit = MISFIT_NATS if options.max_misfit is None else options.max_misfit
    return functools.partial(align, model, limit), dict(about)


@functools.lru_cache(1)
def _loaded(name: str, device: str, offline: bool) -> tuple[CtcModel, Record]:
    from emocli import hub
    from emocli.encoders import ctc_model
    from emocli.pipeline import devices

    folder, revision = hub.locate(name, offline=offline)
    with live.during(f"loading {Path(name).name}"):
        model = ctc_model.load(folder, devices.pick(device))
    about = {
        "aligner": "ctc",
        "model": Path(name).name if Path(name).is_dir() else name,
        "revision": revision,
        "pronunciation": f"espeak-ng {pronunciation.version()}",
    }
    return model, about


def align(
    model: CtcModel, max_misfit: float, samples: Samples, words: Sequence[str], language: str
) -> Alignment:
    """Return the sounds of words; RecordError cannot_align if text and audio disagree."""
    from emocli.encoders import ctc_model

    units = ctc_words.units(words, model.symbols, language)
    if not units:
        raise RecordError("cannot_align", "the model has no symbols for this text", hint=HINT)
    tokens, places = _with_delimiters(units, ctc_words.delimiter(model.symbols))
    log_probs = ctc_model.log_probs(model, samples)
    path = ctc_alignment.best_path(log_probs, tokens, model.blank)
    if path.misfit > max_misfit:
        message = f"text and audio disagree: misfit {path.misfit:.1f} nats a frame"
        raise RecordError(
            "cannot_align", f"{message}, above the limit of {max_misfit:g}", hint=HINT
        )
    frames = ctc_alignment.runs(path.places, len(tokens))
    times = [(a * model.frame_s, b * model.frame_s) for a, b in (frames[i] for i in places)]
    end_s = len(log_probs) * model.frame_s
    spans = ctc_alignment.stretched(times, [unit.word for unit in units], EDGE_S, end_s)
    if ctc_words.kind(model.symbols) == ctc_words.PHONES:
        return Alignment(_of_sounds(units, spans), [], path.misfit)
    return Alignment(_of_letters(units, spans, words, language), [], path.misfit)


def _with_delimiters(units: Sequence[Unit], delimiter: int | None) -> tuple[list[int], list[int]]:
    """Return the tokens to align, and the index of each unit among them."""
    tokens: list[int] = []
    places = []
    for index, unit in enumerate(units):
        if delimiter is not None and index and units[index - 1].word != unit.word:
            tokens.append(delimiter)
        places.append(len(tokens))
        tokens.append(unit.symbol)
    return tokens, places


def _of_sounds(units: Sequence[Unit], spans: Sequence[tuple[float, float]]) -> list[Span]:
    """Return the sounds of phone symbols; a sound of several symbols ends with the last one."""
    phones: list[Span] = []
    for unit, (start, end) in zip(units, spans, strict=True):
        if unit.sounds:
            sound = unit.sounds[0]
            phones.append(Span(sound.ipa, start, end, unit.word, sound.stress))
        else:
            phones[-1] = phones[-1]._replace(end=end)
    return phones


def _of_letters(
    units: Sequence[Unit],
    spans: Sequence[tuple[float, float]],
    words: Sequence[str],
    language: str,
) -> list[Span]:
    phones: list[Span] = []
    for word, sounds in enumerate(pronunciation.pronounce(words, language)):
        indices = [i for i, unit in enumerate(units) if unit.word == word]
        letters = [units[i].letter for i in indices]
        timed = ctc_words.sounds_of_letters(letters, [spans[i] for i in indices], sounds)
        phones += [Span(sound.ipa, a, b, word, sound.stress) for sound, a, b in timed]
    return phones
