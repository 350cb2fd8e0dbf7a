"""Colour profiles: pixels of any profiled picture to sRGB, by littleCMS."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

BROKEN = "Its colour profile is damaged or too large and was ignored."
MAX_PROFILE = 8 * 2**20
"""Largest colour profile that is used, in bytes."""

# How a profile calls the colours it is for -> Pillow's mode.
_SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
# A profile that moves no colour further than this, of 255, is sRGB under another name.
_SAME = 3


def to_srgb(image: Image.Image, profile: bytes, grey: bool) -> tuple[Image.Image, str | None]:
    """Convert colours from a profile to sRGB.

    Args:
        image: mode L, RGB, RGBA or CMYK; not changed.
        profile: the ICC profile of the file; may be damaged.
        grey: whether the channels of an RGB(A) image were made from one grey one.

    Returns:
        The image in RGB or RGBA (or itself, where nothing is to be done), and what to tell about
        it: None if the profile means sRGB.
    """
    try:
        if len(profile) > MAX_PROFILE:
            return image, BROKEN
        mode = _mode(profile)
        own = "L" if grey else image.mode.removesuffix("A")
        if mode != own and (mode, own) != ("RGB", "L"):
            return image, "Its colour profile is for other kinds of pixels and was ignored."
        transform, name = _transform(profile, mode)
        if transform is None:
            return image, None
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        if mode == "L":
            plain = image.getchannel(0)
        else:
            plain = image if image.mode == mode else image.convert(mode)
        done = transform.apply(plain)
    except Exception:  # of littleCMS: PyCMSError, OSError, TypeError and more
        return image, BROKEN
    if alpha is not None:
        done.putalpha(alpha)
    return done, f"Its colours were converted from {name} to sRGB."


def _mode(profile: bytes) -> str:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return _SPACES[opened.profile.xcolor_space.strip()]


@functools.lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """How to go to sRGB, None if there is nothing to go; and what the profile is called."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(opened, srgb, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
    called = "".join(c for c in ImageCms.getProfileDescription(opened) if c.isprintable()).strip()
    if mode != "CMYK":
        probe = _probe(mode)
        moved = np.asarray(transform.apply(probe), int) - np.asarray(probe.convert("RGB"), int)
        if np.abs(moved).max() <= _SAME:
            return None, called
    return transform, called[:40] or "the file's own colours"


def _probe(mode: str) -> Image.Image:
    """Colours from all over the cube, or every grey."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return Image.fromarray(cube.reshape(1, -1, 3))
