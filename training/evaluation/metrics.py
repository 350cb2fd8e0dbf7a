"""The metrics, computed from records alone, and how sure they are.

Every metric but Top-1 Clas counts pictures whose IoU reaches a level, at a common threshold. So
what is kept of a picture is one bit per count and grey level; a weighted sum over pictures gives
the counts of the whole set, and with other weights those of a bootstrap resample.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.boxes import SIDE, ErrorType, resize_box
from dfm_viz.records import iterate_records
from training.evaluation.judge import FIXED

THRESHOLDS: tuple[float, ...] = tuple(i / 1000 for i in range(1000))
LEVELS = 255
"""Grey levels that a threshold below 1 can ask for: pixels strictly above 0, 1, ... 254."""
LEVEL_OF = np.array([int(t * 255) for t in THRESHOLDS])
THRESHOLD_OF = np.array([THRESHOLDS[i] for i in np.searchsorted(LEVEL_OF, np.arange(LEVELS))])
"""The smallest threshold that asks for a level: the one an arg max over thresholds finds."""
FIXED_LEVEL = int(FIXED * 255)
IOUS = (0.3, 0.5, 0.7)
COUNTS = ("top1", "known", "multi30", "multi50", "multi70")
"""What is counted per level: right class and own box >= .5; true class's box >= .5; any contour of
the true class >= .3, .5, .7."""
RESAMPLES, SEED = 2000, 0
INTERVALS = (
    "95 % percentile intervals of 2000 bootstrap resamples of the pictures (seed 0, the same "
    "resamples for every method); the oracle's thresholds are chosen anew in every resample"
)


@dataclass(frozen=True, eq=False)
class Tally:
    """What the metrics need of one mode's records, a few hundred bytes a picture.

    Attributes:
        pictures: file of each picture, in the order of the split.
        correct: (n,) whether the top class is right.
        bits: (5, n, 32) the hits of `COUNTS` at 256 grey levels, packed.
        errors: how many pictures have each error type.
        misdirected: (n,) whether the map's peak lies outside every true box.
        energy: (n,) share of the map inside the true boxes.
        truths: (m, 4) per picture, in 224 space.
    """

    pictures: tuple[str, ...]
    correct: NDArray[np.bool_]
    bits: NDArray[np.uint8]
    errors: Mapping[str, int]
    misdirected: NDArray[np.bool_]
    energy: NDArray[np.float64]
    truths: tuple[NDArray[np.int64], ...]

    def hits(self, count: str, level: int) -> NDArray[np.bool_]:
        """(n,) the hits of one of `COUNTS` at one grey level."""
        packed = self.bits[COUNTS.index(count), :, level // 8]
        return (packed >> (7 - level % 8) & 1).astype(bool)


_READ = (
    *("mode", "picture", "correct", "error", "misdirected", "energy", "width", "height", "truths"),
    *("curve_own", "curve_known", "curve_known_multi"),
)


def tally(path: Path, mode: str) -> Tally:
    """Read one mode's records; UserError as `dfm_viz.records.read_about`."""
    pictures: list[str] = []
    truths: list[NDArray[np.int64]] = []
    errors: Counter[str] = Counter()
    parts: dict[str, list[NDArray[Any]]] = {n: [] for n in ("correct", "bits", "out", "energy")}
    for batch in iterate_records(path, _READ):
        rows = np.flatnonzero(batch["mode"].to_numpy(zero_copy_only=False) == mode)
        batch = batch.take(rows)
        values = {
            n: batch[n].to_numpy(zero_copy_only=False)
            for n in ("correct", "misdirected", "energy", "width", "height")
        }
        own, known, multi = (
            batch[n].flatten().to_numpy().reshape(len(rows), -1)
            for n in ("curve_own", "curve_known", "curve_known_multi")
        )
        correct = values["correct"].astype(bool)
        parts["correct"].append(correct)
        parts["out"].append(values["misdirected"].astype(bool))
        parts["energy"].append(values["energy"])
        parts["bits"].append(count_bits(correct, own, known, multi))
        pictures += batch["picture"].to_pylist()
        errors.update(batch["error"].to_pylist())
        sizes = zip(values["width"].tolist(), values["height"].tolist(), strict=True)
        for size, boxes in zip(sizes, batch["truths"].to_pylist(), strict=True):
            truths.append(np.array([resize_box(box, size, (SIDE, SIDE)) for box in boxes]))
    return Tally(
        tuple(pictures),
        np.concatenate(parts["correct"]),
        np.concatenate(parts["bits"], axis=1),
        {str(kind): errors[str(kind)] for kind in ErrorType},
        np.concatenate(parts["out"]),
        np.concatenate(parts["energy"]),
        tuple(truths),
    )


def count_bits(
    correct: NDArray[np.bool_],
    own: NDArray[np.float32],
    known: NDArray[np.float32],
    multi: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The hits of `COUNTS` from IoU curves (n, 256), packed to (5, n, 32).

    Compared as float32, like the curves: so every comparison is that of the exact fractions.
    """
    low, middle, high = (np.float32(level) for level in IOUS)
    hits = [(own >= middle) & correct[:, None], known >= middle]
    hits += [multi >= level for level in (low, middle, high)]
    return np.packbits(np.stack(hits), axis=2)


def shares(
    bits: NDArray[np.uint8], weights: NDArray[np.float32], piece: int = 4096
) -> NDArray[np.float64]:
    """Percent of pictures hit, per weighting, count and level: (r, counts, 255).

    Args:
        bits: (counts, n, 32), packed.
        weights: (r, n) how often each picture counts; whole numbers.
        piece: pictures unpacked at once, which bounds the memory.
    """
    found = np.zeros((len(weights), len(bits), LEVELS))
    for start in range(0, bits.shape[1], piece):
        part = np.unpackbits(bits[:, start : start + piece], axis=2, count=LEVELS)
        for number, hits in enumerate(part.astype(np.float32)):
            found[:, number] += weights[:, start : start + piece] @ hits  # exact below 2^24
    total = weights.sum(axis=1, dtype=np.float64)
    percent: NDArray[np.float64] = 100 * found / total[:, None, None]
    return percent


def measure(percent: NDArray[np.float64], top1_clas: NDArray[np.float64]) -> dict[str, Any]:
    """All metrics of r weightings as arrays (r,), nested as in the JSON.

    Args:
        percent: from `shares`, (r, counts, 255).
        top1_clas: (r,) in percent.
    """
    rows = np.arange(len(percent))
    curve = {name: percent[:, i] for i, name in enumerate(COUNTS)}
    best = curve["known"].argmax(axis=1)
    chosen = np.stack([curve[name].argmax(axis=1) for name in COUNTS[2:]], axis=1)
    per_iou = np.stack([curve[name].max(axis=1) for name in COUNTS[2:]], axis=1)
    return {
        "top1_clas": top1_clas,
        "fixed": {
            "threshold": np.full(len(rows), FIXED),
            "top1_loc": curve["top1"][:, FIXED_LEVEL],
            "gt_known_loc": curve["known"][:, FIXED_LEVEL],
        },
        "oracle": {
            "threshold": THRESHOLD_OF[best],
            "top1_loc": curve["top1"][rows, best],
            "gt_known_loc": curve["known"][rows, best],
            "maxboxacc": curve["known"].max(axis=1),
            "maxboxacc_v2": per_iou.mean(axis=1),
            "maxboxacc_per_iou": per_iou,
            "thresholds_v2": THRESHOLD_OF[chosen],
        },
    }


def scores(found: Tally, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
    """The fields of one mode in the evaluation JSON, but for chance rows and texts."""
    n = len(found.pictures)
    every = np.ones((1, n), dtype=np.float32)
    exact = measure(shares(found.bits, every), _percent(every, found.correct))
    return {
        "n": n,
        **_each(exact, lambda values: values[0].tolist()),
        "errors": dict(found.errors),
        "misdirected": int(found.misdirected.sum()),
        "energy_in_box": 100 * float(found.energy.mean()),
        "intervals": bootstrap(found, resamples, seed),
    }


def bootstrap(found: Tally, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
    """Percentile intervals [low, high] (95 %) of every metric but the fixed threshold itself.

    Pictures are drawn with replacement. What is chosen on the split, the oracle's thresholds, is
    chosen anew in every resample: the interval covers that choice too.
    """
    n = len(found.pictures)
    generator = np.random.default_rng(seed)
    pieces = []
    for start in range(0, resamples, 100):
        rows = min(100, resamples - start)
        drawn = generator.integers(0, n, (rows, n))
        weights = np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float32)
        pieces.append(measure(shares(found.bits, weights), _percent(weights, found.correct)))
    joined = _join(pieces)
    del joined["fixed"]["threshold"]
    return _each(
        joined, lambda v: np.percentile(v, [2.5, 97.5], axis=0, method="nearest").T.tolist()
    )


def _percent(weights: NDArray[np.float32], hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    counts = weights.astype(np.float64) @ hits
    percent: NDArray[np.float64] = 100 * counts / weights.sum(axis=1, dtype=np.float64)
    return percent


def _each(tree: dict[str, Any], change: Any) -> dict[str, Any]:
    return {
        key: _each(value, change) if isinstance(value, dict) else change(value)
        for key, value in tree.items()
    }


def _join(trees: list[dict[str, Any]]) -> dict[str, Any]:
    first = trees[0]
    return {
        key: _join([tree[key] for tree in trees])
        if isinstance(first[key], dict)
        else np.concatenate([tree[key] for tree in trees])
        for key in first
    }
