"""What all print figures share: colours, boxes, tiles, and how they become PNG, SVG and PDF."""

from __future__ import annotations

import io
import logging
import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
TRUE, PREDICTED, DARK = "#FF3030", "#19E35B", "#0C0E12"
"""Red for the true box and green for the predicted one, as the paper prints them; a dark edge
makes both visible on any map. The true box is dashed, so that colour is not needed."""
INK, FAINT = "#181A20", "#5C626E"
TILE = 1.75
"""Longest side of a picture, in inches."""
_PIXELS = 420
_DPI = 200
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib
    "mathtext.fontset": "dejavusans",
    "font.size": 7.5,
    "text.color": INK,
    "axes.linewidth": 0.5,
    "axes.edgecolor": FAINT,
    "lines.dash_capstyle": "butt",
    "pdf.fonttype": 42,  # text stays text, with the font inside
    "svg.hashsalt": "dfm_viz",
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"pil_kwargs": {"compress_level": 3}},  # half the time for a tenth of the size
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
# matplotlib's fonts and parsers are shared by the whole process and not made for threads.
_ONE_AT_A_TIME = threading.Lock()


def encoded(draw: Callable[[], Figure], formats: Sequence[str] = FORMATS) -> dict[str, bytes]:
    """Draw a figure, without a display, and encode it.

    Args:
        draw: makes the figure; called once, under the style of print figures.
        formats: some of `FORMATS`.

    Returns:
        Format -> bytes of the file.
    """
    from matplotlib import rc_context

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it doubts the fonts' dates
    files = {}
    with _ONE_AT_A_TIME, rc_context(_STYLE):
        figure = draw()
        for kind in formats:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=_DPI, **_OPTIONS[kind])
            files[kind] = buffer.getvalue()
    return files


def shrink(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture at the size it is printed in: 240 pixels per inch of the longest side."""
    height, width = rgb.shape[:2]
    scale = _PIXELS / max(width, height)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, shape, interpolation=method), dtype=np.uint8)


def wrap(text: str, width: int = 30, lines: int = 2) -> list[str]:
    """Text in at most some lines of at most some letters; an ellipsis says what is missing."""
    return textwrap.wrap(text, width, max_lines=lines, placeholder=" …")


@dataclass
class Sheet:
    """A figure laid out in inches from its top left corner.

    Attributes:
        figure: the matplotlib figure.
        width: inches.
        height: inches.
    """

    figure: Figure
    width: float
    height: float

    @classmethod
    def of(cls, width: float, height: float) -> Sheet:
        """A white sheet of that size."""
        from matplotlib.figure import Figure

        return cls(Figure(figsize=(width, height), facecolor="white"), width, height)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes without ticks whose top left corner is at x, y."""
        place = (
            x / self.width,
            1 - (y + height) / self.height,
            width / self.width,
            height / self.height,
        )
        axes = self.figure.add_axes(place)
        axes.set_xticks([])
        axes.set_yticks([])
        return axes

    def text(self, x: float, y: float, text: str, *, math: bool = False, **style: Any) -> None:
        """Text whose top left corner is at x, y; only `math` gives $ a meaning."""
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            text,
            **{"va": "top", "ha": "left", "parse_math": math, **style},
        )

    def picture(
        self, x: float, y: float, rgb: NDArray[np.uint8], size: tuple[float, float], side: float
    ) -> Axes:
        """A picture whose longest side is `side` inches; its axes count in pixels of `size`."""
        width, height = size
        scale = side / max(width, height)
        axes = self.axes(x, y, max(width * scale, 0.02), max(height * scale, 0.02))
        axes.imshow(rgb, extent=(0, width, height, 0), aspect="auto", interpolation="bilinear")
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        return axes


def outline(axes: Axes, box: Sequence[float], kind: str) -> None:
    """Draw a box, kind "predicted" (solid) or "true" (dashed), both on a dark line."""
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = box
    true = kind == "true"
    for colour, width, dash in (
        (DARK, 2.6, "solid"),
        (TRUE if true else PREDICTED, 1.4, (0, (4, 2.5)) if true else "solid"),
    ):
        axes.add_patch(
            Rectangle(
                (x0, y0),
                x1 - x0,
                y1 - y0,
                fill=False,
                edgecolor=colour,
                linewidth=width,
                linestyle=dash,
                clip_on=False,
                joinstyle="miter",
            )
        )


def legend(sheet: Sheet, x: float, y: float, kinds: Sequence[str], stops: str) -> None:
    """Samples of the boxes in use, left to right, then the colour bar of the maps.

    Args:
        sheet: to draw on.
        x: inches.
        y: inches.
        kinds: "predicted" or "true".
        stops: name of the colour scale.
    """
    from dfm_viz.render.scales import colormap

    for kind in kinds:
        axes = sheet.axes(x, y, 0.26, 0.13)
        axes.set_xlim(0, 26)
        axes.set_ylim(13, 0)
        axes.axis("off")
        outline(axes, (1, 1, 25, 12), kind)
        words = {"predicted": "predicted box", "true": "true box"}[kind]
        sheet.text(x + 0.33, y + 0.005, words, color=FAINT)
        x += 1.25
    axes = sheet.axes(x + 0.42, y + 0.01, 0.9, 0.11)
    axes.imshow(colormap(stops)[None], aspect="auto")
    axes.axis("off")
    sheet.text(x, y + 0.005, "map: 0", color=FAINT)
    sheet.text(x + 1.37, y + 0.005, "1, from its least to its greatest value", color=FAINT)
