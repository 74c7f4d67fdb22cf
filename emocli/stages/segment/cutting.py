"""Cut one recording at its pauses, or at fixed times, while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from emocli import records
from emocli.errors import ModelError, RecordError
from emocli.modalities.audio import SOUND, decoded, span_of
from emocli.pipeline import live
from emocli.records import Record, missing, problems
from emocli.signals import audio, sound_faults, sound_stream, speech_presence
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded
from emocli.signals.flows import About, Kept, Values
from emocli.signals.sixteen_bits import scaled
from emocli.stages.segment import memory, pieces
from emocli.stages.segment.memory import Found
from emocli.stages.segment.recordings import NAME, Cutter, Parts, place_of
from emocli.stages.segment.ways import FIXED

LISTED = 5  # pieces that are named
NO_SPEECH = {
    "stage": NAME,
    "code": missing.NO_SPEECH,
    "message": "nobody speaks in the recording",
    "hint": "--segment none takes it as a whole",
}


class Recording:
    """One recording, and the records that it becomes."""

    def __init__(self, cutter: Cutter, record: Record, path: str, length_s: float | None) -> None:
        self.cutter, self.record, self.length_s = cutter, record, length_s
        self.place = place_of(path)
        self.made = Parts(record, self.place)
        self.about, self.kept = About(), Kept()
        self.problem: RecordError | None = None  # that ended the reading
        self.unspoken: list[str] = []  # times of pieces left out: coughs, squeaks, music

    def parts(self) -> Iterator[Record]:
        """Yield the segments, each as soon as it is found, and then a record of what is lost."""
        if span_of(self.record) != (None, None):
            yield from self._of_span()
            return
        found = memory.recall(self.cutter.store, self.place, self.cutter.way)
        if found is None:
            yield from self._search()
            return
        self.cutter.grow()
        for span in found.spans:
            yield self.made.part(*span)
        yield from self._rest(found)

    def _search(self) -> Iterator[Record]:
        blocks: Iterator[Values] = self._read()
        if self.length_s is None:
            first, is_short = self._beginning(blocks)
            if is_short:
                yield self._whole(first)
                return
            blocks = chain(first, blocks)
        found = Found([], 0.0, None, None)
        for start, end in pieces.find(blocks, self.kept, self.cutter.way):
            times = (round(start / SAMPLE_RATE_HZ, 3), round(end / SAMPLE_RATE_HZ, 3))
            sound = self._sound(times)
            if self._is_spoken(sound.samples, times):
                self.cutter.grow()
                found.spans.append(times)
                yield self.made.part(*times) | {SOUND: sound}
        if not self.kept.end:
            yield self.record  # the stage says what is wrong with it
            return
        warning = sound_faults.told(self.about.warnings)
        seconds = self.kept.end / SAMPLE_RATE_HZ
        found = found._replace(seconds=seconds, claimed_s=self.about.claimed_s, warning=warning)
        changed = self._change()
        if not (self.problem or changed):
            memory.keep(self.cutter.store, self.place, self.cutter.way, found)
        yield from self._rest(found)
        if changed:
            yield {**self.made.whole, "error": problems.described(NAME, changed)}

    def _read(self) -> Iterator[Values]:
        """Yield the blocks of the file; what ends them early is noted."""
        try:
            read = 0
            for block in sound_stream.blocks(self.place.path, self.about):
                read += len(block)
                live.reading(str(self.record.get("path")), read / SAMPLE_RATE_HZ, self.length_s)
                yield block
        except RecordError as error:
            self.problem = error
        except OSError as error:
            self.problem = RecordError("not_readable", f"cannot be read: {error.strerror}")

    def _beginning(self, blocks: Iterator[Values]) -> tuple[list[Values], bool]:
        """Return blocks of more than a short recording has, or all; and whether these are all."""
        first: list[Values] = []
        most = self.cutter.way.longest_s * SAMPLE_RATE_HZ
        for block in blocks:
            first.append(block)
            if sum(map(len, first)) > most:
                return first, False
        return first, sum(map(len, first)) <= most

    def _whole(self, blocks: list[Values]) -> Record:
        """Return a short recording as it is; a pipe cannot be read again, so with its sound."""
        if not blocks or self.place.regular:
            return self.record
        values, warning = Kept.joined(blocks), sound_faults.told(self.about.warnings)
        sound = Decoded(values, self.about.channels, self.about.decoder, warning)
        return {**self.record, SOUND: sound}

    def _sound(self, times: tuple[float, float]) -> Decoded:
        start, end = (round(second * SAMPLE_RATE_HZ) for second in times)
        values = self.kept.piece(start, end)
        return Decoded(values, self.about.channels, self.about.decoder, None)

    def _is_spoken(self, values: Values, times: tuple[float, float]) -> bool:
        """Say whether somebody speaks in a piece; what finds pieces is easily content."""
        if self.cutter.way.kind == FIXED:
            return True
        try:
            found_s = speech_presence.seconds(scaled(values))
        except ModelError:
            return True
        spoken = speech_presence.enough(found_s, len(values) / SAMPLE_RATE_HZ)
        if not spoken:
            self.unspoken.append("{:.2f}-{:.2f} s".format(*times))
        return spoken

    def _change(self) -> RecordError | None:
        """Return the error of a file that is another one than at the beginning; tell if it is gone.

        What was read of a file that is gone is not lost.
        """
        try:
            if place_of(self.place.path) == self.place:
                return None
        except RecordError as error:
            self._say(f"gone while it was read ({error.message})")
            return None
        message = "the file has changed while it was read"
        return RecordError("changed", message, hint="run the command again")

    def _rest(self, found: Found) -> Iterator[Record]:
        """Tell what is wrong with the recording; yield a record of what could not be read."""
        lost = self.problem
        if self.unspoken and found.spans:
            listed = ", ".join(self.unspoken[:LISTED])
            more = f" and {len(self.unspoken) - LISTED} more" if self.unspoken[LISTED:] else ""
            self._say(f"left out, since no voice is certain there: {listed}{more}")
        if lost is None and found.claimed_s is not None:
            message = found.warning or "the sound ends before the header says"
            lost = RecordError("decode_failed", message, hint="the file may be truncated")
        elif found.warning:
            self._say(found.warning)
        if not found.spans and self.cutter.way.kind != FIXED and lost is None:
            record = dict(self.record)
            missing.lose(record, dict(NO_SPEECH), "audio")
            yield record
        if lost:
            claimed_s = max(found.claimed_s or self.length_s or 0.0, found.seconds)
            record = self.made.named(round(found.seconds, 3), round(claimed_s, 3))
            yield record | {"error": problems.described(NAME, lost)}

    def _say(self, text: str) -> None:
        self.cutter.say(f"{records.name_of(self.record)}: {text}")

    def _of_span(self) -> Iterator[Record]:
        """Yield the segments of a record that is itself a part of a file, decoded as a whole."""
        try:
            recording, offset = decoded(self.record), span_of(self.record)[0] or 0.0
        except RecordError:  # which the stage says
            yield self.record
            return
        values = audio.quantise(recording.samples)
        found = [*pieces.find(iter([values]), self.kept, self.cutter.way)]
        self.cutter.grow()
        for piece in found:
            first, last = (round(offset + n / SAMPLE_RATE_HZ, 3) for n in piece)
            start, end = (round((second - offset) * SAMPLE_RATE_HZ) for second in (first, last))
            sound = Decoded(values[start:end], recording.channels, recording.decoder, None)
            yield self.made.part(first, last) | {SOUND: sound}
        yield from self._rest(Found([*found], recording.duration, None, recording.warning))
