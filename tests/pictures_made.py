"""Encoded pictures for tests, made on the spot: good ones, strange ones, hostile ones."""

import io
import struct
import zlib

import numpy as np
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
