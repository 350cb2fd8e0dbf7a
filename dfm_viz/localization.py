"""From a class activation map to a box, and from a box to a score (pure numpy and OpenCV).

The convention is the one that makes numbers comparable across papers of this field: the raw map is
resized to 224 x 224 (bicubic), min-max normalised, quantised to 256 grey levels, thresholded at a
fraction of its maximum, and the bounding rectangle of the largest contour is the box.
Boxes are ``(x0, y0, x1, y1)`` with inclusive corners; IoU therefore counts ``x1 - x0 + 1`` columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfm_viz.types import Box, UserError

SIDE = 224
"""Side of the square map space in which boxes are found and IoU is taken."""

GridBox = tuple[int, int, int, int]
NO_BOX: GridBox = (0, 0, 0, 0)
"""The benchmark's answer when nothing exceeds the threshold (one pixel, top left)."""
_LARGEST = 1e37


class ErrorType(StrEnum):
    """Why a localization is right or wrong; the first that matches wins."""

    CLS = "cls"
    RIGHT = "right"
    M_INS = "m_ins"
    PART = "part"
    MORE = "more"
    OTH = "oth"


# --- maps ---------------------------------------------------------------------------------------


def _as_map(score_map: ArrayLike, name: str = "map") -> NDArray[np.float32]:
    """Check that ``score_map`` is rows x columns and return it in float32 (a copy where needed)."""
    array = np.asarray(score_map)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must hold real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"`{name}` must be a non-empty array of rows x columns, got shape {array.shape}"
        )
    peak = float(np.abs(array.astype(np.float64)).max())
    if _LARGEST < peak < math.inf:  # min-max and resizing would overflow; the shape is what counts
        array = array.astype(np.float64) * (_LARGEST / peak)
    return array.astype(np.float32)


def normalise(score_map: ArrayLike) -> NDArray[np.float32]:
    """Stretch a map to [0, 1] by its own minimum and maximum.

    Args:
        score_map: Real numbers, rows x columns, any range.

    Returns:
        float32 of the same shape in [0, 1]; all zeros where the map is constant or holds a number
        that is not finite (such a map points nowhere, and that must stay visible).

    Raises:
        TypeError: The array does not hold real numbers.
        ValueError: The array is empty or not two-dimensional.
    """
    array = _as_map(score_map)
    if not np.isfinite(array).all() or array.min() == array.max():
        return np.zeros_like(array)
    shifted = array - array.min()
    stretched: NDArray[np.float32] = shifted / shifted.max()
    return stretched


def _quantise(unit_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Floor(255 s): truncation, not rounding, as the benchmark does."""
    return np.floor(unit_map * unit_map.dtype.type(255)).astype(np.uint8)


def to_grid(score_map: ArrayLike, side: int = SIDE) -> NDArray[np.uint8]:
    """Turn a raw class activation map into the grey levels that are drawn and thresholded.

    Args:
        score_map: Raw map, rows x columns, no ReLU and no bias; any range.
        side: Side of the result in pixels.

    Returns:
        uint8 array, side x side: bicubic resize, min-max, floor(255 s). All zeros for a constant
        map or one that is not finite everywhere.

    Raises:
        TypeError: The array does not hold real numbers, or ``side`` is not an integer.
        ValueError: The array is empty or not two-dimensional, or ``side`` is below 1.
    """
    if isinstance(side, bool) or not isinstance(side, int | np.integer):
        raise TypeError(f"`side` must be an integer, got {side!r}")
    if side < 1:
        raise ValueError(f"`side` must be at least 1, got {side}")
    array = _as_map(score_map)
    # Tested before resizing: interpolation would turn a constant into rounding noise, and min-max
    # would stretch that noise over the whole range.
    if not np.isfinite(array).all() or array.min() == array.max():
        return np.zeros((side, side), dtype=np.uint8)
    resized = cv2.resize(array, (int(side), int(side)), interpolation=cv2.INTER_CUBIC)
    return _quantise(normalise(resized))


# --- boxes from maps ----------------------------------------------------------------------------


def _level(threshold: float, peak: int) -> int:
    """Grey level of a relative threshold; pixels must be strictly above it."""
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise TypeError(f"`threshold` must be a number in [0, 1], got {threshold!r}")
    if not 0 <= threshold <= 1:  # also refuses NaN
        raise ValueError(f"`threshold` must be in [0, 1], got {threshold!r}")
    return int(float(threshold) * peak)


def _check_grid(grid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if not isinstance(grid, np.ndarray) or grid.dtype != np.uint8:
        kind = getattr(grid, "dtype", type(grid).__name__)
        raise TypeError(f"`grid` must be a uint8 array, got {kind}; use `to_grid` for a raw map")
    if grid.ndim != 2 or grid.size == 0:
        raise ValueError(f"`grid` must be rows x columns and not empty, got shape {grid.shape}")
    return grid


def _boxes_above(grid: NDArray[np.uint8], level: int, multi: bool) -> list[GridBox]:
    """Bounding rectangles of the contours of ``grid > level``."""
    height, width = grid.shape
    mask = (grid > level).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if len(contours) == 0:
        return [NO_BOX]
    # `max` keeps the first of equal areas; one-pixel-wide components have area 0.
    chosen = list(contours) if multi else [max(contours, key=cv2.contourArea)]
    boxes: list[GridBox] = []
    for contour in chosen:
        x, y, w, h = (int(v) for v in cv2.boundingRect(contour))
        # Half-open on purpose, clipped to the last pixel: the benchmark's convention.
        boxes.append((x, y, min(x + w, width - 1), min(y + h, height - 1)))
    return boxes


def boxes_from_grid(
    grid: NDArray[np.uint8], threshold: float, multi: bool = False
) -> list[GridBox]:
    """Find the boxes of a grey-level map.

    Args:
        grid: uint8, rows x columns (what `to_grid` returns).
        threshold: Fraction of the grid's maximum, in [0, 1]; pixels must be strictly above
            ``int(threshold * max)``.
        multi: False: the contour of largest area only. True: every contour, holes included, as
            MaxBoxAccV2 counts them, in OpenCV's order.

    Returns:
        Boxes (x0, y0, x1, y1) in grid pixels; ``[(0, 0, 0, 0)]`` if nothing is above.

    Raises:
        TypeError: The grid is not uint8 or the threshold not a number.
        ValueError: The grid is empty or the threshold outside [0, 1].
    """
    grid = _check_grid(grid)
    return _boxes_above(grid, _level(threshold, int(grid.max())), multi)


def box_from_grid(grid: NDArray[np.uint8], threshold: float) -> GridBox:
    """Box of the largest contour of a grey-level map; see `boxes_from_grid`."""
    return boxes_from_grid(grid, threshold)[0]


def boxes_over_thresholds(
    grid: NDArray[np.uint8], thresholds: Sequence[float], multi: bool = False
) -> list[list[GridBox]]:
    """Boxes at many thresholds, with one contour pass per distinct grey level (at most 256).

    Args:
        grid: uint8, rows x columns.
        thresholds: Fractions of the maximum, each in [0, 1].
        multi: As in `boxes_from_grid`.

    Returns:
        One list of boxes per threshold, in the order given; equal to calling `boxes_from_grid`
        for each.

    Raises:
        TypeError: As `boxes_from_grid`.
        ValueError: As `boxes_from_grid`.
    """
    peak = int(_check_grid(grid).max())
    levels = [_level(threshold, peak) for threshold in thresholds]
    found = {level: _boxes_above(grid, level, multi) for level in set(levels)}
    return [list(found[level]) for level in levels]


def boxes_from_normalised(
    unit_map: ArrayLike, threshold: float, multi: bool = False
) -> list[GridBox]:
    """Find the boxes of a map that is already in [0, 1], at its own resolution.

    Args:
        unit_map: Rows x columns, every value in [0, 1].
        threshold: As in `boxes_from_grid`.
        multi: As in `boxes_from_grid`.

    Returns:
        Boxes (x0, y0, x1, y1) in the map's own cells.

    Raises:
        TypeError: The array does not hold real numbers.
        ValueError: A value is NaN or outside [0, 1], or the shape or threshold is wrong.
    """
    array = np.asarray(unit_map)
    if array.dtype.kind in "fiub" and np.isnan(array).any():
        raise ValueError("`unit_map` holds NaN; every value must be in [0, 1]: normalise it first")
    checked = _as_map(array, "unit_map")
    if array.dtype == np.float64:  # float64 stays: rounding to float32 could cross a grey level
        checked = array
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"`unit_map` must be in [0, 1], got values from {low:g} to {high:g}: normalise it first"
        )
    return boxes_from_grid(_quantise(checked), threshold, multi)


def box_from_map(score_map: ArrayLike, threshold: float) -> GridBox:
    """Box of a raw map in the 224 x 224 space: `to_grid`, then `box_from_grid`."""
    return box_from_grid(to_grid(score_map), threshold)


# --- box arithmetic -----------------------------------------------------------------------------


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
