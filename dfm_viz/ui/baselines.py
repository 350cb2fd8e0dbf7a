"""What boxes that never look at a picture score on it, for comparison with those that do."""

from collections.abc import Sequence

import numpy as np

from dfm_viz.boxes import SIDE, iou_table, resize_box

_SIDES = range(16, SIDE + 1, 2)


def baselines(truths: Sequence[Sequence[float]], width: int, height: int) -> dict[str, float]:
    """IoU of two blind boxes with the true box they overlap best, in 224 space as everywhere.

    Args:
        truths: true boxes in upright pixels, at least one.
        width: of the picture, px.
        height: likewise.

    Returns:
        `whole`: of the whole picture; `square`: of the centred square that happens to be best here;
        `side`: its side as a share of the picture's.
    """
    true = [resize_box(box, (width, height)) for box in truths]
    low = [(SIDE - side) // 2 for side in _SIDES]
    squares = np.array([[a, a, a + s - 1, a + s - 1] for a, s in zip(low, _SIDES, strict=True)])
    scores = iou_table(squares, true).max(axis=1)
    best = int(scores.argmax())
    return {
        "whole": float(scores[-1]),
        "square": float(scores[best]),
        "side": _SIDES[best] / SIDE,
    }
