"""Generated scenes with an exact true box: the failure that erasing methods were invented for.

Every scene shows one creature with a large plain body and a small head. Only the pattern on the
head tells the class, so a classifier need not look at the body at all; and the colour of the
background agrees with the class more often than chance, so attention that is driven off the head
has somewhere wrong to go.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CLASSES: tuple[str, ...] = ("striped", "chequered", "dotted", "ringed")
"""Class names in the order of the labels."""
SPLITS: tuple[str, ...] = ("train", "test", "val")
"""Splits of the scenes as a data set; their order decides the seeds, so it never changes."""

_BACKGROUNDS = np.array([[96, 128, 84], [92, 114, 140], [146, 122, 88], [122, 98, 130]], float)
_BODIES = np.array([[150, 140, 128], [120, 112, 108], [168, 156, 132], [134, 120, 124]], float)
_LIGHT, _DARK = np.array([250.0, 214, 60]), np.array([36.0, 28, 24])


class ToyScene(NamedTuple):
    """A scene and its truth.

    Attributes:
        rgb: (size, size, 3) uint8.
        label: Index into `CLASSES`.
        box: Extent of the creature (x0, y0, x1, y1), inclusive pixels.
        head: (size, size) bool, the pixels that tell the class.
        body: (size, size) bool, the creature's other pixels, the same for every class.
        ground: Index into `CLASSES` of the class whose colour the background has.
    """

    rgb: NDArray[np.uint8]
    label: int
    box: tuple[int, int, int, int]
    head: NDArray[np.bool_]
    body: NDArray[np.bool_]
    ground: int


def scene(
    seed: int, *, size: int = 224, label: int | None = None, correlation: float = 0.8
) -> ToyScene:
    """Draw one scene; equal arguments give equal pixels.

    Args:
        seed: Not negative; chooses everything that is not given.
        size: Side in pixels, at least 32.
        label: Class index, or None to draw one.
        correlation: Probability in [0, 1] that the background takes the class's own colour; else
            it takes that of any class.

    Returns:
        The scene with its label and true box.

    Raises:
        ValueError: An argument is out of its range.
    """
    if seed < 0:
        raise ValueError(f"`seed` must not be negative, got {seed}")
    if size < 32:
        raise ValueError(f"`size` must be at least 32, got {size}")
    if not 0 <= correlation <= 1:
        raise ValueError(f"`correlation` must be in [0, 1], got {correlation}")
    if label is not None and label not in range(len(CLASSES)):
        raise ValueError(f"`label` must be from 0 to {len(CLASSES) - 1}, got {label}")
    rng = np.random.default_rng(seed)
    drawn = int(rng.integers(len(CLASSES)))
    kind = drawn if label is None else int(label)
    other = int(rng.integers(len(CLASSES)))
    ground = kind if rng.random() < correlation else other

    canvas = _background(rng, size, ground)
    body, head, along, across = _creature(rng, size)
    plain = _BODIES[rng.integers(len(_BODIES))]
    canvas[body] = plain * (1 - 0.18 * np.clip(across[body], -1, 1)[:, None])
    bright = _pattern(kind, along, across)[head]
    canvas[head] = np.where(bright[:, None], _LIGHT, _DARK)
    canvas += rng.uniform(-6, 6, canvas.shape)

    rows, columns = np.nonzero(body | head)
    box = (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))
    rgb = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    return ToyScene(rgb, kind, box, head, body, ground)


def split_scene(split: str, label: int, number: int, *, size: int) -> ToyScene:
    """Draw scene `number` (from 0) of a class in a split of the data set of scenes.

    Splits never share a scene.

    Raises:
        ValueError: No such split, or as `scene`.
    """
    first = 1_000_000 * (1 + SPLITS.index(split))
    return scene(first + number * len(CLASSES) + label, size=size, label=label)


def scene_file(split: str, label: int, number: int) -> str:
    """Where that scene lies in the data set's folder, as `test/striped/0003.png`."""
    return f"{split}/{CLASSES[label]}/{number:04d}.png"


def scene_of_file(name: str, *, size: int) -> ToyScene | None:
    """Draw the scene that lies under a name of `scene_file`; None for any other name."""
    match = re.fullmatch(r"(\w+)/(\w+)/(\d{4,5})\.png", name)
    if match is None or match[1] not in SPLITS or match[2] not in CLASSES or size < 32:
        return None
    return split_scene(match[1], CLASSES.index(match[2]), int(match[3]), size=size)


def _background(rng: np.random.Generator, size: int, ground: int) -> NDArray[np.float64]:
    """Soft blotches around the colour of class ``ground``."""
    cells = 6
    coarse = rng.uniform(-26, 26, (cells + 1, cells + 1))
    at = np.linspace(0, cells, size, endpoint=False)
    low, share = at.astype(int), at % 1
    rows = coarse[low] * (1 - share[:, None]) + coarse[low + 1] * share[:, None]
    soft = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    return _BACKGROUNDS[ground] + soft[:, :, None]


def _creature(
    rng: np.random.Generator, size: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Masks of body and head, and head coordinates in head radii (the body's in its half axes)."""
    length, girth = size * rng.uniform(0.24, 0.32), size * rng.uniform(0.10, 0.15)
    radius = girth * rng.uniform(0.62, 0.78)
    angle = rng.uniform(-0.6, 0.6) + (np.pi if rng.random() < 0.5 else 0.0)
    direction = np.array([np.cos(angle), np.sin(angle)])
    # The body's centre is placed so that the whole creature stays inside the picture.
    margin = length + 2 * radius
    centre = rng.uniform(min(margin, size / 2), max(size - margin, size / 2), 2)
    y, x = np.mgrid[0:size, 0:size].astype(float)

    def local(origin: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        dx, dy = x - origin[0], y - origin[1]
        return (
            dx * direction[0] + dy * direction[1],
            dy * direction[0] - dx * direction[1],
        )

    u, v = local(centre)
    body = (u / length) ** 2 + (v / girth) ** 2 <= 1
    p, q = local(centre + direction * (length + 0.45 * radius))
    head = p**2 + q**2 <= radius**2
    return body & ~head, head, p / radius, np.where(head, q / radius, v / girth)


def _pattern(kind: int, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the head is light; ``u`` and ``v`` run from -1 to 1 across it."""
    pitch = 5.5
    if CLASSES[kind] == "striped":
        return np.sin(pitch * 1.4 * u) > 0
    if CLASSES[kind] == "chequered":
        return np.sin(pitch * u) * np.sin(pitch * v) > 0
    if CLASSES[kind] == "dotted":
        return np.cos(pitch * 1.3 * u) + np.cos(pitch * 1.3 * v) > 0.9
    return np.sin(pitch * 1.6 * np.hypot(u, v)) > 0
