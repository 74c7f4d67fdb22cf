"""Tell a recording from text by its first bytes, without reading further than the first line.

A stream of records or paths is answered line by line, so a byte is read only while what came so
far may still become a recording. Text has no control characters: where the name of a format is a
word, such as OggS, what follows it in a file, but in no text, is part of its signature.
"""

from __future__ import annotations

from typing import BinaryIO

ANY = ord("?")
# Of the formats that ffmpeg reads, by https://www.iana.org/assignments/media-types and the pages of
# https://wiki.multimedia.cx; "?" is any byte.
SIGNATURES = (
    *(b"RIFF????" + kind for kind in (b"WAVE", b"AVI ", b"RMP3")),
    b"RF64????WAVE",
    b"BW64????WAVE",
    b"RIFX????WAVE",
    *(b"FORM????" + kind for kind in (b"AIFF", b"AIFC", b"8SVX")),
    *(b"fLaC" + first for first in (b"\0\0", b"\x80\0")),  # STREAMINFO, the last block or not
    b"OggS\0",
    *(b"ID3" + version for version in (b"\2", b"\3", b"\4")),
    # MPEG 1, 2 and 2.5: layer III and II, with and without a checksum; ADTS. (ff fe is UTF-16.)
    *(bytes((0xFF, second)) for second in (0xFA, 0xFB, 0xFC, 0xFD, 0xF2, 0xF3, 0xF4, 0xF5)),
    *(bytes((0xFF, second)) for second in (0xE2, 0xE3, 0xF0, 0xF1, 0xF8, 0xF9)),
    *(b"\0???" + atom for atom in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    b"\x1aE\xdf\xa3",  # Matroska and WebM
    b"caff\0\1",
    b".snd\0",
    b"0&\xb2u",  # ASF: wma and wmv
    b"riff\x2e\x91\xcf\x11",  # Wave64
    b"#!AMR\n",
    b"#!AMR-WB\n",
    b"NIST_1A\n",  # SPHERE
    b"Creative Voice File\x1a",
    b".SoX?\0",  # what sox writes into pipes
    b"nut/multimedia container\0",
    b"FLV\1",
    b"\x0bw",  # AC-3
    b"\0\0\1\xba",  # MPEG program stream
    *(b"G" + table for table in (b"@\0", b"`\0", b"@\x11", b"\x1f\xff")),  # MPEG transport stream
    *(b"wvpk???\0", b"MPCKSH", b"TTA1\1\0"),  # WavPack, Musepack, True Audio
)
FIRST = frozenset(signature[0] for signature in SIGNATURES)


def start(stream: BinaryIO) -> bytes:
    """Take the bytes from a stream that decide whether it is a recording; a byte or two of text."""
    head = stream.read(1)
    if not head or head[0] not in FIRST:
        return head
    alive = list(SIGNATURES)
    while alive := [signature for signature in alive if _fits(head, signature)]:
        if any(len(signature) == len(head) for signature in alive):
            break
        if not (byte := stream.read(1)):
            break
        head += byte
    return head


def is_sound(head: bytes) -> bool:
    r"""Say whether these are the first bytes of a recording.

    >>> is_sound(b"OggS\0\2"), is_sound(b"OggStuff/a.ogg"), is_sound(b"{")
    (True, False, False)
    """
    return any(len(head) >= len(known) and _fits(head, known) for known in SIGNATURES)


def _fits(head: bytes, signature: bytes) -> bool:
    """Say whether a head is, begins or continues a signature."""
    return all(s in (byte, ANY) for byte, s in zip(head, signature, strict=False))
