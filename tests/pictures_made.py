"""Encoded pictures for tests, made on the spot: good ones, strange ones, hostile ones."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width=40, height=60, seed=0):
    array = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(array)


def chunk(tag, data):
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def raw_png(width, height, depth, colour, rows, extra=b""):
    """A PNG written by hand: any size may be declared, whatever the data say."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows, 9))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + extra + body + chunk(b"IEND", b"")


def one_bit_bomb(side=12000):
    """About 17 kB on disk, 1.5 GB decoded to RGB and floats."""
    return raw_png(side, side, 1, 0, (b"\0" + b"\0" * (side // 8)) * side)


def jpeg_declaring(width, height):
    """A small JPEG whose frame header claims another size."""
    data = bytearray(encode(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def gif_with_large_frame(width=60000, height=60000):
    """A 10 x 10 GIF whose first frame claims to be far larger than the screen."""
    data = bytearray(encode(Image.new("P", (10, 10)), "GIF"))
    at = data.index(b"\x2c", 13 + 3)
    data[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def webp_declaring(width, height):
    """Only the header of an extended WebP of that size."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def keyed_png(depth, colour, rows, key):
    """One row of pixels with a transparent colour; rows: without the filter byte."""
    width = len(rows) * 8 // (depth * (3 if colour == 2 else 1))
    extra = chunk(b"tRNS", np.array(key, ">u2").tobytes())
    return raw_png(width, 1, depth, colour, b"\0" + rows, extra)


def heic(image, **options):
    """A HEIC photo as phones make them."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, **options)
    return buffer.getvalue()


SRGB = ((0.4361, 0.3851, 0.1431), (0.2225, 0.7169, 0.0606), (0.0139, 0.0971, 0.7142))
P3 = ((0.5151, 0.2920, 0.1571), (0.2412, 0.6922, 0.0666), (-0.0011, 0.0419, 0.7841))
"""Red, green and blue of a space as columns of XYZ under D50, as their profiles have them."""


def profile(name, space=b"RGB ", gamma=2.2, matrix=SRGB):
    """A small ICC profile, version 2: of RGB, of grey, or a CMYK printer that only knows black."""

    def fixed(*numbers):
        return b"".join(struct.pack(">i", round(x * 65536)) for x in numbers)

    text = name.encode() + b"\0"
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
    }
    if space == b"RGB ":
        for letter, column in zip((b"r", b"g", b"b"), zip(*matrix, strict=True), strict=True):
            tags[letter + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*column)
            tags[letter + b"TRC"] = curve
    elif space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        ramp = bytes(range(256))
        grid = bytes([255, 128, 128]) + bytes([0, 128, 128]) * 15  # any ink at all: black
        head = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        tags[b"A2B0"] = head + ramp * 4 + grid + ramp * 3
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    kind, pcs = (b"prtr", b"Lab ") if space == b"CMYK" else (b"mntr", b"XYZ ")
    head = struct.pack(">I4sI", at + len(body), bytes(4), 0x02100000) + kind + space + pcs
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""How an upright picture is stored under each value of EXIF's orientation."""
