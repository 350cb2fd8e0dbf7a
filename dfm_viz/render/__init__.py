"""Arrays in, new arrays out; never torch, never a change to the input."""

from dfm_viz.render.boxes import BOX_STYLES, BoxStyle, draw_box
from dfm_viz.render.overlay import colourise, overlay, resize_grid
from dfm_viz.render.panel import Column, panel, png_bytes
from dfm_viz.render.scales import COLORMAPS, DEFAULT_COLORMAP, colormap

__all__ = [
    "BOX_STYLES",
    "COLORMAPS",
    "DEFAULT_COLORMAP",
    "BoxStyle",
    "Column",
    "colormap",
    "colourise",
    "draw_box",
    "overlay",
    "panel",
    "png_bytes",
    "resize_grid",
]
