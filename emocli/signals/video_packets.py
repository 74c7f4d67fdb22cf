"""The packets of the picture in a media file, from any of them on, through PyAV."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli.signals import video_faults
from emocli.signals.video_film import NO_TICKS, Film, Packets, Source, film

if TYPE_CHECKING:
    import av

    Packet = av.Packet[av.VideoStream]

KEPT_BYTES = 16 * 2**20  # of packets that are kept after the survey: those of a clip. Our choice.
FAR = 256  # packets that are rather read than jumped over: about a group of pictures. Our choice.

LIMITS = {
    "format_whitelist": video_faults.FORMATS,
    "protocol_whitelist": "none",
    "max_pixels": str(video_faults.MAX_PIXELS),
}


class Feed:
    """The packets of the first video stream of a file; `place` is the number of the next one.

    The file is opened here and given to FFmpeg without its name, which could mean a protocol, or a
    list of numbered files.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._kept: list[Packet] | None = None
        self._jumps = True  # as long as jumps lead to where they should
        self._film: Film | None = None
        self._open()
        self.size = (self.stream.codec_context.width, self.stream.codec_context.height)

    def _open(self) -> None:
        import av

        self._file = Path(self._path).open("rb", buffering=0)  # noqa: SIM115 - `close` does
        try:
            self._file.name = "film"
            self.container = av.open(self._file, "r", options=LIMITS, metadata_errors="replace")
            self.stream = self._first_stream()
        except BaseException:
            self._file.close()
            raise
        self.place = 0
        self._packets: Iterator[Packet] = self.container.demux(self.stream)
        self._held: Packet | None = None
        context = self.stream.codec_context
        context.thread_count = 1
        context.options = {"max_pixels": LIMITS["max_pixels"]}

    def _first_stream(self) -> av.VideoStream:
        """Return the first film or picture in the file; RecordError where there is none."""
        import av

        kinds = av.stream.Disposition
        streams = self.container.streams
        covers = kinds.attached_pic | kinds.timed_thumbnails
        films = [s for s in streams.video if not s.disposition & covers]
        if not films:
            raise video_faults.no_picture(sound=bool(streams.audio), cover=bool(streams.video))
        if films[0].disposition & kinds.dependent:
            raise video_faults.tiled()
        if films[0].codec_context is None or films[0].time_base is None:
            raise ValueError("of no known codec")
        for stream in streams:
            if stream is not films[0]:
                stream.discard = av.stream.Discard.all
        return films[0]

    def source(self) -> Source:
        """Return what the header says."""
        import av

        width, height = self.size
        if not (width and height):  # ffmpeg's log says why
            raise ValueError("of no known size")
        video_faults.require_size(width, height)
        length = self.container.duration
        return Source(
            self.container.format.name,
            width,
            height,
            Fraction(self.stream.time_base or 1),
            self.container.start_time or 0,
            None if length is None else length / 1e6,
            f"ffmpeg {av.ffmpeg_version_info} (PyAV {av.__version__})",
        )

    def survey(self) -> Film:
        """Read all packets; ValueError where there is none."""
        source, kept = self.source(), _Kept()
        packets = Packets.of(_row(packet) for packet in kept.passing(self._rest()))
        if packets.hidden.all():
            raise ValueError("no packets")
        self._kept = kept.packets
        return film(source, packets)

    def _rest(self) -> Iterator[Packet]:
        """Yield the packets from here to the end, or to where the file is broken."""
        import av

        try:
            for packet in self._packets:
                if packet.size:
                    self.place += 1
                    yield packet
        except av.error.FFmpegError:
            return

    def next(self) -> Packet | None:
        """Return the next packet, None at the end."""
        if self._kept is not None:
            packet = self._kept[self.place] if self.place < len(self._kept) else None
            self.place += packet is not None
            return packet
        if self._held is not None:
            packet, self._held = self._held, None
            self.place += 1
            return packet
        return next(self._rest(), None)

    def go(self, place: int, film: Film) -> None:
        """Go to the packet at a place, which is that of a key frame or the first one."""
        if self._kept is not None:
            self.place = place
            return
        if place < self.place or place - self.place > FAR:
            self._jump(place, film)
        while self.place < place and self.next() is not None:
            pass

    def _jump(self, place: int, film: Film) -> None:
        """Go to a place or before it: by the index if it leads there, else to the beginning."""
        import av

        key = bisect.bisect_left(film.key_places, place)
        if self._jumps and not film.by_number and key < len(film.key_places):
            ticks = film.key_dts[key] if film.key_dts[key] != NO_TICKS else film.key_ticks[key]
            try:
                self.container.seek(int(ticks), stream=self.stream)
                if self._found(place, film):
                    return
            except av.error.FFmpegError:
                pass
            self._jumps = False
        self.close()
        self._open()

    def _found(self, place: int, film: Film) -> bool:
        """Look at the next key packet: say whether it is one of the film, and not after a place."""
        self._packets, self._held = self.container.demux(self.stream), None
        for packet in self._rest():
            if packet.is_keyframe and packet.pts is not None:
                key = bisect.bisect_left(film.key_ticks, packet.pts)
                if key == len(film.key_ticks) or film.key_ticks[key] != packet.pts:
                    return False
                self.place, self._held = int(film.key_places[key]), packet
                return self.place <= place
        return False

    def data_end_s(self) -> float:
        """Return when the last packet of any stream ends, from the start of the file."""
        other, end_s = Feed(self._path), 0.0
        try:
            import av

            for stream in other.container.streams:
                stream.discard = av.stream.Discard.default
            packets: Any = other.container.demux()
            other._packets = packets
            for packet in other._rest():
                if packet.pts is not None and packet.time_base is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    end_s = max(end_s, float(end))
        finally:
            other.close()
        return end_s - (self.container.start_time or 0) / 1e6

    def flush(self) -> None:
        """Forget what was decoded: what follows begins at a key frame."""
        self.stream.codec_context.flush_buffers()

    def close(self) -> None:
        """Close the file."""
        self.container.close()
        self._file.close()


class _Kept:
    """Packets that are kept as they pass, all of them or none."""

    def __init__(self) -> None:
        self.packets: list[Packet] | None = []
        self._bytes = 0

    def passing(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        """Yield packets, and keep them if they are few."""
        for packet in packets:
            self._bytes += packet.size
            if self._bytes > KEPT_BYTES:
                self.packets = None
            if self.packets is not None:
                self.packets.append(packet)
            yield packet


def _row(packet: Packet) -> tuple[int, int, int, bool, bool]:
    pts = NO_TICKS if packet.pts is None else packet.pts
    dts = NO_TICKS if packet.dts is None else packet.dts
    return pts, dts, packet.duration or 0, packet.is_keyframe, packet.is_discard
