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
    "font.family": "DejaVu Sans",  # ships with matplotlib; one font: embedding one takes long
    "font.size": 7.5,
    "text.color": INK,
    "image.composite_image": False,  # each map stays an image of its own
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


@dataclass(frozen=True)
class Frame:
    """Where a picture lies on a sheet.

    Attributes:
        x: left edge, inches.
        y: top edge, inches.
        width: inches.
        height: inches.
        size: width and height that its pixels count to.
    """

    x: float
    y: float
    width: float
    height: float
    size: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A pixel's place on the sheet."""
        return self.x + x * self.width / self.size[0], self.y + y * self.height / self.size[1]


class Sheet:
    """A figure laid out in inches from its top left corner.

    Everything lies on one pair of axes: axes are by far the slowest part of a figure.

    Attributes:
        figure: the matplotlib figure.
        axes: counts in inches, downwards.
        height: inches.
    """

    def __init__(self, width: float, height: float) -> None:
        """A white sheet of that size."""
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width, height), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.autoscale(False)
        self.height = height

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text whose top left corner is at x, y; no letter has a special meaning."""
        self.axes.text(x, y, text, **{"va": "top", "ha": "left", "parse_math": False, **style})

    def image(
        self,
        place: tuple[float, float, float, float],
        values: NDArray[Any],
        **style: Any,
    ) -> None:
        """An array at x, y, width, height."""
        x, y, width, height = place
        extent = (x, x + width, y + height, y)
        self.axes.imshow(values, extent=extent, aspect="auto", **style)

    def rectangle(self, place: tuple[float, float, float, float], **style: Any) -> None:
        """An unfilled rectangle at x, y, width, height."""
        from matplotlib.patches import Rectangle

        x, y, width, height = place
        self.axes.add_patch(Rectangle((x, y), width, height, fill=False, **style))

    def picture(
        self, x: float, y: float, rgb: NDArray[np.uint8], size: tuple[float, float], side: float
    ) -> Frame:
        """A picture whose longest side is `side` inches; boxes on it count in pixels of `size`."""
        wide, high = (max(length * side / max(size), 0.02) for length in size)
        self.image((x, y, wide, high), rgb, interpolation="bilinear")
        return Frame(x, y, wide, high, size)

    def outline(self, frame: Frame, box: Sequence[float], kind: str) -> None:
        """Draw a box on a picture: "predicted" solid, "true" dashed, both on a dark line."""
        true = kind == "true"
        (x0, y0), (x1, y1) = frame.at(box[0], box[1]), frame.at(box[2], box[3])
        for colour, width, dash in (
            (DARK, 2.6, "solid"),
            (TRUE if true else PREDICTED, 1.4, (0, (4, 2.5)) if true else "solid"),
        ):
            self.rectangle(
                (x0, y0, x1 - x0, y1 - y0),
                edgecolor=colour,
                linewidth=width,
                linestyle=dash,
                joinstyle="miter",
            )

    def legend(self, x: float, y: float, kinds: Sequence[str], scale: str) -> None:
        """Samples of the boxes in use, then the bar of a colour scale, left to right."""
        from dfm_viz.render.scales import colormap

        for kind in kinds:
            self.outline(Frame(x, y, 0.26, 0.13, (26, 13)), (1, 1, 25, 12), kind)
            self.text(x + 0.33, y + 0.005, f"{kind} box", color=FAINT)
            x += 1.25
        self.image((x + 0.42, y + 0.01, 0.9, 0.11), colormap(scale)[None])
        self.text(x, y + 0.005, "map: 0", color=FAINT)
        self.text(x + 1.37, y + 0.005, "1, from its least to its greatest value", color=FAINT)
