"""Boxes: what one is, how two overlap, and why a localization is wrong.

Boxes are ``(x0, y0, x1, y1)`` with inclusive corners: a box covers ``x1 - x0 + 1`` columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfm_viz.types import Box, UserError

SIDE = 224
"""Side of the square map space in which boxes are found and IoU is taken."""

GridBox = tuple[int, int, int, int]


class ErrorType(StrEnum):
    """Why a localization is right or wrong; the first that matches wins."""

    CLS = "cls"
    RIGHT = "right"
    M_INS = "m_ins"
    PART = "part"
    MORE = "more"
    OTH = "oth"


def check_box(box: Sequence[float], name: str = "box") -> Box:
    """Return ``box`` as four floats, or say what is wrong with it.

    Raises:
        TypeError: Not four real numbers.
        ValueError: A coordinate is negative or not finite, or a corner pair is swapped.
    """
    values = (
        list(box) if isinstance(box, Sequence | np.ndarray) and not isinstance(box, str) else []
    )
    if len(values) != 4 or any(
        isinstance(v, bool) or not isinstance(v, int | float | np.integer | np.floating)
        for v in values
    ):
        raise TypeError(f"`{name}` must be four numbers x0, y0, x1, y1, got {box!r}")
    try:
        x0, y0, x1, y1 = (float(v) for v in values)
    except OverflowError:
        raise ValueError(f"`{name}` must be four finite numbers, got {box!r}") from None
    if not all(math.isfinite(v) for v in (x0, y0, x1, y1)) or min(x0, y0, x1, y1) < 0:
        raise ValueError(f"`{name}` must be finite and not negative, got {box!r}")
    if x1 < x0 or y1 < y0:
        raise ValueError(f"`{name}` must have x0 <= x1 and y0 <= y1, got {box!r}")
    return x0, y0, x1, y1


def extent(mask: NDArray[np.bool_]) -> Box | None:
    """Box around everything marked in a mask (rows x columns), corners inclusive; None if nothing.

    The one way in which masks and trimaps become true boxes, in the app as in evaluation.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1])


def check_truths(truths: object, width: int, height: int) -> tuple[Box, ...]:
    """Check ground-truth boxes that a person gave for a picture.

    Args:
        truths: A list of ``[x0, y0, x1, y1]`` in upright picture pixels; may be empty.
        width: Picture width in pixels.
        height: Picture height in pixels.

    Returns:
        The boxes as floats.

    Raises:
        UserError: Not a list of boxes, a swapped or negative corner, or a box beyond the picture.
    """
    rule = f"give [[x0, y0, x1, y1], ...] in pixels of the {width} x {height} picture"
    if not isinstance(truths, Sequence | np.ndarray) or isinstance(truths, str | bytes):
        raise UserError(f"True boxes must be a list of boxes, got {type(truths).__name__}: {rule}.")
    boxes = []
    for number, box in enumerate(truths, start=1):
        try:
            checked = check_box(box, f"true box {number}")
        except (TypeError, ValueError) as error:
            text = str(error).replace("`", "")
            raise UserError(f"{text[0].upper()}{text[1:]}: {rule}.") from None
        if checked[2] > width or checked[3] > height:
            raise UserError(f"True box {number} {list(box)} reaches beyond the picture: {rule}.")
        boxes.append(checked)
    return tuple(boxes)


def _area(box: Box) -> float:
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    return max(width, 0.0) * max(height, 0.0)


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union with inclusive pixels, in [0, 1].

    Raises:
        TypeError: A box is not four numbers.
        ValueError: A box is negative or has swapped corners.
    """
    first, second = check_box(a, "a"), check_box(b, "b")
    both = _overlap(first, second)
    return both / (_area(first) + _area(second) - both)


def iog(box: Sequence[float], truth: Sequence[float]) -> float:
    """Share of the true box that ``box`` covers: |B and G| / |G|, in [0, 1]; errors as `iou`."""
    predicted, actual = check_box(box, "box"), check_box(truth, "truth")
    return _overlap(predicted, actual) / _area(actual)


def iop(box: Sequence[float], truth: Sequence[float]) -> float:
    """Share of ``box`` that lies on the true box: |B and G| / |B|, in [0, 1]; errors as `iou`."""
    predicted, actual = check_box(box, "box"), check_box(truth, "truth")
    return _overlap(predicted, actual) / _area(predicted)


def best_iou(box: Sequence[float], truths: Sequence[Sequence[float]]) -> float:
    """Largest IoU over several true boxes (any instance counts); errors as `iou`.

    Raises:
        ValueError: ``truths`` is empty.
    """
    if len(truths) == 0:
        raise ValueError("`truths` must hold at least one box")
    return max(iou(box, truth) for truth in truths)


def iou_table(boxes: ArrayLike, truths: ArrayLike) -> NDArray[np.float64]:
    """IoU of every box with every true box: the numbers of `iou`, many at once.

    Args:
        boxes: (k, 4), corners inclusive; not checked one by one as `iou` does.
        truths: (m, 4), likewise, m at least 1.

    Returns:
        (k, m) in [0, 1].

    Raises:
        ValueError: another shape, or no true box.
    """
    a, b = np.asarray(boxes, np.float64), np.asarray(truths, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != 4 or b.shape[1] != 4 or len(b) == 0:
        raise ValueError(f"need boxes (k, 4) and truths (m, 4), got {a.shape} and {b.shape}")
    a, b = a[:, None, :], b[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1
    both = np.maximum(sides, 0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2] + 1).prod(axis=-1) for box in (a, b)]
    table: NDArray[np.float64] = both / (areas[0] + areas[1] - both)
    return table


def _check_size(size: tuple[float, float], name: str) -> tuple[float, float]:
    width, height = size
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        raise ValueError(f"`{name}` must be a positive width and height, got {size!r}")
    return float(width), float(height)


def scale_box(
    box: Sequence[float], from_wh: tuple[float, float], to_wh: tuple[float, float]
) -> Box:
    """Scale a box between two picture sizes, unrounded.

    Args:
        box: (x0, y0, x1, y1) in a picture of ``from_wh``.
        from_wh: Width and height that the box refers to.
        to_wh: Width and height wanted.

    Returns:
        The box as floats in a picture of ``to_wh``.

    Raises:
        TypeError: The box is not four numbers.
        ValueError: The box is negative or swapped, or a size is not positive.
    """
    x0, y0, x1, y1 = check_box(box)
    old_w, old_h = _check_size(from_wh, "from_wh")
    new_w, new_h = _check_size(to_wh, "to_wh")
    return x0 * new_w / old_w, y0 * new_h / old_h, x1 * new_w / old_w, y1 * new_h / old_h


def resize_box(
    box: Sequence[float], from_wh: tuple[float, float], to_wh: tuple[float, float] = (SIDE, SIDE)
) -> GridBox:
    """Scale a ground-truth box into map space and truncate it, as the protocol does.

    Arguments and errors as `scale_box`.
    """
    x0, y0, x1, y1 = scale_box(box, from_wh, to_wh)
    return int(x0), int(y0), int(x1), int(y1)


def error_type(correct: bool, box: Sequence[float], truths: Sequence[Sequence[float]]) -> ErrorType:
    """Classify one localization; the first match wins.

    CLS the class is wrong; RIGHT IoU >= .5; M_INS at least two true boxes with IoG > .3; PART
    IoP > .5; MORE IoG >= .7; OTH anything else. With several true boxes IoU, IoP and IoG are each
    the best over the boxes.

    Args:
        correct: Whether the predicted class is right.
        box: Box of the predicted class's map.
        truths: One or more true boxes, in the same space.

    Returns:
        The error type.

    Raises:
        TypeError: A box is not four numbers.
        ValueError: A box is negative or swapped, or ``truths`` is empty.
    """
    overlap = best_iou(box, truths)
    if not correct:
        return ErrorType.CLS
    if overlap >= 0.5:
        return ErrorType.RIGHT
    covered = [iog(box, truth) for truth in truths]
    if sum(share > 0.3 for share in covered) >= 2:
        return ErrorType.M_INS
    if max(iop(box, truth) for truth in truths) > 0.5:
        return ErrorType.PART
    if max(covered) >= 0.7:
        return ErrorType.MORE
    return ErrorType.OTH
