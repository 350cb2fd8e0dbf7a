"""From a decoded image of any mode to upright sRGB pixels of 8 bits, on white."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dfm_viz.picture_chunks import Chunks
from dfm_viz.picture_colours import BROKEN, to_srgb

MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
    | {"I;16", "I;16L", "I;16B", "I;16N"}
)
"""Pillow's modes whose values have a range that is known."""
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
# A picture of 16 bits that uses no more than so many of them looks dark, or nearly black.
_DARK_BITS, _BLACK_BITS = 14, 12
_FILL = 128  # what the JPEG decoder puts where a file ends too early, give or take 1


@dataclass(frozen=True)
class Look:
    """How pixels are to be.

    Attributes:
        size: width and height before turning.
        turn: EXIF orientation, 1 to 8.
        stretch: whether the brightest of 16-bit values becomes white.
        chunks: of the PNG file that the image is from.
    """

    size: tuple[int, int]
    turn: int = 1
    stretch: bool = False
    chunks: Chunks | None = None


@dataclass(frozen=True, eq=False)
class Pixels:
    """Upright pixels.

    Attributes:
        rgb: (H, W, 3) uint8.
        notes: what was done to them that a person should know.
        deep: whether they were made from values of 16 bits.
        stretchable: whether those are so small that stretching helps.
    """

    rgb: NDArray[np.uint8]
    notes: tuple[str, ...] = ()
    deep: bool = False
    stretchable: bool = False


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is unreadable."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the pixels worse
        return 1
    return value if value in _TURN else 1


def missing_rows(image: Image.Image) -> float:
    """Share of rows at the end of a decoded JPEG that hold only what the decoder fills in."""
    values = np.asarray(image)
    rows = len(values)
    missing = 0
    while missing < rows:
        row = values[rows - 1 - missing].astype(np.int16)
        if np.abs(row - _FILL).max() > 1:
            break
        missing += 1
    return missing / rows


def to_pixels(image: Image.Image, look: Look) -> Pixels:
    """Convert to sRGB on white, reduce to the size asked for, turn upright."""
    notes: list[str] = []
    profile = look.chunks.profile if look.chunks else image.info.get("icc_profile")
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I;16")
    deep, stretchable = False, False
    if (values := _sixteen_bits(image, look)) is not None:
        image, note, stretchable = _from_16_bits(values, _key(image, look), look.stretch)
        notes += note
        deep = True
    elif look.chunks and look.chunks.key and look.chunks.depth in (2, 4) and image.mode == "L":
        # Pillow widens the pixels to 8 bits, but not the transparent one among them.
        image.info["transparency"] = look.chunks.key[0] * (255 // (2**look.chunks.depth - 1))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    broken = profile is None and "icc_profile" in image.info and image.format == "JPEG"
    if image.size != look.size:
        image = image.resize(look.size, Image.Resampling.BILINEAR)  # antialiased
    if profile:
        image, said = to_srgb(image, profile, grey)
        notes += [said] if said else []
    elif broken or profile == b"":
        notes.append(BROKEN)
    if image.mode == "RGBA":
        white = Image.new("RGBA", look.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if look.turn in _TURN:
        image = image.transpose(_TURN[look.turn])
    return Pixels(np.array(image, dtype=np.uint8), tuple(notes), deep, stretchable)


def _sixteen_bits(image: Image.Image, look: Look) -> NDArray[np.uint16] | None:
    """Values of 16 bits where they are there and needed: (H, W) or (H, W, 3)."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16, copy=False)
    chunks = look.chunks
    if chunks is None or not (chunks.rgb and chunks.depth == 16):
        return None
    # Pillow keeps the high bytes alone; the other library reads all, but takes longer.
    dark = max(int(np.asarray(band).max()) for band in image.split()) < 2 ** (_DARK_BITS - 8)
    if not (dark or chunks.key or look.stretch):
        return None
    found = cv2.imdecode(np.frombuffer(chunks.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.shape != (*image.size[::-1], 3):
        raise OSError("the pixels cannot be read")
    values: NDArray[np.uint16] = np.asarray(found, np.uint16)[:, :, ::-1]
    return values


def _key(image: Image.Image, look: Look) -> tuple[int, ...] | None:
    if look.chunks:
        return look.chunks.key
    clear = image.info.get("transparency")
    return (clear,) if isinstance(clear, int) else None


def _from_16_bits(
    values: NDArray[np.uint16], key: tuple[int, ...] | None, stretch: bool
) -> tuple[Image.Image, list[str], bool]:
    """Scale to 8 bits by the high byte, or so that the brightest is white.

    Pillow's own conversion of grey would clip at 255. A transparent colour becomes white.
    """
    clear = None
    if key is not None:
        clear = (values if values.ndim == 2 else values[..., 0]) == key[0]
        for channel in range(1, len(key)):
            clear &= values[..., channel] == key[channel]
        shown = values[~clear]
    else:
        shown = values
    top = int(shown.max()) if shown.size else 0
    notes, dark = [], False
    if stretch and top:
        steps = np.minimum(np.arange(2**16) * 255 // top, 255)
        notes.append(f"Stretched: its brightest value, {top} of 65535, is shown as white.")
    else:
        steps = np.arange(2**16) >> 8
        bits = top.bit_length()
        dark = 0 < bits <= _DARK_BITS
        if dark:
            looks = "nearly black" if bits <= _BLACK_BITS else "dark"
            notes.append(
                f"This 16-bit picture uses only its lowest {bits} bits and looks {looks}; "
                "it can be stretched."
            )
    levels = steps.astype(np.uint8)[values]
    if clear is not None:
        levels[clear] = 255
    return Image.fromarray(levels), notes, dark
