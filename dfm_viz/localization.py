"""From a class activation map to a box (pure numpy and OpenCV); box arithmetic is in `boxes`.

The convention is the one that makes numbers comparable across papers of this field: the raw map is
resized to 224 x 224 (bicubic), min-max normalised, quantised to 256 grey levels, thresholded at a
fraction of its maximum, and the bounding rectangle of the largest contour is the box.
Everything of `dfm_viz.boxes` can be imported from here too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfm_viz.boxes import (
    SIDE,
    ErrorType,
    GridBox,
    best_iou,
    check_box,
    check_truths,
    error_type,
    iog,
    iop,
    iou,
    iou_table,
    resize_box,
    scale_box,
)

__all__ = [
    "NO_BOX",
    "SIDE",
    "ErrorType",
    "GridBox",
    "best_iou",
    "box_from_grid",
    "box_from_map",
    "boxes_from_grid",
    "boxes_from_normalised",
    "check_box",
    "check_truths",
    "energy_inside",
    "error_type",
    "iog",
    "iop",
    "iou",
    "iou_table",
    "normalise",
    "peak_inside",
    "peak_of",
    "quantise",
    "resize_box",
    "scale_box",
    "threshold_level",
    "to_grid",
    "unit_map",
]

NO_BOX: GridBox = (0, 0, 0, 0)
"""The benchmark's answer when nothing exceeds the threshold (one pixel, top left)."""
_LARGEST = 1e37


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


def quantise(unit_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Floor(255 s) of a map in [0, 1]: truncation, not rounding, as the benchmark does."""
    return np.floor(unit_map * unit_map.dtype.type(255)).astype(np.uint8)


def unit_map(score_map: ArrayLike, side: int = SIDE) -> NDArray[np.float32]:
    """Turn a raw class activation map into the map whose grey levels `to_grid` returns.

    Args:
        score_map: Raw map, rows x columns, no ReLU and no bias; any range.
        side: Side of the result in pixels.

    Returns:
        float32, side x side, in [0, 1]: bicubic resize, then min-max. All zeros for a constant map
        or one that is not finite everywhere.

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
        return np.zeros((side, side), dtype=np.float32)
    resized = cv2.resize(array, (int(side), int(side)), interpolation=cv2.INTER_CUBIC)
    return normalise(resized)


def to_grid(score_map: ArrayLike, side: int = SIDE) -> NDArray[np.uint8]:
    """The grey levels of a raw map that are drawn and thresholded: floor(255 s) of `unit_map`.

    Arguments and errors as `unit_map`; uint8, side x side.
    """
    return quantise(unit_map(score_map, side))


# --- where a map looks --------------------------------------------------------------------------


def peak_of(unit: NDArray[Any]) -> tuple[int, int] | None:
    """x, y of the highest point of a map, the first in raster order; None if it is flat.

    `unit` is what `unit_map` or `to_grid` returns: both peak at the same point, because only a
    value of 1 becomes the grey level 255.
    """
    if not unit.any():
        return None
    y, x = divmod(int(unit.argmax()), unit.shape[1])
    return x, y


def peak_inside(peak: tuple[int, int], truths: Sequence[GridBox]) -> bool:
    """Whether a point of a map lies in any of the true boxes, inclusive pixels."""
    x, y = peak
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in truths)


def energy_inside(unit: NDArray[Any], truths: Sequence[GridBox]) -> float:
    """Share of a map's sum inside the union of the true boxes, inclusive pixels; 0 for zeros.

    The map is the min-max normalised one: what is drawn and thresholded has no negative values.
    """
    inside = np.zeros(unit.shape, dtype=bool)
    for x0, y0, x1, y1 in truths:
        inside[y0 : y1 + 1, x0 : x1 + 1] = True
    total = float(unit.sum(dtype=np.float64))
    return float(unit[inside].sum(dtype=np.float64)) / total if total else 0.0


# --- boxes from maps ----------------------------------------------------------------------------


def threshold_level(threshold: float, peak: int) -> int:
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
    return _boxes_above(grid, threshold_level(threshold, int(grid.max())), multi)


def box_from_grid(grid: NDArray[np.uint8], threshold: float) -> GridBox:
    """Box of the largest contour of a grey-level map; see `boxes_from_grid`."""
    return boxes_from_grid(grid, threshold)[0]


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
    return boxes_from_grid(quantise(checked), threshold, multi)


def box_from_map(score_map: ArrayLike, threshold: float) -> GridBox:
    """Box of a raw map in the 224 x 224 space: `to_grid`, then `box_from_grid`."""
    return box_from_grid(to_grid(score_map), threshold)
