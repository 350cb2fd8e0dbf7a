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


@cache
def difference_colours() -> NDArray[np.uint8]:
    """The 256 colours of a signed difference: blue below, near white at 0, red above.

    ColorBrewer's RdBu, which colour-blind readers can tell apart; the two middle rows are equal, so
    that a scale symmetric about 0 has the same near white on both sides of it.

    Returns:
        (256, 3) uint8, read-only; row 0 is the lowest value.
    """
    import matplotlib

    half = np.linspace(0.5, 1, 128)
    ends = (1 - half[::-1], half)
    table = matplotlib.colormaps["RdBu_r"](np.concatenate(ends), bytes=True)[:, :3].astype(np.uint8)
    table.flags.writeable = False
    return table
