"""Print figure of DFM at one insertion point: every map in the paper's order (Fig. 2 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfm_viz.render.overlay import overlay
from dfm_viz.render.print_style import FAINT, Sheet, shrink
from dfm_viz.render.scales import colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from dfm_viz.inspection.result import Inspection, PointResult
    from dfm_viz.inspection.settings import Settings

_SIDE, _STEP, _MARGIN, _HEAD, _FOOT = 1.15, 1.37, 0.12, 0.4, 0.42
_SYMBOLS = {
    **{"F_in": ("F", "in"), "F_out": ("F", "out"), "C_ME": ("C", "ME"), "P_ME": ("P", "ME")},
    **{"C_A": ("C", "A"), "C_E": ("C", "E"), "C_M": ("C", "M"), "P_A": ("P", "A")},
    **{"P_E": ("P", "E"), "P_M_prime": ("P′", "M"), "Delta_M": ("Δ", "M"), "P_M": ("P", "M")},
}
"""Letter and index of each map."""
_CHANNELS = (("C_A", "attention"), ("C_E", "enhancement"), ("C_M", "mask"))
_POSITIONS = (
    ("P_A", "attention"),
    ("P_E", "enhancement"),
    ("P_M_prime", "mask"),
    ("Delta_M", "neighbours"),
    ("P_M", "focused mask"),
)


def pipeline(
    rgb: NDArray[np.uint8],
    inspection: Inspection,
    point: str,
    truths: Sequence[Sequence[float]],
) -> Figure:
    """Every map of one insertion point: the channel branch above, the position branch below.

    Args:
        rgb: (H, W, 3) uint8, the upright picture, any size of the right shape.
        inspection: what to show.
        point: a key of `inspection.points`.
        truths: true boxes in pixels of `inspection.width` x `inspection.height`.
    """
    from matplotlib.colors import ListedColormap

    maps, chosen = inspection.points[point], inspection.settings
    colours = ListedColormap(colormap(str(chosen.colormap)) / 255.0)
    row = _HEAD + _SIDE + _FOOT
    sheet = Sheet(2 * _MARGIN + 7 * _STEP - 0.14, _MARGIN + 0.3 + 2 * row)
    sheet.text(_MARGIN, 0.1, _heading(inspection, point, maps), fontsize=9.5)
    x = [_MARGIN + i * _STEP for i in range(7)]
    top, below = 0.36, 0.36 + row

    ends = _ends((maps.F_in_mean, maps.F_out_mean))
    _map(sheet, x[0], top, "F_in", "what arrives, mean", maps.F_in_mean, colours, ends)
    order = np.argsort(-maps.C_A, kind="stable")
    for place, (name, words) in zip(x[1:4], _CHANNELS, strict=True):
        _bars(sheet, place, top, name, words, getattr(maps, name)[order])
    _map(sheet, x[4], top, "C_ME", "channel map, mean", maps.C_ME_mean, colours)
    _map(sheet, x[5], top, "F_out", "what leaves, mean", maps.F_out_mean, colours, ends)
    for place, (name, words) in zip(x[:5], _POSITIONS, strict=True):
        values = getattr(maps, name)
        _map(sheet, place, below, name, words, values, colours, _fixed(name, values, chosen))
    _map(sheet, x[5], below, "P_ME", "position map, mean", maps.P_ME_mean, colours)
    _cam(sheet, x[6], top, rgb, inspection, truths)
    _settings(sheet, x[6], below, chosen)
    return sheet.figure


def _heading(inspection: Inspection, point: str, maps: PointResult) -> str:
    rows, columns = maps.P_A.shape
    drawn = "module off" if maps.path is None else f"{maps.path[point]} map drawn"
    size = f"{len(maps.C_A)} channels, {rows} x {columns}"
    return f"DFM after {point}: {size}, {drawn} ({inspection.family})"


def _head(sheet: Sheet, x: float, y: float, name: str, words: str) -> None:
    letter, index = _SYMBOLS[name]
    sheet.text(x, y, letter, fontsize=10)
    sheet.text(x + (0.13 if len(letter) > 1 else 0.1), y + 0.06, index, fontsize=7)
    sheet.text(x, y + 0.2, words, color=FAINT)


def _ends(maps: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """From zero, or the least value if that is below, to the greatest; never empty."""
    low, high = min(0.0, *(float(m.min()) for m in maps)), max(float(m.max()) for m in maps)
    return low, high if high > low else low + 1


def _fixed(name: str, values: NDArray[np.float32], chosen: Settings) -> tuple[float, float] | None:
    """The ends that the equations give a map, so that figures can be compared."""
    most = max(chosen.omega, float(values.max()) if name == "Delta_M" else 0.0)
    high = {"P_M_prime": 1.0, "P_E": 1.0, "Delta_M": max(most, 0.01)}.get(name)
    return None if high is None or values.min() < 0 else (0.0, high)


def _map(
    sheet: Sheet,
    x: float,
    y: float,
    name: str,
    words: str,
    values: NDArray[np.float32],
    colours: Colormap,
    ends: tuple[float, float] | None = None,
) -> None:
    """One map, one square per cell, with its colour bar and numbers."""
    low, high = ends or _ends((values,))
    _head(sheet, x, y, name, words)
    rows, columns = values.shape
    side = _SIDE / max(rows, columns)
    place = (x, y + _HEAD, columns * side, rows * side)
    sheet.image(place, values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    sheet.rectangle(place, edgecolor=FAINT, linewidth=0.5)
    bar = (x, y + _HEAD + _SIDE + 0.05, _SIDE, 0.06)
    sheet.image(bar, np.linspace(0, 1, 128)[None], cmap=colours)
    sheet.rectangle(bar, edgecolor=FAINT, linewidth=0.5)
    foot = y + _HEAD + _SIDE + 0.13
    sheet.text(x, foot, _short(low), fontsize=6, color=FAINT)
    sheet.text(x + _SIDE, foot, _short(high), fontsize=6, color=FAINT, ha="right")
    sheet.text(x, foot + 0.11, _summary(values), fontsize=5.5)


def _bars(
    sheet: Sheet, x: float, y: float, name: str, words: str, values: NDArray[np.float32]
) -> None:
    """One value per channel, in the order in which C_A falls."""
    masked = f", {int((values == 0).sum())} masked" if name == "C_M" else ""
    _head(sheet, x, y, name, words + masked)
    low, high = _ends((values,))
    bottom = y + _HEAD + _SIDE
    edges = x + np.arange(len(values) + 1) * (_SIDE / len(values))
    heights = np.append(values, values[-1])
    tops, base = (
        bottom - (heights - low) / (high - low) * _SIDE,
        bottom + low / (high - low) * _SIDE,
    )
    sheet.axes.fill_between(edges, base, tops, step="post", color="#4A5FA5", linewidth=0)
    sheet.axes.plot((x, x, x + _SIDE), (y + _HEAD, bottom, bottom), color=FAINT, linewidth=0.5)
    sheet.text(x + _SIDE, y + _HEAD - 0.1, _short(high), fontsize=6, color=FAINT, ha="right")
    foot = bottom + 0.05
    sheet.text(x, foot, "channels, C_A falling", fontsize=6, color=FAINT)
    sheet.text(x, foot + 0.19, _summary(values), fontsize=5.5)


def _cam(
    sheet: Sheet,
    x: float,
    y: float,
    rgb: NDArray[np.uint8],
    inspection: Inspection,
    truths: Sequence[Sequence[float]],
) -> None:
    """DFM's class activation map over the picture, with its box."""
    dfm, chosen = inspection.methods["dfm"], inspection.settings
    sheet.text(x, y, "CAM", fontsize=10)
    sheet.text(x, y + 0.2, f"of DFM, mode {chosen.mode}", color=FAINT)
    tile = overlay(shrink(rgb), dfm.grid, colormap=str(chosen.colormap), opacity=chosen.opacity)
    size = (inspection.width, inspection.height)
    frame = sheet.picture(x, y + _HEAD, tile, size, _SIDE)
    for truth in truths:
        sheet.outline(frame, truth, "true")
    sheet.outline(frame, dfm.box, "predicted")
    foot = y + _HEAD + _SIDE + 0.05
    overlap = "" if dfm.iou is None else f", IoU {dfm.iou:.2f}"
    label = dfm.label if len(dfm.label) <= 22 else f"{dfm.label[:21].rstrip()}…"
    sheet.text(x, foot, label, fontsize=6.5)
    sheet.text(x, foot + 0.12, f"score {dfm.score:.2f}{overlap}", fontsize=6.5, color=FAINT)
    words = "solid: predicted, dashed: true" if truths else "solid: predicted box"
    sheet.text(x, foot + 0.25, words, fontsize=5.5, color=FAINT)


def _settings(sheet: Sheet, x: float, y: float, chosen: Settings) -> None:
    """What was in force, below the CAM."""
    greek = {"alpha": "α", "beta": "β", "omega": "ω", "delta": "δ", "gamma": "γ", "tau": "τ"}
    lines = [f"{sign} = {getattr(chosen, name):g}" for name, sign in greek.items()]
    lines += [f"Eq. 16: {chosen.apply}", f"Eq. 7: {chosen.neighbourhood}"]
    if chosen.branches != "both":
        lines.append(f"{chosen.branches} branch only")
    elif chosen.fusion != "cross":
        lines.append(f"{chosen.fusion} fusion")
    sheet.text(x, y + 0.2, "settings", color=FAINT)
    for number, line in enumerate(lines):
        sheet.text(x, y + _HEAD + 0.14 * number, line)


def _short(value: float) -> str:
    """Two decimals, or two digits where these would say nothing."""
    plain = value == 0 or 0.005 <= abs(value) < 1e4
    text = f"{value:.2f}".removesuffix(".00") if plain else f"{value:.1e}"
    return text.replace("-", "−")


def _summary(values: NDArray[np.float32]) -> str:
    least, mean, most = (_short(float(v)) for v in (values.min(), values.mean(), values.max()))
    return f"min {least}  mean {mean}  max {most}"
