"""What a file is and how large its picture would be, read from its first bytes, nothing decoded.

A 17 kB PNG may unpack to 1.5 GB. Size and kind are therefore taken from the header by these few
lines, before any library touches the data.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SUPPORTED = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# Kinds that people do upload by mistake, so that the message can name them.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "an icon file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array file"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"mif1", b"msf1"), "a HEIC photo"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}


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
    return None


_BMP_HEADERS = frozenset(struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124))


def describe(data: bytes) -> str:
    """Say in words what a file that is not a supported picture seems to be.

    Args:
        data: The whole file or its beginning; not empty.

    Returns:
        What follows "is" in a sentence, such as "a text file".
    """
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video or an unknown photo format")
    if data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI "):
        return "a sound or video file"
    for magic, phrase in _FOREIGN:
        if data.startswith(magic):
            return phrase
    head = data[:4096]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and b"<svg" in text[:2048] and b"<html" not in text[:2048]:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if not set(head) & _NOT_TEXT:
        return "a text file"
    return "of an unknown kind"


_NOT_TEXT = frozenset(range(32)) - {9, 10, 12, 13, 27}


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


_SIZES = {"PNG": _png, "GIF": _gif, "BMP": _bmp, "WEBP": _webp, "JPEG": _jpeg}
