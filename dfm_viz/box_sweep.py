"""Every box a grey-level map can give, at all thresholds, from at most 256 contour passes.

A threshold only decides which grey level a pixel must exceed, and there are 256 levels: one
contour pass per level gives the boxes of any number of thresholds, the largest contour's and all
contours' at once. A level at which no pixel lies changes nothing and costs no pass, and every pass
looks only at the part of the map that holds pixels above its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfm_viz.boxes import GridBox, iou_table
from dfm_viz.localization import NO_BOX, threshold_level

LEVELS = 256
"""Number of grey levels, and of entries in a curve."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """The boxes of one map at every grey level.

    Attributes:
        boxes: (k, 4) int, the boxes of all passes one after the other, each pass in OpenCV's order.
        start: (passes + 1,) where the boxes of each pass begin.
        largest: (passes,) index of the box of each pass's largest contour.
        pass_of: (256,) the pass that belongs to a level: boxes of pixels strictly above it.
        peak: the map's largest grey level.
    """

    boxes: NDArray[np.int64]
    start: NDArray[np.int64]
    largest: NDArray[np.int64]
    pass_of: NDArray[np.int64]
    peak: int

    def box(self, threshold: float) -> GridBox:
        """As `localization.box_from_grid`."""
        number = self.pass_of[threshold_level(threshold, self.peak)]
        x0, y0, x1, y1 = self.boxes[self.largest[number]].tolist()
        return x0, y0, x1, y1

    def all_boxes(self, threshold: float) -> list[GridBox]:
        """As `localization.boxes_from_grid` with ``multi=True``."""
        number = self.pass_of[threshold_level(threshold, self.peak)]
        found = self.boxes[self.start[number] : self.start[number + 1]].tolist()
        return [(x0, y0, x1, y1) for x0, y0, x1, y1 in found]

    def curves(self, truths: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Best IoU with the true boxes (m, 4) at every grey level.

        Rounding to float32 keeps every comparison with .3, .5 and .7, if these are float32 too:
        both sides are quotients of small integers.

        Returns:
            Two arrays (256,): of the largest contour's box, and of the best of all contours'.
        """
        best = iou_table(self.boxes, truths).max(axis=1).astype(np.float32)
        return (
            best[self.largest][self.pass_of],
            np.maximum.reduceat(best, self.start[:-1])[self.pass_of],
        )


def sweep(grid: NDArray[np.uint8]) -> Sweep:
    """Find the boxes of a grey-level map (uint8, rows x columns) at all 256 levels.

    Raises:
        TypeError: The grid is not uint8.
        ValueError: It is empty or not two-dimensional.
    """
    if not isinstance(grid, np.ndarray) or grid.dtype != np.uint8:
        kind = getattr(grid, "dtype", type(grid).__name__)
        raise TypeError(f"`grid` must be a uint8 array, got {kind}; use `to_grid` for a raw map")
    if grid.ndim != 2 or grid.size == 0:
        raise ValueError(f"`grid` must be rows x columns and not empty, got shape {grid.shape}")
    top, bottom = _extents(grid.max(axis=1))
    left, right = _extents(grid.max(axis=0))
    occupied = np.bincount(grid.ravel(), minlength=LEVELS).tolist()
    peak = int(grid.max())
    boxes: list[Sequence[int]] = []
    start, largest, pass_of = [], [], []
    for level in range(peak):
        if level == 0 or occupied[level]:
            x, y = left[level], top[level]
            mask = grid[y : bottom[level], x : right[level]] > level
            contours, _ = cv2.findContours(
                mask.view(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y)
            )
            areas = list(map(cv2.contourArea, contours)) if len(contours) > 1 else [0.0]
            start.append(len(boxes))
            largest.append(len(boxes) + areas.index(max(areas)))  # the first of equal areas
            boxes.extend(map(cv2.boundingRect, contours))
        pass_of.append(len(start) - 1)
    found = np.array(boxes, dtype=np.int64).reshape(-1, 4)
    height, width = grid.shape
    # Half-open on purpose, clipped to the last pixel: the benchmark's convention.
    found[:, 2:] = np.minimum(found[:, :2] + found[:, 2:], [width - 1, height - 1])
    start += [len(found), len(found) + 1]  # the last pass: nothing lies above the peak
    largest.append(len(found))
    pass_of += [len(largest) - 1] * (LEVELS - peak)
    return Sweep(
        np.concatenate([found, [NO_BOX]]),
        np.array(start),
        np.array(largest),
        np.array(pass_of),
        peak,
    )


def _extents(highest: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Per level, the first line with a value above it, and one past the last."""
    levels = np.arange(LEVELS)
    first = np.searchsorted(np.maximum.accumulate(highest), levels, side="right")
    last = np.searchsorted(np.maximum.accumulate(highest[::-1]), levels, side="right")
    return first.tolist(), (len(highest) - last).tolist()
