"""The numbers of an inspection as CSV: one table of answers, one of DFM's maps."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from dfm_viz.inspection import Inspection
from dfm_viz.inspection.result import MethodResult

_ANSWERS = (
    *("answer", "title", "draw", "probability", "label", "class_index", "score", "logit"),
    *("x0", "y0", "x1", "y1", "iou", "peak_x", "peak_y", "peak_inside", "energy_inside"),
    *("map_min", "map_max", "trained", "note"),
)
_POINT_MAPS = (
    *("C_A", "C_E", "C_M", "P_A", "P_E", "P_M_prime", "Delta_M", "P_M"),
    *("F_in", "C_ME", "P_ME", "F_out"),
)


def answers_csv(inspection: Inspection) -> str:
    """One row per method, for DFM with the module off, and for each outcome of the draws.

    Boxes and peaks are in pixels of the upright picture; what does not apply is empty.
    """
    named = {**inspection.methods, "dfm_off": inspection.dfm_off}
    rows = [_answer(name, method) for name, method in named.items()]
    shown = inspection.methods["dfm"]
    for path in inspection.dfm_paths:
        draw = " ".join(f"{point}={draw}" for point, draw in path.draw.items())
        head = ["dfm_path", shown.title, draw, path.probability, shown.label, shown.class_index]
        extremes = [path.map.min(), path.map.max()]
        rows.append([*head, "", path.logit, *path.box, *[""] * 5, *extremes, "", ""])
    return _table(_ANSWERS, rows)


def maps_csv(inspection: Inspection) -> str:
    """Least, mean and greatest value of every map of DFM, insertion point by insertion point."""
    rows = []
    for point, maps in inspection.points.items():
        for name in _POINT_MAPS:
            values = getattr(maps, name)
            shape = " x ".join(map(str, values.shape))
            mean = values.mean(dtype=np.float64)
            rows.append([point, name, shape, values.min(), mean, values.max()])
    return _table(("point", "map", "shape", "min", "mean", "max"), rows)


def _answer(name: str, method: MethodResult) -> list[object]:
    peak = ("", "") if method.peak is None else method.peak
    known = [method.iou, *peak, method.peak_inside, method.energy]
    return [
        *(name, method.title, "", "", method.label, method.class_index, method.score, ""),
        *method.box,
        *("" if value is None else value for value in known),
        *(method.map.min(), method.map.max(), method.trained, method.note),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()
