"""The one guarded way in for pictures: page, API and command line all read through here.

Kind and size come from the first bytes (`picture_headers`), never from the name, and are checked
before anything is decoded. What comes out is upright (EXIF applied), RGB, 8 bits per channel, on
white where it was transparent, first frame where it was animated, and never large.

Any picture of at least 1 x 1 pixel is accepted, however thin: the network sees the whole picture
resized straight to its square input, so even a 1 x 10000 strip has a well-defined answer.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dfm_viz.picture_headers import SUPPORTED, describe, read_header
from dfm_viz.types import UserError

MAX_BYTES = 20 * 1024 * 1024
"""Largest file, in bytes."""
MAX_PIXELS = 40_000_000
"""Most pixels of a decoded picture."""
MAX_JPEG_PIXELS = 50_000_000
"""Most pixels of a JPEG: its decoder can shrink on the way, so a phone's 48 megapixels fit."""
MAX_STORED_SIDE = 2048
"""Longest side of the working copy that is kept; the picture's own size is remembered."""

_ALLOWED = f"Use JPEG, PNG, WebP, BMP or GIF up to {MAX_PIXELS // 1_000_000} megapixels."
_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
    | {"I;16", "I;16L", "I;16B", "I;16N"}
)
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
# Several visitors may send large pictures at once: they are decoded one after the other, so that
# the peak of memory is that of one picture.
_LARGE = 4_000_000
_one_large_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright RGB picture.

    Attributes:
        rgb: (H, W, 3) uint8, read-only; the longest side is at most `MAX_STORED_SIDE`.
        width: Width of the upright original in pixels; boxes refer to it.
        height: Height of the upright original in pixels.
        digest: SHA-256 of pixels and sizes, in hexadecimal; equal for equal pictures.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    digest: str


def read_picture(
    source: str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8],
    name: str | None = None,
) -> Picture:
    """Read a picture from a file, from bytes or from memory.

    Args:
        source: Path of a JPEG, PNG, WebP, BMP or GIF file, or its bytes, or a PIL image, or an
            array (H, W, 3) of uint8. The caller's object is not changed.
        name: What to call the picture in messages; default: the file's name.

    Returns:
        The picture, upright and in RGB.

    Raises:
        UserError: Anything that is not such a picture; the text says what was found and what to do.
    """
    if isinstance(source, Image.Image):
        return _from_image(source, _call(name, "The image"))
    if isinstance(source, np.ndarray):
        return _from_array(source, _call(name, "The array"))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), _call(name, "The upload"))
    if isinstance(source, str | os.PathLike):
        return _from_path(source, name)
    raise UserError(
        f"{_call(name, 'The picture')} was given as {type(source).__name__}: give a path, bytes, "
        "a PIL image or an array of height x width x 3 with dtype uint8."
    )


def restored(stored: Picture, width: int, height: int) -> Picture:
    """The picture whose working copy was kept as a file of its own.

    Args:
        stored: as read from that file.
        width: of the upright original, px; not smaller than the working copy's.
        height: likewise.

    Raises:
        ValueError: a size that such an original cannot have.
    """
    rows, columns = stored.rgb.shape[:2]
    if (columns, rows) != _stored_size((width, height)):
        raise ValueError(f"{width} x {height} is no original of {columns} x {rows}")
    return _finish(stored.rgb, (width, height), 1)


def to_input(
    rgb: NDArray[np.uint8],
    size: int = 224,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    interpolation: str = "bilinear",
) -> torch.Tensor:
    """Make a network's input: resized straight to a square (no crop), scaled, normalised.

    Args:
        rgb: (H, W, 3) uint8, any size; not changed.
        size: Side of the square in pixels.
        mean: Per-channel mean in [0, 1], subtracted after dividing by 255.
        std: Per-channel standard deviation, divided by; positive.
        interpolation: "bilinear" or "bicubic", both antialiased (Pillow).

    Returns:
        float32 tensor (1, 3, size, size).

    Raises:
        TypeError: ``rgb`` is not a uint8 array.
        ValueError: Wrong shape, size, mean, std or interpolation.
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise TypeError(f"`rgb` must be a uint8 array, got {getattr(rgb, 'dtype', type(rgb))}")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"`rgb` must be height x width x 3, got shape {rgb.shape}")
    if size < 1:
        raise ValueError(f"`size` must be at least 1, got {size}")
    if interpolation not in _FILTERS:
        raise ValueError(
            f"`interpolation` must be one of {sorted(_FILTERS)}, got {interpolation!r}"
        )
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ValueError(f"`mean` and `std` must be three numbers, std positive: {mean}, {std}")
    square = Image.fromarray(rgb).resize((size, size), _FILTERS[interpolation])
    values = torch.from_numpy(np.array(square, dtype=np.float32)).permute(2, 0, 1) / 255
    shift, scale = (torch.tensor(list(v), dtype=torch.float32)[:, None, None] for v in (mean, std))
    return ((values - shift) / scale).contiguous()[None]


_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


# --- sources ------------------------------------------------------------------------------------


def _call(name: str | None, otherwise: str) -> str:
    """A name that is safe and short enough to be shown."""
    if not name:
        return otherwise
    shown = "".join(c if c.isprintable() else "?" for c in name)
    return shown if len(shown) <= 80 else f"{shown[:50]}...{shown[-25:]}"


def _from_path(source: str | os.PathLike[str], name: str | None) -> Picture:
    try:
        path = Path(os.fsdecode(source))
        shown = _call(name or path.name, "The file")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{shown} is a folder or a device, not a file. {_ALLOWED}")
        _check_bytes(status.st_size, shown)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{shown} does not exist: check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        shown = _call(name or str(source), "The file")
        raise UserError(f"{shown} cannot be read ({reason}): check the path.") from None
    return _from_bytes(data, shown)


def _from_bytes(data: bytes, name: str) -> Picture:
    _check_bytes(len(data), name)
    damaged = "cut off or damaged: save or send it again, or use another picture."
    try:
        header = read_header(data)
    except ValueError:
        raise UserError(f"{name} is {damaged}") from None
    if header is None:
        found = describe(data)
        foreign = found.endswith(("picture", "photo", "drawing"))
        verdict = "a format that is not read here" if foreign else "not a picture"
        raise UserError(f"{name} is {found}, {verdict}. {_ALLOWED}")
    _check_pixels(header.width, header.height, name, header.kind)
    large = header.width * header.height > _LARGE
    with _one_large_at_a_time if large else nullcontext():
        try:
            # PIL's module-wide limits are left alone; ours was checked above, and `formats` keeps
            # PIL from trying its many other decoders.
            with Image.open(io.BytesIO(data), formats=SUPPORTED) as image:
                _check_pixels(*image.size, name, header.kind)
                turn = _orientation(image)
                size = image.size
                if header.kind == "JPEG" and max(size) > MAX_STORED_SIDE:
                    image.draft(None, _stored_size(size))
                image.load()
                rgb = _to_rgb(image, _stored_size(size), turn)
        except UserError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            # Only a frame larger than the picture that the header declares can get here.
            raise UserError(
                f"{name} holds a frame of more than the {MAX_PIXELS // 1_000_000} megapixels "
                "allowed. Save it smaller."
            ) from None
        except MemoryError:
            raise UserError(f"{name} needs more memory than there is. {_ALLOWED}") from None
        except UnidentifiedImageError:
            raise UserError(f"{name} starts like {_a(header.kind)} but is {damaged}") from None
        except Exception:
            # Decoders raise OSError, SyntaxError, struct.error, IndexError and more on damage.
            raise UserError(f"{name} is {_a(header.kind)} that is {damaged}") from None
    return _finish(rgb, size, turn)


def _from_image(image: Image.Image, name: str) -> Picture:
    _check_pixels(*image.size, name, "image")
    if image.mode not in _MODES:
        raise UserError(
            f"{name} has the pixel mode {image.mode}, which has no agreed range: convert it to RGB."
        )
    try:
        copy = image.copy()
        turn = _orientation(image)
        rgb = _to_rgb(copy, _stored_size(image.size), turn)
    except Exception:
        raise UserError(f"{name} cannot be decoded: it is cut off or damaged.") from None
    return _finish(rgb, image.size, turn)


def _from_array(array: NDArray[np.uint8], name: str) -> Picture:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise UserError(
            f"{name} has shape {array.shape} and dtype {array.dtype}: "
            "give height x width x 3 with dtype uint8."
        )
    size = (array.shape[1], array.shape[0])
    _check_pixels(*size, name, "array")
    rgb = np.array(array)
    if max(size) > MAX_STORED_SIDE:
        rgb = _to_rgb(Image.fromarray(rgb), _stored_size(size), 1)
    return _finish(rgb, size, 1)


# --- limits -------------------------------------------------------------------------------------


def _a(kind: str) -> str:
    return {"WEBP": "a WebP"}.get(kind, f"a {kind}")


def _check_bytes(count: int, name: str) -> None:
    if count == 0:
        raise UserError(f"{name} is empty (0 bytes). {_ALLOWED}")
    if count > MAX_BYTES:
        raise UserError(
            f"{name} has {count / 2**20:.1f} MB, more than the {MAX_BYTES >> 20} MB allowed. "
            "Save it smaller."
        )


def _too_large(width: int, height: int, name: str, kind: str) -> str:
    limit = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS
    return (
        f"{name} has {width} x {height} = {width * height / 1e6:.0f} megapixels, more than the "
        f"{limit // 1_000_000} allowed. Save it smaller."
    )


def _check_pixels(width: int, height: int, name: str, kind: str) -> None:
    if width < 1 or height < 1:
        raise UserError(f"{name} has {width} x {height} pixels, so there is nothing to look at.")
    if width * height > (MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS):
        raise UserError(_too_large(width, height, name, kind))


def _stored_size(size: tuple[int, int]) -> tuple[int, int]:
    """Size of the working copy: the same shape, the longest side at most `MAX_STORED_SIDE`."""
    longest = max(size)
    if longest <= MAX_STORED_SIDE:
        return size
    scale = MAX_STORED_SIDE / longest
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


# --- pixels -------------------------------------------------------------------------------------


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is unreadable."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the pixels worse
        return 1
    return value if value in _TURN else 1


def _to_rgb(image: Image.Image, size: tuple[int, int], turn: int) -> NDArray[np.uint8]:
    """Decode to RGB on white, reduce to ``size`` (before turning), turn upright."""
    if image.mode.startswith("I;16"):
        image = _from_16_bits(image)
    elif image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)  # antialiased
    if image.mode == "RGBA":
        white = Image.new("RGBA", size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if turn in _TURN:
        image = image.transpose(_TURN[turn])
    return np.array(image, dtype=np.uint8)


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits by its high byte (PIL's own conversion would clip at 255)."""
    values = np.asarray(image).astype(np.uint16, copy=False)
    levels = (values >> 8).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        levels[values == clear] = 255  # on white
    return Image.fromarray(levels)


def _finish(rgb: NDArray[np.uint8], size: tuple[int, int], turn: int) -> Picture:
    width, height = size if turn < 5 else (size[1], size[0])
    rgb = np.ascontiguousarray(rgb)
    rgb.flags.writeable = False
    stamp = hashlib.sha256(f"{rgb.shape} {width} {height} ".encode())
    stamp.update(rgb.data)
    return Picture(rgb, width, height, stamp.hexdigest())
