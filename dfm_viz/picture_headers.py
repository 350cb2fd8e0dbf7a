"""What a file is and how large its picture would be, read from its first bytes, nothing decoded.

A 17 kB PNG may unpack to 1.5 GB. Size and kind are therefore taken from the header by these few
lines, before any library touches the data.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SUPPORTED = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
"""Kinds that Pillow itself reads; HEIC is read too, by pillow-heif."""

_HEVC = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
)  # photos and sequences that phones make
_GENERAL = frozenset((b"mif1", b"mif2", b"msf1", b"miaf"))  # any coding: the others listed tell


@dataclass(frozen=True)
class Header:
    """Kind of a picture file and the size that its header declares, in pixels."""

    kind: str
    width: int
    height: int


def sniff(data: bytes) -> str | None:
    """Name the supported picture kind of ``data`` by its first bytes, or None."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    # "BM" alone is also how a sentence may begin: the next header's size decides.
    if data[:2] == b"BM" and data[14:18] in _BMP_HEADERS:
        return "BMP"
    if _is_heic(data):
        return "HEIC"
    return None


_BMP_HEADERS = frozenset(struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124))


def _is_heic(data: bytes) -> bool:
    """Whether the brand is HEVC's, or a general one that lists HEVC's."""
    if data[4:8] != b"ftyp":
        return False
    brand, end = data[8:12], min(int.from_bytes(data[:4], "big"), 256)
    others = {data[at : at + 4] for at in range(16, end, 4)}
    return brand in _HEVC or (brand in _GENERAL and bool(others & _HEVC))


def read_header(data: bytes) -> Header | None:
    """Read kind and size from the header.

    Args:
        data: The whole file.

    Returns:
        The header, or None if ``data`` is not of a supported kind.

    Raises:
        ValueError: The kind is known but the header is cut off or contradicts itself.
    """
    kind = sniff(data)
    if kind is None:
        return None
    try:
        width, height = _SIZES[kind](data)
    except (struct.error, IndexError):
        raise ValueError("the header is cut off") from None
    if width < 1 or height < 1:
        raise ValueError(f"the header declares {width} x {height} pixels")
    return Header(kind, width, height)


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError("the header is damaged")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # negative: rows stored top down


def _webp(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return (
            1 + int.from_bytes(data[24:27], "little") if len(data) >= 30 else 0,
            1 + int.from_bytes(data[27:30], "little") if len(data) >= 30 else 0,
        )
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("the header is damaged")


# Start-of-frame markers carry the size; C4, C8 and CC lie in their range but mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise ValueError("the header is cut off")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return width, height
        if marker in (0xD9, 0xDA):
            raise ValueError("the header is damaged")
        if marker not in _BARE and marker != 0:
            (length,) = struct.unpack_from(">H", data, at)
            at += max(length, 2)


def _heic(data: bytes) -> tuple[int, int]:
    """The largest size that any part declares: tiles, thumbnails and the picture itself."""
    sizes, at = [(0, 0)], 0
    while (at := data.find(b"\0\0\0\x14ispe", at)) >= 0:
        width, height = struct.unpack_from(">II", data, at + 12)
        sizes.append((width, height))
        at += 8
    return max(sizes, key=lambda size: size[0] * size[1])


_SIZES = {"HEIC": _heic, "PNG": _png, "GIF": _gif, "BMP": _bmp, "WEBP": _webp, "JPEG": _jpeg}
