"""The chunks of a PNG file that its pixels need and that Pillow refuses or reads otherwise.

Pillow calls a sound file damaged when one of its texts or its colour profile unpacks to more than
1 MB, and takes a transparent colour of 16 bits for one of 8.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

_MAX_PROFILE = 8 * 2**20  # bytes, unpacked
_MAX_TEXT = 1_000_000
_MAX_TEXTS = 16_000_000  # all together: 20 MB of packed texts may unpack to 20 GB

_GREY, _RGB = 0, 2


@dataclass(frozen=True)
class Chunks:
    """What a PNG file says beside its pixels.

    Attributes:
        data: the file as Pillow may read it; the same pixels.
        depth: bits per sample.
        rgb: whether pixels are red, green and blue without a palette or alpha.
        key: the transparent colour as stored, one value per channel, or None.
        profile: the colour profile; None: there is none; empty: it cannot be unpacked.
    """

    data: bytes
    depth: int
    rgb: bool
    key: tuple[int, ...] | None
    profile: bytes | None


def read_chunks(data: bytes) -> Chunks:
    """Look at every chunk once and leave out what Pillow would stumble over.

    Args:
        data: the whole file, which starts as PNG files do; damage behind that is left to the
            decoder.
    """
    depth, colour = data[24], data[25]
    key, profile = None, None
    kept: list[tuple[int, int]] = []
    texts, at, start = 0, 8, 0
    while at + 8 <= len(data):
        length, tag = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            break
        body = data[at + 8 : end - 4] if tag in _LOOKED_AT else b""
        drop = False
        if tag == b"iCCP":
            packed = body.partition(b"\0")[2][1:]
            profile, drop = _unpacked(packed, _MAX_PROFILE) or b"", True
        elif tag == b"tRNS" and colour in (_GREY, _RGB):
            mask = 2**depth - 1
            words = [int.from_bytes(body[i : i + 2], "big") & mask for i in range(0, len(body), 2)]
            if len(words) == (1 if colour == _GREY else 3):
                key = tuple(words)
            drop = colour == _RGB and depth == 16
        elif (text := _text(tag, body)) is not None:
            out = None if texts > _MAX_TEXTS else _unpacked(text, _MAX_TEXT)
            texts += _MAX_TEXT if out is None else len(out)
            drop = out is None
        if drop:
            kept.append((start, at))
            start = end
        at = end
    if kept:
        data = b"".join([*(data[a:b] for a, b in kept), data[start:]])
    return Chunks(data, depth, colour == _RGB, key, profile)


_LOOKED_AT = frozenset({b"iCCP", b"tRNS", b"zTXt", b"iTXt"})


def _text(tag: bytes, body: bytes) -> bytes | None:
    """The packed part of a text chunk; None for other chunks and texts that are not packed."""
    rest = body.partition(b"\0")[2]
    if tag == b"zTXt":
        return rest[1:]
    if tag == b"iTXt" and rest[:1] == b"\1":
        return rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return None


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """The unpacked bytes; None if they are damaged or more than `most`."""
    try:
        out = zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return None
    return out if len(out) <= most else None
