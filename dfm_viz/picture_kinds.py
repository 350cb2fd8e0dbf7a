"""Files that are no picture read here: what they seem to be, and how to make one of them."""

from __future__ import annotations

import struct

_RAW = "Export it as JPEG with the camera's software or a raw developer"
_DICOM = "Export it as PNG from the viewer"
_MAGICK = "Convert it to PNG, for example with ImageMagick: magick FILE picture.png"
_RASTER = "Save it as PNG with the program that made it"

# First bytes, what follows "is" in a sentence, how to convert ("" where there is no picture in it).
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", ""),
    (b"II*\x00\x10\x00\x00\x00CR", "a raw photo (Canon CR2)", _RAW),
    (b"FUJIFILMCCD-RAW", "a raw photo (Fujifilm RAF)", _RAW),
    (b"IIU\x00", "a raw photo (Panasonic RW2)", _RAW),
    (b"IIRO", "a raw photo (Olympus ORF)", _RAW),
    (b"IIRS", "a raw photo (Olympus ORF)", _RAW),
    (b"MMOR", "a raw photo (Olympus ORF)", _RAW),
    (b"II+\x00", "a TIFF picture (BigTIFF)", _MAGICK),
    (b"MM\x00+", "a TIFF picture (BigTIFF)", _MAGICK),
    (b"PK\x03\x04", "a ZIP archive (or an office document)", ""),
    (b"\x1f\x8b", "a gzip archive", ""),
    (b"8BPS", "a Photoshop picture", _RASTER),
    (b"gimp xcf", "a GIMP picture", _RASTER),
    (b"\x00\x00\x01\x00", "an icon file", ""),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture", _MAGICK),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _MAGICK),
    (b"\xff\x0a", "a JPEG XL picture", _MAGICK),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", _MAGICK),
    (b"qoif", "a QOI picture", _MAGICK),
    (b"v/1\x01", "an OpenEXR picture", _MAGICK),
    (b"#?RADIANCE", "a Radiance HDR picture", _MAGICK),
    (b"SIMPLE  =", "a FITS picture", _MAGICK),
    (b"\x7fELF", "a program", ""),
    (b"MZ", "a program", ""),
    (b"\x80\x02", "a Python pickle", ""),
    (b"\x80\x04", "a Python pickle", ""),
    (b"\x93NUMPY", "a NumPy array file", ""),
)
_NETPBM = {
    **dict.fromkeys((b"P1", b"P4"), "a PBM picture"),
    **dict.fromkeys((b"P2", b"P5"), "a PGM picture"),
    **dict.fromkeys((b"P3", b"P6"), "a PPM picture"),
    b"P7": "a PAM picture",
}
_NOT_TEXT = frozenset(range(32)) - {9, 10, 12, 13, 27}
_MAKERS = (
    (b"NIKON", "Nikon NEF"),
    (b"SONY", "Sony ARW"),
    (b"PENTAX", "Pentax PEF"),
    (b"SAMSUNG", "Samsung SRW"),
)
_DNG_VERSION = 50706
_MAKE, _SUB_IFDS = 271, 330


def describe(data: bytes) -> tuple[str, str]:
    """Say in words what a file that is not a supported picture seems to be.

    Args:
        data: The whole file or its beginning; not empty.

    Returns:
        What follows "is" in a sentence, such as "a text file"; and how to convert it, a sentence
        without its full stop, or "" where it holds no picture.
    """
    if data[4:8] == b"ftyp":
        return _boxed(data)
    if data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI "):
        return "a sound or video file", ""
    if data[128:132] == b"DICM":
        return "a DICOM picture", _DICOM
    for magic, phrase, advice in _FOREIGN:
        if data.startswith(magic):
            return phrase, advice
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        raw = _raw_tiff(data)
        return (f"a raw photo ({raw})", _RAW) if raw else ("a TIFF picture", _MAGICK)
    if data[:2] in _NETPBM and data[2:3] in (b"\n", b"\r", b" ", b"\t"):
        return _NETPBM[data[:2]], _MAGICK
    return _written(data[:4096])


def _boxed(data: bytes) -> tuple[str, str]:
    """Files of ISO boxes name their brand, then others that they are compatible with."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return "an AVIF picture", _MAGICK
    if data[8:12] == b"crx ":
        return "a raw photo (Canon CR3)", _RAW
    if brands & {b"mif1", b"msf1", b"j2ki", b"jpeg", b"vvic", b"evbi", b"avci"}:
        return "a HEIF picture of a rare coding", _MAGICK
    return "a video or an unknown photo format", ""


def _raw_tiff(data: bytes) -> str | None:
    """Raw photos of many cameras are TIFF files; their first directory tells."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        entries = {}
        for number in range(min(count, 200)):
            tag, _, size, value = struct.unpack_from(f"{order}HHII", data, at + 2 + 12 * number)
            entries[tag] = (size, value)
    except struct.error:
        return None
    if _DNG_VERSION in entries:
        return "DNG"
    size, value = entries.get(_MAKE, (0, 0))
    make = data[value : value + min(size, 40)].upper()
    # Scanners write their maker too; only raw photos keep further pictures in sub-directories.
    named = (name for maker, name in _MAKERS if make.startswith(maker))
    return next(named, None) if _SUB_IFDS in entries else None


def _written(head: bytes) -> tuple[str, str]:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and b"<svg" in text[:2048] and b"<html" not in text[:2048]:
        return "an SVG drawing", "Export it as PNG from the drawing program or a browser"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page", ""
    if not set(head) & _NOT_TEXT:
        return "a text file", ""
    return "of an unknown kind", ""
