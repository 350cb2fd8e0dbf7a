"""Two methods on the same pictures: which pictures one wins, and whether that can be luck."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.chance import chance_hits
from training.evaluation.judge import FIXED
from training.evaluation.metrics import FIXED_LEVEL, THRESHOLD_OF, Tally, shares

BASE = "cam"
"""The method that attention misdirection is told relative to."""


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p value of McNemar's test from the two discordant counts.

    Under the hypothesis that both methods are equally good, each discordant picture falls to either
    side like a fair coin.
    """
    n, k = only_first + only_second, min(only_first, only_second)
    tail = term = 1  # C(n, 0), then C(n, 1), ...
    for i in range(1, k + 1):
        term = term * (n - i + 1) // i
        tail += term
    return min(1.0, 2 * tail / 2**n)


def compare_family(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """Every pair of methods, keyed `first vs second`, see `compare`.

    In mode off; a tally of DFM's expected answer comes under a name of its own, `dfm (expected)`.
    """
    return {
        f"{a} vs {b}": compare(a, tallies[a], b, tallies[b])
        for a, b in itertools.combinations(tallies, 2)
        if tallies[a].pictures == tallies[b].pictures
    }


def compare(first: str, a: Tally, second: str, b: Tally) -> dict[str, Any]:
    """Compare two methods that saw the same pictures, picture by picture.

    Top-1 Clas, and Top-1 Loc and GT-known Loc at the fixed threshold and at each method's own best
    one: `wins` (pictures that only this method got right), `both`, `neither`, `difference` (first
    minus second, percentage points) and McNemar's exact p. With CAM in the pair, `misdirected_by`
    the other lists pictures where CAM's peak lies in a true box and the other's does not.
    """
    best = [
        int(shares(t.bits[1:2], np.ones((1, len(t.correct)), np.float32)).argmax()) for t in (a, b)
    ]
    result: dict[str, Any] = {
        "n": len(a.pictures),
        "top1_clas": _duel(first, a.correct, second, b.correct, a.pictures),
    }
    for policy, levels in (("fixed", (FIXED_LEVEL, FIXED_LEVEL)), ("oracle", tuple(best))):
        told = [FIXED if policy == "fixed" else float(THRESHOLD_OF[level]) for level in levels]
        result[policy] = {"thresholds": dict(zip((first, second), told, strict=True))}
        for metric, count in (("top1_loc", "top1"), ("gt_known_loc", "known")):
            result[policy][metric] = _duel(
                first, a.hits(count, levels[0]), second, b.hits(count, levels[1]), a.pictures
            )
    if BASE in (first, second):
        other, cam, rest = (second, a, b) if first == BASE else (first, b, a)
        astray = ~cam.misdirected & rest.misdirected
        result["misdirected_by"] = {other: _named(astray, a.pictures)}
    return result


def against_chance(found: Tally) -> dict[str, Any]:
    """A method against boxes that never look, picture by picture, in GT-known localization.

    Returns:
        For `whole_image` and `centred_square` (the side that is best for the whole set), at the
        fixed and at the method's own best threshold: `only_method` and `only_box` (pictures that
        one alone got right), `difference` (method minus box, percentage points) and McNemar's
        exact p.
    """
    every = np.ones((1, len(found.correct)), np.float32)
    best = int(shares(found.bits[1:2], every).argmax())
    told: dict[str, Any] = {}
    for name, there in chance_hits(found.truths).items():
        told[name] = {}
        for policy, level in (("fixed", FIXED_LEVEL), ("oracle", best)):
            hits = found.hits("known", level)
            mine, other = int((hits & ~there).sum()), int((there & ~hits).sum())
            told[name][policy] = {
                "only_method": mine,
                "only_box": other,
                "difference": 100 * (mine - other) / len(hits),
                "mcnemar_p": mcnemar(mine, other),
            }
    return told


def _duel(
    first: str,
    a: NDArray[np.bool_],
    second: str,
    b: NDArray[np.bool_],
    pictures: tuple[str, ...],
) -> dict[str, Any]:
    wins = {first: _named(a & ~b, pictures), second: _named(b & ~a, pictures)}
    return {
        "wins": wins,
        "both": int((a & b).sum()),
        "neither": int((~a & ~b).sum()),
        "difference": 100 * (int(a.sum()) - int(b.sum())) / len(a),
        "mcnemar_p": mcnemar(len(wins[first]), len(wins[second])),
    }


def _named(chosen: NDArray[np.bool_], pictures: tuple[str, ...]) -> list[str]:
    return [pictures[i] for i in np.flatnonzero(chosen)]
