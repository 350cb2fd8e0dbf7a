"""A map laid over a picture. What is coloured is the grid that is thresholded, nothing else."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dfm_viz.render.scales import DEFAULT_COLORMAP, colormap


def check_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``rgb`` if it is a picture.

    Raises:
        TypeError: Not a uint8 array.
        ValueError: Not height x width x 3, or empty.
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise TypeError(f"`rgb` must be a uint8 array, got {getattr(rgb, 'dtype', type(rgb))}")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"`rgb` must be height x width x 3, got shape {rgb.shape}")
    return rgb


def _check_grid(grid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if not isinstance(grid, np.ndarray) or grid.dtype != np.uint8:
        raise TypeError(f"`grid` must be a uint8 array, got {getattr(grid, 'dtype', type(grid))}")
    if grid.ndim != 2 or grid.size == 0:
        raise ValueError(f"`grid` must be rows x columns, got shape {grid.shape}")
    return grid


def colourise(grid: NDArray[np.uint8], name: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """Colour a grid: level g takes colour g of the scale, with no stretching.

    Args:
        grid: (rows, columns) uint8.
        name: Colour map.

    Returns:
        (rows, columns, 3) uint8, new.

    Raises:
        TypeError: The grid is not uint8.
        ValueError: The grid is not two-dimensional or the name unknown.
    """
    return colormap(name)[_check_grid(grid)]


def resize_grid(grid: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Stretch a grid over a picture of ``width`` x ``height`` (bilinear), as a new array.

    Raises:
        TypeError: The grid is not uint8.
        ValueError: The grid is not two-dimensional or the size is not positive.
    """
    if width < 1 or height < 1:
        raise ValueError(f"`width` and `height` must be at least 1, got {width} x {height}")
    if _check_grid(grid).shape == (height, width):
        return grid.copy()
    resized = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def overlay(
    rgb: NDArray[np.uint8],
    grid: NDArray[np.uint8],
    *,
    colormap: str = DEFAULT_COLORMAP,
    opacity: float = 0.55,
) -> NDArray[np.uint8]:
    """Mix a picture with its coloured map: (1 - opacity) rgb + opacity colour, rounded.

    Args:
        rgb: (H, W, 3) uint8.
        grid: (rows, columns) uint8, stretched over the picture.
        colormap: Colour map.
        opacity: 0 shows the picture only, 1 the map only.

    Returns:
        (H, W, 3) uint8, new.

    Raises:
        TypeError: An array is not uint8.
        ValueError: A shape, the name or the opacity is wrong.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"`opacity` must be in [0, 1], got {opacity!r}")
    height, width = check_rgb(rgb).shape[:2]
    colours = colourise(resize_grid(grid, width, height), colormap)
    mixed = (1 - opacity) * rgb.astype(np.float32) + opacity * colours.astype(np.float32)
    return np.rint(mixed).astype(np.uint8)
