"""Colour scales whose lightness rises with the value, so that they also work in grey."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

COLORMAPS: tuple[str, ...] = ("cividis", "viridis", "magma", "grey")
"""Names of the colour maps; the first is the default and was made for colour-blind readers."""
DEFAULT_COLORMAP = COLORMAPS[0]


@cache
def colormap(name: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """Return the 256 colours of a scale.

    Args:
        name: One of `COLORMAPS`.

    Returns:
        (256, 3) uint8, read-only; row 0 is the lowest value.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in COLORMAPS:
        raise ValueError(f"`colormap` must be one of {', '.join(COLORMAPS)}, got {name!r}")
    if name == "grey":
        table = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    else:
        import matplotlib  # here, because it is slow to import and the page needs it once

        table = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3].astype(np.uint8)
    table.flags.writeable = False
    return table
