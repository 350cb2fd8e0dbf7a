"""Boxes that can be told apart without colour: solid, thin, dashed, each on a dark casing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfm_viz.render.overlay import check_rgb


@dataclass(frozen=True)
class BoxStyle:
    """How a box is drawn.

    Attributes:
        colour: Red, green, blue.
        weight: Line width relative to the picture's base line width.
        dash: Length of a dash and of a gap, in line widths; None for a solid line.
        casing: Colour beneath the line, showing on both sides and in the gaps.
    """

    colour: tuple[int, int, int]
    weight: float
    dash: tuple[int, int] | None = None
    casing: tuple[int, int, int] = (18, 18, 24)


BOX_STYLES: dict[str, BoxStyle] = {
    "predicted": BoxStyle((0xFF, 0x4D, 0x8D), 1.0),
    "off": BoxStyle((255, 255, 255), 0.5),
    "true": BoxStyle((255, 255, 255), 1.0, dash=(4, 3)),
}
"""Predicted box, the box with the module off, and the true box."""


def line_width(width: int, height: int) -> int:
    """Base line width in pixels for a picture of that size."""
    return max(2, round(min(width, height) / 150))


def draw_box(
    rgb: NDArray[np.uint8],
    box: Sequence[float],
    style: str = "predicted",
    *,
    width: int | None = None,
) -> NDArray[np.uint8]:
    """Draw one box.

    Args:
        rgb: (H, W, 3) uint8.
        box: (x0, y0, x1, y1) in pixels of ``rgb``, corners inclusive; rounded to pixels. What
            lies outside the picture is drawn on its border.
        style: A name in `BOX_STYLES`.
        width: Base line width in pixels; by default it follows the picture's size.

    Returns:
        (H, W, 3) uint8, new. The line runs inside the box, its casing one pixel further on
        either side.

    Raises:
        TypeError: ``rgb`` is not uint8.
        ValueError: The box has swapped corners or is not finite, or the style is unknown.
    """
    rows, columns = check_rgb(rgb).shape[:2]
    if style not in BOX_STYLES:
        raise ValueError(f"`style` must be one of {', '.join(BOX_STYLES)}, got {style!r}")
    if len(box) != 4 or not all(np.isfinite(box)) or box[2] < box[0] or box[3] < box[1]:
        raise ValueError(f"`box` must be x0 <= x1 and y0 <= y1, finite, got {tuple(box)}")
    look = BOX_STYLES[style]
    base = line_width(columns, rows) if width is None else width
    stroke = max(1, round(base * look.weight))
    limits = (columns - 1, rows - 1) * 2
    x0, y0, x1, y1 = (min(max(round(v), 0), limit) for v, limit in zip(box, limits, strict=True))
    out = rgb.copy()
    out[_frame(rows, columns, (x0 - 1, y0 - 1, x1 + 1, y1 + 1), stroke + 2)] = look.casing
    line = _frame(rows, columns, (x0, y0, x1, y1), stroke)
    if look.dash is not None:
        line &= _dashes((y1 - y0 + 1, x1 - x0 + 1), stroke, look.dash, (rows, columns), (x0, y0))
    out[line] = look.colour
    return out


def _frame(
    rows: int, columns: int, box: tuple[int, int, int, int], stroke: int
) -> NDArray[np.bool_]:
    """The border of ``box``, ``stroke`` pixels deep inwards, clipped to the picture."""
    x0, y0, x1, y1 = box
    mask = np.zeros((rows, columns), dtype=bool)
    mask[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = True
    inner = mask[max(y0 + stroke, 0) : max(y1 + 1 - stroke, 0),
                 max(x0 + stroke, 0) : max(x1 + 1 - stroke, 0)]  # fmt: skip
    inner[...] = False
    return mask


def _dashes(
    size: tuple[int, int],
    stroke: int,
    dash: tuple[int, int],
    shape: tuple[int, int],
    origin: tuple[int, int],
) -> NDArray[np.bool_]:
    """Where a dashed frame is inked; dashes run along each side from its first corner."""
    height, width = size
    on, period = dash[0] * stroke, sum(dash) * stroke
    inked = np.zeros(shape, dtype=bool)
    x0, y0 = origin
    along_x = np.arange(width) % period < on
    along_y = np.arange(height) % period < on
    block = inked[y0 : y0 + height, x0 : x0 + width]
    block[:stroke] |= along_x
    block[-stroke:] |= along_x
    block[:, :stroke] |= along_y[:, None]
    block[:, -stroke:] |= along_y[:, None]
    return inked
