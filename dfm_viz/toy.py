"""Generated scenes with an exact true box: the failures that erasing methods cure and cause.

Every scene shows one creature with a large body and a small head. There are two worlds of them:

- `context`: only the pattern on the head tells the class, and the colour of the background agrees
  with it more often than chance, so attention that is driven off the head goes to the ground.
- `part`: the head has the colour of the class, which is all that a classifier needs, and the body
  faint stripes in a direction of the class, so attention that is driven off the head has somewhere
  right to go. The background says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class World(StrEnum):
    """What tells the class beside the head: the background's colour, or the creature's body."""

    CONTEXT = "context"
    PART = "part"


CLASSES: tuple[str, ...] = ("striped", "chequered", "dotted", "ringed")
"""Class names of `World.CONTEXT` in the order of the labels."""
PART_CLASSES: tuple[str, ...] = ("redcap", "goldcap", "greencap", "bluecap")
"""Class names of `World.PART` in the order of the labels."""
WORLDS: dict[World, tuple[str, ...]] = {World.CONTEXT: CLASSES, World.PART: PART_CLASSES}
"""Class names of every world; no two worlds share one, so a name tells its world."""
_PREFIXES = {World.CONTEXT: "toy", World.PART: "part"}
SPLITS: tuple[str, ...] = ("train", "test", "val")
"""Splits of the scenes as a data set; their order decides the seeds, so it never changes."""

_BACKGROUNDS = np.array([[96, 128, 84], [92, 114, 140], [146, 122, 88], [122, 98, 130]], float)
_GREYS = np.array([[92, 94, 90], [104, 106, 108], [116, 114, 110], [98, 96, 100]], float)
_BODIES = np.array([[150, 140, 128], [120, 112, 108], [168, 156, 132], [134, 120, 124]], float)
_CAPS = np.array([[214, 36, 36], [244, 196, 24], [28, 168, 60], [36, 72, 220]], float)
_LIGHT, _DARK = np.array([250.0, 214, 60]), np.array([36.0, 28, 24])


class ToyScene(NamedTuple):
    """A scene and its truth.

    Attributes:
        rgb: (size, size, 3) uint8.
        label: Index into the classes of the world.
        box: Extent of the creature (x0, y0, x1, y1), inclusive pixels.
        head: (size, size) bool, the pixels that tell the class.
        body: (size, size) bool, the creature's other pixels; in `context` the same for every class.
        ground: Which of the background's colours it is; in `context` that of the class of this
            index.
    """

    rgb: NDArray[np.uint8]
    label: int
    box: tuple[int, int, int, int]
    head: NDArray[np.bool_]
    body: NDArray[np.bool_]
    ground: int


def scene(
    seed: int,
    *,
    size: int = 224,
    label: int | None = None,
    world: World | str = World.CONTEXT,
    correlation: float | None = None,
    contrast: float = 36.0,
) -> ToyScene:
    """Draw one scene; equal arguments give equal pixels.

    Args:
        seed: Not negative; chooses everything that is not given.
        size: Side in pixels, at least 32.
        label: Class index, or None to draw one.
        world: What tells the class beside the head.
        correlation: Probability in [0, 1] that the background takes the class's own colour; else
            it takes that of any class. None takes .8 in `context` and 0 in `part`.
        contrast: Difference between light and dark stripes on the body in `part`, in grey levels
            from 0 to 255; `context` has no stripes.

    Returns:
        The scene with its label and true box.

    Raises:
        ValueError: An argument is out of its range.
    """
    if world not in WORLDS:
        raise ValueError(f"`world` must be one of {', '.join(WORLDS)}, got {world!r}")
    world = World(world)
    if correlation is None:
        correlation = 0.8 if world is World.CONTEXT else 0.0
    if seed < 0:
        raise ValueError(f"`seed` must not be negative, got {seed}")
    if size < 32:
        raise ValueError(f"`size` must be at least 32, got {size}")
    if not 0 <= correlation <= 1:
        raise ValueError(f"`correlation` must be in [0, 1], got {correlation}")
    if not 0 <= contrast <= 255:
        raise ValueError(f"`contrast` must be in [0, 255], got {contrast}")
    classes = WORLDS[world]
    if label is not None and label not in range(len(classes)):
        raise ValueError(f"`label` must be from 0 to {len(classes) - 1}, got {label}")
    rng = np.random.default_rng(seed)
    drawn = int(rng.integers(len(classes)))
    kind = drawn if label is None else int(label)
    other = int(rng.integers(len(classes)))
    ground = kind if rng.random() < correlation else other

    canvas = _background(rng, size, _GREYS[ground] if world is World.PART else _BACKGROUNDS[ground])
    body, head, along, across = _creature(rng, size)
    plain = _BODIES[rng.integers(len(_BODIES))]
    canvas[body] = plain * (1 - 0.18 * np.clip(across[body], -1, 1)[:, None])
    if world is World.PART:
        canvas[body] += 0.5 * contrast * _stripes(kind, rng.random(), size)[body][:, None]
        canvas[head] = _CAPS[kind]
    else:
        bright = _pattern(kind, along, across)[head]
        canvas[head] = np.where(bright[:, None], _LIGHT, _DARK)
    canvas += rng.uniform(-6, 6, canvas.shape)

    rows, columns = np.nonzero(body | head)
    box = (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))
    rgb = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    return ToyScene(rgb, kind, box, head, body, ground)


def scene_id(seed: int, world: World | str = World.CONTEXT) -> str:
    """The short name of the scene of a seed, usable in links: `toy-7`, in `part` `part-7`."""
    return f"{_PREFIXES[World(world)]}-{seed}"


def parse_scene_id(text: str) -> tuple[int, World] | None:
    """Seed and world of a name of `scene_id`; None for any other text."""
    for world, prefix in _PREFIXES.items():
        if match := re.fullmatch(rf"{prefix}-(\d{{1,9}})", text, re.ASCII):
            return int(match[1]), world
    return None


def world_of(classes: Iterable[str]) -> World | None:
    """The world whose classes are all among these names; None if there is none."""
    known = set(classes)
    return next((world for world, names in WORLDS.items() if known.issuperset(names)), None)


def split_scene(
    split: str, label: int, number: int, *, size: int, world: World | str = World.CONTEXT
) -> ToyScene:
    """Draw scene `number` (from 0) of a class in a split of a world's data set.

    Neither splits nor worlds share a seed.

    Raises:
        ValueError: No such split, or as `scene`.
    """
    first = 1_000_000 * (1 + SPLITS.index(split)) + 10_000_000 * tuple(WORLDS).index(World(world))
    seed = first + number * len(WORLDS[World(world)]) + label
    return scene(seed, size=size, label=label, world=world)


def scene_file(split: str, label: int, number: int, world: World | str = World.CONTEXT) -> str:
    """Where that scene lies in the data set's folder, as `test/striped/0003.png`."""
    return f"{split}/{WORLDS[World(world)][label]}/{number:04d}.png"


def scene_of_file(name: str, *, size: int) -> ToyScene | None:
    """Draw the scene that lies under a name of `scene_file`; None for any other name."""
    match = re.fullmatch(r"(\w+)/(\w+)/(\d{4,5})\.png", name)
    if match is None or match[1] not in SPLITS or size < 32:
        return None
    for world, classes in WORLDS.items():
        if match[2] in classes:
            label = classes.index(match[2])
            return split_scene(match[1], label, int(match[3]), size=size, world=world)
    return None


def _background(
    rng: np.random.Generator, size: int, colour: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Soft blotches around a colour."""
    cells = 6
    coarse = rng.uniform(-26, 26, (cells + 1, cells + 1))
    at = np.linspace(0, cells, size, endpoint=False)
    low, share = at.astype(int), at % 1
    rows = coarse[low] * (1 - share[:, None]) + coarse[low + 1] * share[:, None]
    soft = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    return colour + soft[:, :, None]


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


def _stripes(kind: int, phase: float, size: int) -> NDArray[np.float64]:
    """Waves from -1 to 1 over the picture, 16 across its side, in one of four directions."""
    angle = kind * np.pi / len(PART_CLASSES)
    y, x = np.mgrid[0:size, 0:size] / size
    waves: NDArray[np.float64] = np.sin(
        2 * np.pi * (16 * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    )
    return waves
