"""An inspection on the wire: small facts as JSON, arrays as base64, only what the page lacks.

Every array is a part with a key made from its content. The page sends the keys it has; a part
whose key it has is not sent again. So nothing here needs to know what a slider touches.
"""

import base64
import math
from collections.abc import Container, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.boxes import best_iou, check_truths, iou, resize_box
from dfm_viz.inspection import Inspection
from dfm_viz.inspection.result import MethodResult, PathResult, PointResult, channel_mean
from dfm_viz.methods import DFMParams
from dfm_viz.methods.dfm import different_readings
from dfm_viz.types import Draw
from dfm_viz.ui.baselines import baselines

Arrays = Iterator[tuple[str, NDArray[Any]]]
MEAN = "mean"
"""In place of a channel's number: the mean over all channels."""

_VECTORS = ("C_A", "C_E", "C_M")
_MAPS = ("P_A", "P_E", "P_M_prime", "Delta_M", "P_M")
_STACKS = ("F_in", "C_ME", "P_ME", "F_out")


def text(raw: bytes) -> str:
    """Bytes as base64, which JSON can carry."""
    return base64.b64encode(raw).decode("ascii")


def encode(array: NDArray[Any], known: str | None = None) -> dict[str, Any] | None:
    """One part: key, type (u8, or f32 little-endian), shape, base64 text; None if `known`."""
    small = array if array.dtype == np.uint8 else array.astype("<f4", copy=False)
    raw = np.ascontiguousarray(small).tobytes()
    kind = "u8" if small.dtype == np.uint8 else "f32"
    digest = blake2b(raw, digest_size=8, person=kind.encode()).hexdigest()
    key = f"{digest}-{'x'.join(map(str, array.shape))}"
    if key == known:
        return None
    return {"key": key, "dtype": kind, "shape": list(array.shape), "data": text(raw)}


def default_channel(point: PointResult) -> int:
    """The strongest channel that is not masked, or the strongest of all."""
    kept = np.where(point.C_M > 0, point.C_A, -np.inf)
    return int(kept.argmax() if np.isfinite(kept.max()) else point.C_A.argmax())


def arrays(inspection: Inspection, point: str, channel: int | str, shown: Container[str]) -> Arrays:
    """Every array the page draws, by part name; maps only of the methods that are `shown`."""
    for name, method in inspection.methods.items():
        if name in shown:
            yield f"map/{name}", method.grid
    for index, path in enumerate(inspection.dfm_paths):
        yield f"path/{index}", path.map
    for name, adl in inspection.adl_points.items():
        yield f"adl/{name}/importance", adl.importance
        yield f"adl/{name}/drop_mask", adl.drop_mask
    maps = inspection.points[point]
    for name in (*_VECTORS, *_MAPS):
        yield f"point/{name}", getattr(maps, name)
    for name in _STACKS:
        stack = getattr(maps, name)
        one = channel_mean(stack) if channel == MEAN else stack[int(channel)]
        yield f"point/{name}", one


def parts(found: Arrays, have: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The parts the page lacks, and the names of those it has that no longer exist."""
    fresh, names = {}, set()
    for name, array in found:
        names.add(name)
        part = encode(array, have.get(name))
        if part is not None:
            fresh[name] = part
    return fresh, [name for name in have if name not in names]


def facts(
    inspection: Inspection,
    *,
    picture: str,
    truths: list[list[float]],
    point: str,
    channel: int | str,
    trained: DFMParams,
    guess: list[float] | None = None,
) -> dict[str, Any]:
    """The small part of an answer: labels, scores, boxes, probabilities, effective settings."""
    settings = inspection.settings
    path = inspection.points[point].path
    shown = None if path is None else path[point]
    methods = {name: _method(m) for name, m in inspection.methods.items()}
    if "dfm" in methods:
        methods["dfm"]["changed"] = _changed(inspection, trained)
    for name, shown_method in methods.items():
        shown_method["moved"] = _moved(inspection, name)
    return {
        "picture": picture,
        "family": inspection.family,
        "image": {"width": inspection.width, "height": inspection.height},
        "settings": settings.to_json() | {"points": list(inspection.points)},
        "truths": truths,
        "baselines": baselines(truths, inspection.width, inspection.height) if truths else None,
        "point": point,
        "channel": channel,
        "usual_channel": default_channel(inspection.points[point]),
        "path": None if shown is None else str(shown),
        "methods": methods,
        "off": _method(inspection.dfm_off),
        "paths": [
            {**outcome(path), "shown": dict(path.draw) == dict(settings.path or {})}
            for path in inspection.dfm_paths
        ],
        "adl_points": list(inspection.adl_points),
        "guess": None if guess is None else _guessed(inspection, truths, guess),
    }


def outcome(path: PathResult) -> dict[str, Any]:
    """One outcome of the random draws: what was drawn where, in one letter each, how likely."""
    return {
        "draw": {name: str(draw) for name, draw in path.draw.items()},
        "letters": "".join("P" if d is Draw.POSITION else "C" for d in path.draw.values()),
        "probability": path.probability,
    }


def answer(result: MethodResult) -> dict[str, Any]:
    """What every tab tells of a method: class, score, box, IoU, and whether the map is flat."""
    return {
        "label": result.label,
        "class_index": result.class_index,
        "score": result.score,
        "box": list(result.box),
        "iou": result.iou,
        "flat": bool(result.grid.min() == result.grid.max()),
    }


def _method(result: MethodResult) -> dict[str, Any]:
    return {
        **answer(result),
        "title": result.title,
        "badge": result.note,
        "peak": None if result.peak is None else list(result.peak),
        "peak_inside": result.peak_inside,
        "energy": result.energy,
        "centre": _centre(result),
        "low": float(result.map.min()),
        "high": float(result.map.max()),
    }


def _centre(result: MethodResult) -> list[float] | None:
    """The centre of mass of the drawn map, in shares of its width and height; None if flat."""
    total = float(result.grid.sum(dtype=np.float64))
    if not total:
        return None
    rows, columns = result.grid.shape
    x = result.grid.sum(axis=0, dtype=np.float64) @ (np.arange(columns) + 0.5)
    y = result.grid.sum(axis=1, dtype=np.float64) @ (np.arange(rows) + 0.5)
    return [float(x) / total / columns, float(y) / total / rows]


def _moved(inspection: Inspection, name: str) -> dict[str, Any] | None:
    """How far a method's peak lies from CAM's; None where there are not two peaks to compare.

    `share` is of the picture's diagonal, `far` says whether it is more than one cell of CAM's map,
    `left` whether CAM's peak lies in a true box and this one does not.
    """
    cam, other = inspection.methods.get("cam"), inspection.methods[name]
    if name == "cam" or cam is None or cam.peak is None or other.peak is None:
        return None
    across, down = (b - a for a, b in zip(cam.peak, other.peak, strict=True))
    rows, columns = cam.map.shape
    return {
        "share": math.hypot(across, down) / math.hypot(inspection.width, inspection.height),
        "far": abs(across) > inspection.width / columns or abs(down) > inspection.height / rows,
        "left": cam.peak_inside is True and other.peak_inside is False,
    }


def _guessed(
    inspection: Inspection, truths: list[list[float]], guess: list[float]
) -> dict[str, Any]:
    """IoU of the visitor's box with the best true box and with every method's box.

    Raises:
        UserError: the guess is no box in this picture.
    """
    size = (inspection.width, inspection.height)
    checked = check_truths([guess], *size)[0]
    box = resize_box(checked, size)
    truth = [resize_box(found, size) for found in truths]
    return {
        "box": list(checked),
        "truth": best_iou(box, truth) if truth else None,
        "methods": {name: iou(box, m.box_grid) for name, m in inspection.methods.items()},
    }


def _changed(inspection: Inspection, trained: DFMParams) -> dict[str, str] | None:
    """How DFM's module differs from the one its weights were trained with, in the page's words."""
    if not inspection.methods["dfm"].trained:
        return None
    changed = different_readings(inspection.settings.dfm_params(), trained)
    was = [f"{name} = {getattr(trained, name)}" for name in changed]
    return {"was": ", ".join(was)} if was else None
