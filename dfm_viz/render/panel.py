"""One picture that stands by itself: the methods side by side, with boxes and numbers."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dfm_viz.render.boxes import draw_box
from dfm_viz.render.overlay import check_rgb, overlay
from dfm_viz.render.scales import DEFAULT_COLORMAP
from dfm_viz.render.scales import colormap as colours_of

BoxLike = Sequence[float]
_PAPER, _INK, _FAINT = (255, 255, 255), (24, 26, 32), (92, 98, 110)
_GAP = 16
_MOST = 5
"""Tiles in one row; more are spread evenly over several rows."""


@dataclass(frozen=True)
class Column:
    """One method in the panel.

    Attributes:
        title: Name of the method, such as "DFM".
        caption: Lines below the picture: label and score, IoU, a note.
        grid: (rows, columns) uint8: the array that is thresholded.
        box: Predicted box in picture pixels, or None.
        off_box: Box of the same network with the module off, drawn thin, or None.
    """

    title: str
    caption: tuple[str, ...]
    grid: NDArray[np.uint8]
    box: BoxLike | None = None
    off_box: BoxLike | None = None


def panel(
    rgb: NDArray[np.uint8],
    columns: Sequence[Column],
    *,
    size: tuple[int, int] | None = None,
    truths: Sequence[BoxLike] = (),
    colormap: str = DEFAULT_COLORMAP,
    opacity: float = 0.55,
    tile: int = 360,
) -> NDArray[np.uint8]:
    """Compose the picture and one overlay per method into one labelled image.

    Args:
        rgb: (H, W, 3) uint8, the picture.
        columns: One or more methods, left to right, then in further rows.
        size: Width and height that the boxes refer to; default: those of ``rgb``.
        truths: True boxes, drawn dashed on every tile.
        colormap: Colour map.
        opacity: Of the maps over the picture, in [0, 1].
        tile: Longest side of a tile in pixels.

    Returns:
        (rows, columns, 3) uint8, new: the plain picture, then the methods; a legend with the
        colour bar below.

    Raises:
        TypeError: An array is not uint8.
        ValueError: No columns, or a size, shape, box, name or opacity is wrong.
    """
    if not columns:
        raise ValueError("`columns` must hold at least one method")
    if tile < 64:
        raise ValueError(f"`tile` must be at least 64 pixels, got {tile}")
    height, width = check_rgb(rgb).shape[:2]
    wide, high = size or (width, height)
    scale = tile / max(width, height)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(rgb, shape, interpolation=method), dtype=np.uint8)

    def fitted(box: BoxLike) -> tuple[float, ...]:
        x, y = shape[0] / wide, shape[1] / high
        return box[0] * x, box[1] * y, box[2] * x, box[3] * y

    tiles = [small]
    for column in columns:
        picture = overlay(small, column.grid, colormap=colormap, opacity=opacity)
        if column.off_box is not None:
            picture = draw_box(picture, fitted(column.off_box), "off")
        tiles.append(picture)
    for number, picture in enumerate(tiles):
        for truth in truths:
            picture = draw_box(picture, fitted(truth), "true")
        box = columns[number - 1].box if number else None
        tiles[number] = picture if box is None else draw_box(picture, fitted(box), "predicted")

    titles = ["Picture", *(column.title for column in columns)]
    captions = [(f"{wide} x {high} px",), *(column.caption for column in columns)]
    styles = ["predicted", *(["true"] if truths else [])]
    styles += ["off"] if any(column.off_box is not None for column in columns) else []
    return _compose(tiles, titles, captions, styles, colormap)


def png_bytes(rgb: NDArray[np.uint8]) -> bytes:
    """Encode a picture as PNG.

    Raises:
        TypeError: Not a uint8 array.
        ValueError: Not height x width x 3.
    """
    buffer = io.BytesIO()
    Image.fromarray(check_rgb(rgb)).save(buffer, format="PNG")
    return buffer.getvalue()


def _compose(
    tiles: Sequence[NDArray[np.uint8]],
    titles: Sequence[str],
    captions: Sequence[tuple[str, ...]],
    styles: Sequence[str],
    colormap: str,
) -> NDArray[np.uint8]:
    rows, columns = tiles[0].shape[:2]
    step = max(columns, 180) + _GAP
    title_font, font = ImageFont.load_default(20), ImageFont.load_default(14)
    top, line = 44, 20
    block = top + rows + 8 + line * max(len(caption) for caption in captions) + 10
    blocks = math.ceil(len(tiles) / _MOST)
    wide = math.ceil(len(tiles) / blocks)
    foot = blocks * block
    sheet = Image.new("RGB", (_GAP + step * wide, foot + 36), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (tile, title, caption) in enumerate(zip(tiles, titles, captions, strict=True)):
        x, y = _GAP + number % wide * step, number // wide * block
        pen.text((x, y + 12), _fit(pen, title, title_font, step - _GAP), fill=_INK, font=title_font)
        sheet.paste(Image.fromarray(tile), (x, y + top))
        for row, text in enumerate(caption):
            fill = _INK if row == 0 else _FAINT
            place = (x, y + top + rows + 8 + row * line)
            pen.text(place, _fit(pen, text, font, step - _GAP), fill=fill, font=font)
    _legend(sheet, pen, font, foot, styles, colormap)
    return np.array(sheet, dtype=np.uint8)


def _legend(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    y: int,
    styles: Sequence[str],
    colormap: str,
) -> None:
    bar = np.repeat(colours_of(colormap)[None, ::2], 12, axis=0)
    pen.text((_GAP, y + 4), "0", fill=_FAINT, font=font)
    sheet.paste(Image.fromarray(np.ascontiguousarray(bar)), (_GAP + 14, y + 7))
    pen.text((_GAP + 148, y + 4), "1", fill=_FAINT, font=font)
    x = _GAP + 180
    for style in styles:
        text = {"predicted": "predicted", "true": "true box", "off": "module off"}[style]
        ground = np.full((20, 34, 3), 128, dtype=np.uint8)
        sheet.paste(Image.fromarray(draw_box(ground, (2, 2, 31, 17), style, width=2)), (x, y + 3))
        pen.text((x + 40, y + 4), text, fill=_FAINT, font=font)
        x += 52 + int(pen.textlength(text, font=font)) + _GAP


def _fit(
    pen: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    room: int,
) -> str:
    """Shorten ``text`` until it fits into ``room`` pixels."""
    shown = text
    while shown and pen.textlength(shown, font=font) > room:
        shown = shown[:-2].rstrip() + "…" if len(shown) > 2 else ""
    return shown
