"""The answers of a series of questions about one picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfm_viz.inspection.result import MethodResult
from dfm_viz.inspection.settings import Settings

KIND = "inference-time"
"""The weights stay as they are; only the module's switches and numbers change."""

SweptValue = float | str | tuple[float, float]
"""A value of the swept parameter, or (delta, gamma) of a grid."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What one configuration says about the picture.

    Attributes:
        row: of Table 1, 0 to 6; None in a sweep where no row has these switches.
        name: of the row, or what it is instead.
        switches: of the module as they act (`methods.table1.switches_of`); None without the module.
        settings: that give this answer in `inspect`; for row 0, which has none, those given.
        label: class name; None for a row 0 that cannot be built (see `note`).
        class_index: index of that class.
        score: softmax probability, 0 to 1.
        result: map, box and IoU; None for row 0, which has no map.
        note: what a reader must know, or "".
        value: of the swept parameter, or (delta, gamma) of a grid; None in `ablate`.
    """

    row: int | None
    name: str
    switches: Mapping[str, Any] | None
    settings: Settings
    label: str | None
    class_index: int | None
    score: float | None
    result: MethodResult | None
    note: str = ""
    value: SweptValue | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields of the API."""
        found = self.result
        values = {
            "row": self.row,
            "name": self.name,
            "switches": None if self.switches is None else dict(self.switches),
            "label": self.label,
            "class_index": self.class_index,
            "score": self.score,
            "map": None if found is None else found.map.tolist(),
            "box": None if found is None else list(found.box),
            "iou": None if found is None else found.iou,
        }
        return values if self.value is None else {**values, "value": self.value}


@dataclass(frozen=True)
class Ablation:
    """The answers of one series, in order; fewer than asked for only if it was cancelled."""

    rows: tuple[Variant, ...]
    kind: str = KIND

    def to_json(self) -> dict[str, Any]:
        """The answer of `/ablate` and `/sweep`: plain JSON values."""
        return {"kind": self.kind, "rows": [row.to_json() for row in self.rows]}
