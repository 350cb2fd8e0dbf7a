"""What boxes that never look at the picture reach on the same pictures.

Shown beside every result: a method that does not clear them has not localised anything.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.box_sweep import sweep
from dfm_viz.boxes import SIDE, iou_table
from dfm_viz.localization import to_grid
from training.evaluation.judge import FIXED
from training.evaluation.metrics import FIXED_LEVEL, IOUS, LEVELS, THRESHOLD_OF

SIDES = tuple(range(16, SIDE + 1, 2))
"""Sides of the centred squares that are tried, in pixels of 224 space."""
SIGMA = SIDE / 4
"""Width of the centre Gaussian in pixels; at a best threshold it does not matter."""


def chance(
    truths: Sequence[NDArray[np.int64]], correct: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """The rows `whole_image`, `centred_square`, `centre_gaussian`, in percent.

    Each row has `gt_known_loc` and `top1_loc` (IoU >= .5; the latter counts pictures whose class
    the network got right), `maxboxacc_per_iou` at .3, .5, .7 and their mean `maxboxacc_v2`. The
    square has the side that is best for the whole set, at each IoU level its own; the Gaussian is
    a map like any other, so it also has its numbers at the fixed threshold.

    Args:
        truths: per picture, its true boxes (m, 4) in 224 space.
        correct: per picture, whether the network's top class is right.
    """
    whole = np.array([[0, 0, SIDE - 1, SIDE - 1]])
    found = sweep(centre_gaussian())
    gaussian = found.boxes[found.largest][found.pass_of][:LEVELS]
    square, sides = _row(_hits(_squares(), truths), correct)
    blob, levels = _row(_hits(gaussian, truths), correct)
    fixed, _ = _row(_hits(gaussian[[FIXED_LEVEL]], truths), correct)
    return {
        "whole_image": _row(_hits(whole, truths), correct)[0],
        "centred_square": {
            "side": SIDES[sides[1]],
            "sides_v2": [SIDES[i] for i in sides],
            **square,
        },
        "centre_gaussian": {
            "threshold": float(THRESHOLD_OF[levels[1]]),
            "thresholds_v2": THRESHOLD_OF[levels].tolist(),
            **blob,
            "fixed": {"threshold": FIXED, **fixed},
        },
    }


def chance_hits(truths: Sequence[NDArray[np.int64]]) -> dict[str, NDArray[np.bool_]]:
    """(n,) per picture whether the whole picture and the best centred square reach IoU .5."""
    whole = np.array([[0, 0, SIDE - 1, SIDE - 1]])
    squares = _hits(_squares(), truths)[1]
    return {
        "whole_image": _hits(whole, truths)[1][:, 0],
        "centred_square": squares[:, squares.sum(axis=0).argmax()],
    }


def centre_gaussian() -> NDArray[np.uint8]:
    """A round Gaussian about the middle of 224 space, as grey levels."""
    distance = (np.arange(SIDE) - (SIDE - 1) / 2) ** 2
    return to_grid(np.exp(-(distance[:, None] + distance[None, :]) / (2 * SIGMA**2)))


def _squares() -> NDArray[np.int64]:
    low = [(SIDE - side) // 2 for side in SIDES]
    return np.array([[a, a, a + s - 1, a + s - 1] for a, s in zip(low, SIDES, strict=True)])


def _hits(boxes: NDArray[np.int64], truths: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """(3, n, k): whether box k reaches the IoU levels on picture n."""
    hits = np.empty((len(IOUS), len(truths), len(boxes)), dtype=bool)
    for n, true in enumerate(truths):
        hits[:, n] = iou_table(boxes, true).max(axis=1) >= np.array(IOUS)[:, None]
    return hits


def _row(hits: NDArray[np.bool_], correct: NDArray[np.bool_]) -> tuple[dict[str, Any], list[int]]:
    """The numbers of the best of k boxes per IoU level, and which boxes these are."""
    n = hits.shape[1]
    percent = 100 * hits.sum(axis=1) / n
    best = percent.argmax(axis=1)
    per_iou = percent.max(axis=1)
    row = {
        "top1_loc": 100 * int((hits[1][:, best[1]] & correct).sum()) / n,
        "gt_known_loc": float(per_iou[1]),
        "maxboxacc_v2": float(per_iou.mean()),
        "maxboxacc_per_iou": per_iou.tolist(),
    }
    return row, best.tolist()
