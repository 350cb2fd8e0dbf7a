"""Print figures of one inspection, after the paper's Fig. 1 (peaks) and Fig. 5 (boxes)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.render.overlay import overlay
from dfm_viz.render.print_style import (
    DARK,
    FAINT,
    INK,
    TILE,
    Frame,
    Sheet,
    shrink,
    wrap,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dfm_viz.inspection.result import Inspection, MethodResult

Boxes = Sequence[Sequence[float]]
_MOST = 5
_MARGIN, _GAP, _LINE, _HEAD = 0.1, 0.14, 0.135, 0.24
_LEGEND = 6.0
"""Inches that the legend needs."""


def comparison(rgb: NDArray[np.uint8], inspection: Inspection, truths: Boxes) -> Figure:
    """The picture and every method's map over it, with boxes and numbers (the paper's Fig. 5).

    Args:
        rgb: (H, W, 3) uint8, the upright picture, any size of the right shape.
        inspection: what to show.
        truths: true boxes in pixels of `inspection.width` x `inspection.height`.
    """
    small, methods = shrink(rgb), inspection.methods.values()
    titles = ["Picture", *(method.title for method in methods)]
    tiles = [small, *_overlays(small, inspection)]
    captions = [[f"{inspection.width} x {inspection.height} px"], *map(_numbers, methods)]
    sheet, frames = _sheet(inspection, titles, tiles, captions, truths)
    for frame, method in zip(frames[1:], methods, strict=True):
        sheet.outline(frame, method.box, "predicted")
    return sheet.figure


def attention(rgb: NDArray[np.uint8], inspection: Inspection, truths: Boxes) -> Figure:
    """Where each map peaks and how far that is from CAM's peak (the paper's Fig. 1).

    Arguments as for `comparison`.
    """
    small, methods = shrink(rgb), inspection.methods
    start = methods["cam"].peak if "cam" in methods else None
    titles = [method.title for method in methods.values()]
    captions = [_movement(name, inspection) for name in methods]
    sheet, frames = _sheet(inspection, titles, _overlays(small, inspection), captions, truths)
    for frame, (name, method) in zip(frames, methods.items(), strict=True):
        sheet.outline(frame, method.box, "predicted")
        if method.peak is None:
            continue
        if name != "cam" and start not in (None, method.peak):
            _arrow(sheet, frame.at(*start), frame.at(*method.peak))
        _star(sheet, frame.at(*method.peak))
    return sheet.figure


def _overlays(small: NDArray[np.uint8], inspection: Inspection) -> list[NDArray[np.uint8]]:
    chosen = inspection.settings
    return [
        overlay(small, method.grid, colormap=str(chosen.colormap), opacity=chosen.opacity)
        for method in inspection.methods.values()
    ]


def _sheet(
    inspection: Inspection,
    titles: Sequence[str],
    tiles: Sequence[NDArray[np.uint8]],
    captions: Sequence[Sequence[str]],
    truths: Boxes,
) -> tuple[Sheet, list[Frame]]:
    """Titled pictures with lines below them and the true boxes on them, and a legend."""
    rows = math.ceil(len(tiles) / _MOST)
    columns = math.ceil(len(tiles) / rows)
    size = (inspection.width, inspection.height)
    wide, high = (max(side * TILE / max(size), 0.02) for side in size)
    step = max(wide, 1.6) + _GAP
    block = _HEAD + high + 0.06 + max(map(len, captions)) * _LINE + 0.1
    sheet = Sheet(max(2 * _MARGIN + columns * step - _GAP, _LEGEND), rows * block + 0.45)
    frames = []
    for number, (title, tile, lines) in enumerate(zip(titles, tiles, captions, strict=True)):
        x, y = _MARGIN + number % columns * step, _MARGIN + number // columns * block
        sheet.text(x, y, wrap(title, 22, 1)[0], fontsize=9.5)
        frame = sheet.picture(x, y + _HEAD, tile, size, TILE)
        for truth in truths:
            sheet.outline(frame, truth, "true")
        y += _HEAD + high + 0.06
        for row, line in enumerate(lines):
            sheet.text(x, y + row * _LINE, line, color=FAINT if row else INK)
        frames.append(frame)
    kinds = ["predicted", *(["true"] if truths else [])]
    sheet.legend(_MARGIN, sheet.height - 0.22, kinds, str(inspection.settings.colormap))
    return sheet, frames


def _numbers(method: MethodResult) -> list[str]:
    label, *more = wrap(method.label, 20, 1) or [""]
    lines = [f"{label}, score {method.score:.3f}", *more]
    if method.iou is not None:
        lines.append(f"IoU {method.iou:.3f}")
    return [*lines, *wrap(method.note)][:4]


def _movement(name: str, inspection: Inspection) -> list[str]:
    """What a method's peak did, in words and numbers."""
    method, cam = inspection.methods[name], inspection.methods.get("cam")
    if method.peak is None:
        return ["flat map: no peak"]
    if name == "cam" or cam is None or cam.peak is None:
        lines = ["★ peak at {:.0f}, {:.0f} px".format(*method.peak)]
    elif cam.peak == method.peak:
        lines = ["★ peak where CAM's is"]
    else:
        far = math.dist(cam.peak, method.peak)
        share = far / math.hypot(inspection.width, inspection.height)
        lines = [f"★ peak {far:.0f} px from CAM's ○", f"{100 * share:.0f} % of the diagonal"]
    if method.peak_inside is not None:
        left = cam is not None and cam.peak_inside and not method.peak_inside
        outside = "▲ left the true box" if left else "outside every true box"
        lines.append("inside a true box" if method.peak_inside else outside)
    if method.energy is not None:
        lines.append(f"{100 * method.energy:.0f} % of the map inside")
    return lines


def _star(sheet: Sheet, at: tuple[float, float]) -> None:
    star: dict[str, Any] = {"color": "white", "markeredgecolor": DARK, "markeredgewidth": 0.9}
    sheet.axes.plot(*at, marker="*", markersize=11, **star)


def _arrow(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From CAM's peak, a ring, to the method's."""
    from matplotlib.patches import FancyArrowPatch

    for colour, width in ((DARK, 2.2), ("white", 1.1)):
        ring: dict[str, Any] = {
            "color": "none",
            "markeredgecolor": colour,
            "markeredgewidth": width,
        }
        sheet.axes.plot(*start, marker="o", markersize=5, **ring)
    sheet.axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="simple,head_width=5,head_length=5,tail_width=1.5",
            facecolor="white",
            edgecolor=DARK,
            linewidth=0.7,
            shrinkA=3,
            shrinkB=4,
        )
    )
