"""The pieces of the Ablate tab's answers, from results of the engine to plain JSON values."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfm_viz.box_sweep import LEVELS, sweep
from dfm_viz.inspection import Inspection, Settings, Variant
from dfm_viz.inspection.result import MethodResult
from dfm_viz.inspection.settings import ViewParams
from dfm_viz.localization import (
    SIDE,
    best_iou,
    box_from_grid,
    check_truths,
    resize_box,
    scale_box,
    threshold_level,
    to_grid,
)
from dfm_viz.methods import DFMParams
from dfm_viz.methods.params import Choice, Number
from dfm_viz.methods.table1 import row_of
from dfm_viz.types import Branches, Fusion, Mode
from dfm_viz.ui import payload, words
from dfm_viz.ui.answers import Answer

GridBoxes = list[tuple[int, int, int, int]]
_KINDS: Mapping[str, Number | Choice] = {**DFMParams.kinds(), **ViewParams.kinds()}


def swept(name: str) -> Answer:
    """A parameter that can be swept: its symbol and words; numbers also have a range."""
    kind = _KINDS.get(name)
    if isinstance(kind, Number):
        known = {"symbol": kind.symbol, "label": kind.label, "low": kind.low, "high": kind.high}
        return {"name": name, "number": True, **known}
    label = words.choices()[name]["label"] if name in words.choices() else "DFM stands after"
    return {"name": name, "number": False, "symbol": "", "label": label}


def steps(count: int, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Evenly spread values, rounded to a slider's steps of 0.01."""
    return [round(float(x), 2) for x in np.linspace(low, high, count)]


def values_of(
    parameter: str, count: int, points: Sequence[str]
) -> tuple[list[Any], list[str] | None]:
    """The values of a sweep, and their names where they are no numbers.

    Args:
        parameter: one of `SWEPT`.
        count: of a number's values; a choice has as many as it has.
        points: insertion points of the family.
    """
    kind = _KINDS.get(parameter)
    if isinstance(kind, Number):
        return steps(count, kind.low, kind.high), None
    if isinstance(kind, Choice):
        options = words.choices()[parameter]["options"]
        return [o["value"] for o in options], [o["label"] for o in options]
    groups = [
        group
        for size in range(1, len(points) + 1)
        for group in itertools.combinations(points, size)
    ]
    titles = [" + ".join(words.point_title(name) for name in group) for group in groups]
    return ["+".join(group) for group in groups], titles


def thumbnail(grid: NDArray[np.uint8], side: int) -> str:
    """The thresholded map as base64, side x side: means of its grey levels."""
    small = cv2.resize(grid, (side, side), interpolation=cv2.INTER_AREA)
    return payload.text(small.astype(np.uint8, copy=False).tobytes())


def share(box: Sequence[float], size: tuple[float, float]) -> float:
    """Area of a box as a share of a picture of `size` (width, height), 0 to 1."""
    return (box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1])


def shown(result: MethodResult, size: tuple[int, int], side: int) -> Answer:
    """One answer: class, score, box, IoU, area, and its map as a thumbnail."""
    return {
        **payload.answer(result),
        "area": share(result.box, size),
        "map": thumbnail(result.grid, side),
        "side": side,
    }


def entry(variant: Variant, size: tuple[int, int], side: int) -> Answer:
    """One entry of a series; what has no map has no box, IoU and area either."""
    found = variant.result
    if found is not None:
        return {**shown(found, size, side), "note": variant.note, "value": variant.value}
    said = {"label": variant.label, "class_index": variant.class_index, "score": variant.score}
    none = dict.fromkeys(("box", "iou", "area", "map"))
    return {**said, **none, "flat": False, "note": variant.note, "value": variant.value}


def switches(variant: Variant) -> list[str]:
    """The switches of a row of Table 1 in words."""
    if variant.result is None:
        return ["as published", "without the CAM head"]
    acts = variant.switches
    if acts is None:
        return ["module off"]
    found = {
        Branches.CHANNEL: ["channel branch only"],
        Branches.POSITION: ["position branch only"],
        Branches.BOTH: ["both branches"],
    }[acts["branches"]]
    if "fusion" in acts:
        found.append("cross fusion" if acts["fusion"] is Fusion.CROSS else "normal fusion")
    omega = acts["omega"]
    return [*found, f"focused matrix, ω {omega:.2f}" if omega else "no focused matrix"]


def grid_truths(inspection: Inspection, truths: object) -> GridBoxes:
    """True boxes in whole pixels of the 224 x 224 map, as the protocol has them."""
    size = (inspection.width, inspection.height)
    return [resize_box(box, size) for box in check_truths(truths, *size)]


def now(inspection: Inspection, truths: GridBoxes) -> Answer:
    """The present setting: its row of Table 1, DFM's answer, and every outcome of the draws."""
    settings = inspection.settings
    row = row_of(settings.dfm_params())
    number = 1 if settings.mode is Mode.OFF else None if row is None else row.row
    size = (inspection.width, inspection.height)
    draws: list[Answer] = [
        {
            **payload.outcome(path),
            **_looked(path.map, inspection, truths),
        }
        for path in inspection.dfm_paths
    ]
    expected = sum(path.probability * path.map.astype(np.float64) for path in inspection.dfm_paths)
    return {
        "row": number,
        "mode": str(settings.mode),
        "dfm": shown(inspection.methods["dfm"], size, 112),
        "draws": draws,
        "expected": _looked(np.asarray(expected, np.float32), inspection, truths),
        "mean_iou": sum(d["probability"] * d["iou"] for d in draws) if truths else None,
    }


def _looked(raw: NDArray[np.float32], inspection: Inspection, truths: GridBoxes) -> Answer:
    """Box, IoU and area of a raw map, and the map as a thumbnail."""
    grid, size = to_grid(raw), (inspection.width, inspection.height)
    box_grid = box_from_grid(grid, inspection.settings.threshold)
    box = scale_box(box_grid, (SIDE, SIDE), size)
    return {
        "box": list(box),
        "iou": best_iou(box_grid, truths) if truths else None,
        "area": share(box, size),
        "flat": bool(grid.min() == grid.max()),
        "map": thumbnail(grid, 112),
        "side": 112,
    }


def curve(grid: NDArray[np.uint8], truths: GridBoxes) -> Answer:
    """Box area and, with true boxes, IoU at all 256 grey levels, and where IoU is best.

    Entry L belongs to thresholds from L / peak up to (L + 1) / peak.
    """
    found = sweep(grid)
    boxes = found.boxes[found.largest][found.pass_of]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / SIDE**2
    answer: Answer = {"peak": found.peak, "area": _short(area), "iou": None, "best": None}
    if truths:
        iou, _ = found.curves(truths)
        answer["iou"] = _short(iou)
        if found.peak and iou.max() > 0:
            answer["best"] = _best(iou, found.peak)
    return answer


def _best(iou: NDArray[np.float32], peak: int) -> Answer:
    """The middle of the first stretch of levels with the greatest IoU, as a threshold."""
    first = last = int(iou.argmax())
    while last + 1 < LEVELS and iou[last + 1] == iou[first]:
        last += 1
    middle = (first + last + 1) / 2 / peak
    short = round(middle, 2)
    inside = 0 <= short <= 1 and first <= threshold_level(short, peak) <= last
    return {"threshold": short if inside else round(middle, 4), "iou": float(iou[first])}


def _short(values: NDArray[Any]) -> list[float]:
    return [round(float(x), 4) for x in values]


def difference(new: Inspection, old: Inspection, point: str, channel: object) -> Answer:
    """New maps minus old ones: those of one insertion point, and DFM's raw class map."""
    a, b = new.methods["dfm"], old.methods["dfm"]
    pairs = {"cam": (a.map, b.map)}
    reason = ""
    if point in new.points and point in old.points:
        index = isinstance(channel, int) and not isinstance(channel, bool)
        fits = index and 0 <= int(str(channel)) < len(new.points[point].C_A)
        one = int(str(channel)) if fits else payload.MEAN
        after, before = (dict(payload.arrays(i, point, one, ())) for i in (new, old))
        for name in after:
            if name.startswith("point/"):
                pairs[name.removeprefix("point/")] = (after[name], before[name])
    else:
        where = "present" if point not in new.points else "pinned"
        reason = (
            f"In the {where} setting no module stands after {words.point_title(point)}; choose "
            f"another point in Explore."
        )
    found = {name: x - y for name, (x, y) in pairs.items() if x.shape == y.shape}
    if len(found) < len(pairs):
        reason = "The two settings use networks of different sizes, so some maps do not compare."
    size = (new.width, new.height)
    return {
        "parts": {name: payload.encode(array) for name, array in found.items()},
        "reason": reason,
        "new": shown(a, size, 112),
        "old": shown(b, size, 112),
        "changed": changed(new.settings, old.settings),
    }


def changed(new: Settings, old: Settings) -> list[Answer]:
    """The settings that differ, as {name, old, new} with plain values."""
    after, before = new.to_json(), old.to_json()
    hidden = ("colormap", "opacity", "path")
    return [
        {"name": name, "old": before[name], "new": after[name]}
        for name in after
        if name not in hidden and after[name] != before[name]
    ]
