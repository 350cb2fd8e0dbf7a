"""The one guarded way in for pictures: page, API and command line all read through here.

Kind and size come from the first bytes (`picture_headers`), never from the name, and are checked
before anything is decoded. What comes out is upright (EXIF applied), sRGB, 8 bits per channel, on
white where it was transparent, first frame where it was animated, and never large. What a person
should know of the way there (the end is missing, colours were converted) is in its notes.

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

from dfm_viz.picture_chunks import Chunks, read_chunks
from dfm_viz.picture_headers import SUPPORTED, read_header
from dfm_viz.picture_kinds import describe
from dfm_viz.picture_pixels import MODES, Look, Pixels, missing_rows, orientation, to_pixels
from dfm_viz.types import UserError

MAX_BYTES = 20 * 1024 * 1024
"""Largest file, in bytes."""
MAX_PIXELS = 40_000_000
"""Most pixels of a decoded picture."""
MAX_JPEG_PIXELS = 50_000_000
"""Most pixels of a JPEG: its decoder can shrink on the way, so a phone's 48 megapixels fit."""
MAX_STORED_SIDE = 2048
"""Longest side of the working copy that is kept; the picture's own size is remembered."""

_ALLOWED = f"Use JPEG, PNG, WebP, BMP, GIF or HEIC up to {MAX_PIXELS // 1_000_000} megapixels."
_DAMAGED = "cut off or damaged: save or send it again, or use another picture."
_RARE = "cut off, damaged or of a rare coding: export it as JPEG, or send it again."
_NOTHING_TO_STRETCH = "{} has no 16 bits per channel to stretch: leave stretch out."
# HEIC may tell of its colours by these numbers alone.
_WIDE = {9: "BT.2020", 12: "Display P3"}
# Of a file whose end is missing, so much must be there to be called a picture.
_LEAST_SHARE = 0.1
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
        notes: What a person should know of how it was read, sentences.
        stretchable: Whether it has 16 bits and is so dark that reading it with `stretch` helps.
        whole: False where the end of its file is missing.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    digest: str
    notes: tuple[str, ...] = ()
    stretchable: bool = False
    whole: bool = True


def read_picture(
    source: str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8],
    name: str | None = None,
    *,
    stretch: bool = False,
) -> Picture:
    """Read a picture from a file, from bytes or from memory.

    Args:
        source: Path of a JPEG, PNG, WebP, BMP, GIF or HEIC file, or its bytes, or a PIL image, or
            an array (H, W, 3) of uint8. The caller's object is not changed.
        name: What to call the picture in messages; default: the file's name.
        stretch: Show the brightest value of a picture of 16 bits (grey, or RGB as PNG) as white,
            instead of the 16 bits' largest; for microscopes and depth cameras that use few of them.

    Returns:
        The picture, upright and in RGB.

    Raises:
        UserError: Anything that is not such a picture; the text says what was found and what to do.
    """
    if isinstance(source, Image.Image):
        return _from_image(source, _call(name, "The image"), stretch)
    if isinstance(source, np.ndarray):
        if stretch:
            raise UserError(_NOTHING_TO_STRETCH.format(_call(name, "The array")))
        return _from_array(source, _call(name, "The array"))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), _call(name, "The upload"), stretch)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, name, stretch)
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
    return _finish(Pixels(stored.rgb), (width, height), 1)


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


def _from_path(source: str | os.PathLike[str], name: str | None, stretch: bool) -> Picture:
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
    return _from_bytes(data, shown, stretch)


def _from_bytes(data: bytes, name: str, stretch: bool) -> Picture:
    _check_bytes(len(data), name)
    try:
        header = read_header(data)
    except ValueError:
        raise UserError(f"{name} is {_DAMAGED}") from None
    if header is None:
        found, advice = describe(data)
        verdict = "a format that is not read here" if advice else "not a picture"
        advice = advice and f" {advice}."
        raise UserError(f"{name} is {found}, {verdict}.{advice} {_ALLOWED}")
    kind = header.kind
    _check_pixels(header.width, header.height, name, kind)
    damaged = _RARE if kind == "HEIC" else _DAMAGED
    large = header.width * header.height > _LARGE
    with _one_large_at_a_time if large else nullcontext():
        try:
            return _decode(data, kind, name, stretch)
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
            raise UserError(f"{name} starts like {_a(kind)} but is {damaged}") from None
        except Exception:
            # Decoders raise OSError, SyntaxError, struct.error, IndexError and more on damage.
            raise UserError(f"{name} is {_a(kind)} that is {damaged}") from None


def _decode(data: bytes, kind: str, name: str, stretch: bool) -> Picture:
    chunks = read_chunks(data) if kind == "PNG" else None
    if kind != "JPEG":
        with _open(data if chunks is None else chunks.data, kind, name) as image:
            return _pixels(image, kind, name, stretch, chunks)
    try:
        with _open(data, kind, name) as image:
            return _pixels(image, kind, name, stretch)
    except OSError:
        # Perhaps only its end is missing. Given one, the decoder fills with grey what is not there,
        # which Pillow's own switch for this would allow every thread of the process.
        with _open(data + b"\xff\xd9", kind, name) as image:
            return _pixels(image, kind, name, stretch, cut=True)


def _open(data: bytes, kind: str, name: str) -> Image.Image:
    """The image before its pixels are decoded; of HEIC, whose size is checked here, after."""
    if kind != "HEIC":
        # PIL's module-wide limits are left alone; ours was checked before, and `formats` keeps
        # PIL from trying its many other decoders.
        return Image.open(io.BytesIO(data), formats=SUPPORTED)
    import pillow_heif  # its shared libraries are large, and few pictures need them

    found = pillow_heif.open_heif(io.BytesIO(data))
    width, height = found.size
    _check_pixels(width, height, name, kind)
    # Turned by the decoder already: it says so by an EXIF orientation of 1.
    return found.to_pillow()


def _pixels(
    image: Image.Image,
    kind: str,
    name: str,
    stretch: bool,
    chunks: Chunks | None = None,
    cut: bool = False,
    turn: int | None = None,
) -> Picture:
    """Decode and finish; `cut` says that the end of the file is missing."""
    _check_pixels(*image.size, name, kind)
    size = image.size
    turn = orientation(image) if turn is None else turn
    if kind == "JPEG" and max(size) > MAX_STORED_SIDE:
        image.draft(None, _stored_size(size))
    image.load()
    notes = []
    if cut:
        rows = round(missing_rows(image) * size[1])
        if rows > (1 - _LEAST_SHARE) * size[1]:
            raise OSError("almost nothing is there")
        said = f"{rows} of its {size[1]} {'rows' if turn < 5 else 'columns'} are grey"
        notes.append(f"The end of this file is missing{f': {said}' if rows else ''}.")
    primaries = image.info.get("nclx_profile", {}).get("color_primaries")
    if primaries in _WIDE and not image.info.get("icc_profile"):
        notes.append(f"Its colours are {_WIDE[primaries]} without a profile; taken for sRGB.")
    found = to_pixels(image, Look(_stored_size(size), turn, stretch, chunks))
    if stretch and not found.deep:
        raise UserError(_NOTHING_TO_STRETCH.format(name))
    return _finish(found, size, turn, notes, whole=not cut)


def _from_image(image: Image.Image, name: str, stretch: bool) -> Picture:
    _check_pixels(*image.size, name, "image")
    if image.mode not in MODES:
        raise UserError(
            f"{name} has the pixel mode {image.mode}, which has no agreed range: convert it to RGB."
        )
    try:
        return _pixels(image.copy(), "image", name, stretch, turn=orientation(image))
    except UserError:
        raise
    except Exception:
        raise UserError(f"{name} cannot be decoded: it is cut off or damaged.") from None


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
        rgb = to_pixels(Image.fromarray(rgb), Look(_stored_size(size))).rgb
    return _finish(Pixels(rgb), size, 1)


# --- limits -------------------------------------------------------------------------------------


def _a(kind: str) -> str:
    return {"WEBP": "a WebP", "HEIC": "a HEIC photo"}.get(kind, f"a {kind}")


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


# --- results ---------------------------------------------------------------------------------


def _finish(
    found: Pixels,
    size: tuple[int, int],
    turn: int,
    notes: Sequence[str] = (),
    whole: bool = True,
) -> Picture:
    width, height = size if turn < 5 else (size[1], size[0])
    rgb = np.ascontiguousarray(found.rgb)
    rgb.flags.writeable = False
    stamp = hashlib.sha256(f"{rgb.shape} {width} {height} ".encode())
    stamp.update(rgb.data)
    told = (*notes, *found.notes)
    return Picture(rgb, width, height, stamp.hexdigest(), told, found.stretchable, whole)
