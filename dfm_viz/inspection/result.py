"""The answer to one question about one picture: frozen, numpy, checked when made.

Rendering, page, API, command line and export see nothing else. No torch here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from dfm_viz.inspection.settings import Settings
from dfm_viz.types import Box, Draw, UserError

SCHEMA_VERSION = 1

Vector = Annotated[NDArray[np.float32], 1]
"""One value per channel."""

Map = Annotated[NDArray[np.float32], 2]
"""One value per position: rows, columns."""

Stack = Annotated[NDArray[np.float32], 3]
"""Channels, rows, columns."""

Bytes = Annotated[NDArray[np.uint8], 2]
"""Grey levels, rows and columns."""

GridBox = tuple[int, int, int, int]


@cache
def _ranks(kind: type) -> dict[str, int]:
    """Field -> number of axes, for the fields that are arrays."""
    hints = get_type_hints(kind, include_extras=True).items()
    return {name: hint.__metadata__[0] for name, hint in hints if hasattr(hint, "__metadata__")}


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """Checks arrays at birth: type, axes, finite values; then makes them read-only."""

    def __post_init__(self) -> None:
        kind: Any = type(self)
        for name, axes in _ranks(kind).items():
            value = getattr(self, name)
            wanted = np.uint8 if name == "grid" else np.float32
            if not isinstance(value, np.ndarray) or (value.dtype, value.ndim) != (wanted, axes):
                found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else value
                raise TypeError(f"{name} must be {wanted.__name__} with {axes} axes, got {found}")
            if not np.isfinite(value).all():
                raise UserError(f"{name} has NaN or infinite values: the weights are broken.")
            value.setflags(write=False)


@dataclass(frozen=True, kw_only=True)
class MethodResult(_Checked):
    """What one method says and where it looks.

    Attributes:
        title: what the method is called.
        label: class name.
        class_index: index of that class.
        score: softmax probability, 0 to 1.
        map: raw class activation map, (h, w).
        grid: the 224 x 224 bytes the box was cut from; drawn as they are.
        box: in pixels of the upright picture, unrounded.
        box_grid: the same box in whole pixels of `grid`.
        iou: with the best true box, 0 to 1; None without one.
        peak: x, y of the highest point, in pixels of the upright picture; None if the map is flat.
        peak_inside: whether it lies in a true box, judged in the 224 x 224 map; None without one.
        energy: share of the map inside the true boxes, 0 to 1; None without one.
        trained: False where the weights never saw the method.
        note: what a reader must know ("not trained with it", "not as trained: ..."), or "".
    """

    title: str
    label: str
    class_index: int
    score: float
    map: Map
    grid: Bytes
    box: Box
    box_grid: GridBox
    iou: float | None
    peak: tuple[float, float] | None = None
    peak_inside: bool | None = None
    energy: float | None = None
    trained: bool = True
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields of the API."""
        return {
            "title": self.title,
            "label": self.label,
            "class_index": self.class_index,
            "score": self.score,
            "map": self.map.tolist(),
            "box": list(self.box),
            "iou": self.iou,
            "peak": None if self.peak is None else list(self.peak),
            "peak_inside": self.peak_inside,
            "energy": self.energy,
            "trained": self.trained,
            "note": self.note,
        }


@dataclass(frozen=True, kw_only=True)
class PathResult(_Checked):
    """DFM under one outcome of its draws.

    Attributes:
        draw: insertion point -> draw.
        probability: of this outcome at the current tau.
        logit: of DFM's class.
        map: raw class activation map of that class, (h, w).
        box: in pixels of the upright picture.
        box_grid: in whole pixels of the 224 x 224 map.
    """

    draw: Mapping[str, Draw]
    probability: float
    logit: float
    map: Map
    box: Box
    box_grid: GridBox

    def to_json(self) -> dict[str, Any]:
        """The fields of the API."""
        return {
            "draw": {point: str(draw) for point, draw in self.draw.items()},
            "probability": self.probability,
            "logit": self.logit,
            "map": self.map.tolist(),
            "box": list(self.box),
        }


def channel_mean(stack: Stack) -> Map:
    """The mean over the channels, summed in float64: a thousand float32 steps would drift."""
    return stack.mean(axis=0, dtype=np.float64).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class PointResult(_Checked):
    """Every map of DFM at one insertion point, under its paper symbol, for the shown path.

    C_* are (channels,), P_* and Delta_M (h, w), F_in, C_ME, P_ME, F_out (channels, h, w).
    `path` holds the draws taken up to and including this point; None in mode `off`, where F_out is
    F_in.
    """

    C_A: Vector
    C_E: Vector
    C_M: Vector
    P_A: Map
    P_E: Map
    P_M_prime: Map
    Delta_M: Map
    P_M: Map
    F_in: Stack
    C_ME: Stack
    P_ME: Stack
    F_out: Stack
    path: Mapping[str, Draw] | None

    @property
    def F_in_mean(self) -> Map:
        """F_in, averaged over the channels."""
        return channel_mean(self.F_in)

    @property
    def C_ME_mean(self) -> Map:
        """C_ME, averaged over the channels."""
        return channel_mean(self.C_ME)

    @property
    def P_ME_mean(self) -> Map:
        """P_ME, averaged over the channels."""
        return channel_mean(self.P_ME)

    @property
    def F_out_mean(self) -> Map:
        """F_out, averaged over the channels."""
        return channel_mean(self.F_out)

    def to_json(self) -> dict[str, Any]:
        """The small maps whole; of the four large ones the mean over the channels."""
        names = (
            *("C_A", "P_A", "C_E", "P_E", "C_M", "P_M_prime", "Delta_M", "P_M"),
            *("F_in_mean", "C_ME_mean", "P_ME_mean", "F_out_mean"),
        )
        values: dict[str, Any] = {name: getattr(self, name).tolist() for name in names}
        # Never plain text: `gradio_client` takes an object with a text `path` for a file.
        values["path"] = None if self.path is None else {k: str(v) for k, v in self.path.items()}
        return values


@dataclass(frozen=True, kw_only=True)
class AdlPointResult(_Checked):
    """ADL's maps at one insertion point, as they act in training; each (h, w)."""

    attention: Map
    importance: Map
    drop_mask: Map

    def to_json(self) -> dict[str, Any]:
        """The three maps."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything one question brings to light.

    Attributes:
        family: name of the checkpoint family.
        width: of the upright picture, px.
        height: likewise.
        settings: effective, with every default filled in.
        methods: method, or folder of a further checkpoint -> what it says; `dfm` in the mode asked
            for, a further DFM checkpoint in that mode with the parameters it was trained with.
        dfm_off: the DFM network as evaluated, independent of every slider.
        dfm_paths: every outcome of the draws, in every mode.
        points: insertion point -> DFM's maps there.
        adl_points: insertion point -> ADL's maps there.
    """

    family: str
    width: int
    height: int
    settings: Settings
    methods: Mapping[str, MethodResult]
    dfm_off: MethodResult
    dfm_paths: tuple[PathResult, ...]
    points: Mapping[str, PointResult]
    adl_points: Mapping[str, AdlPointResult]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """The answer of `/inspect`: plain JSON values, numbers in full float32 precision."""
        return {
            "schema_version": self.schema_version,
            "family": self.family,
            "image": {"width": self.width, "height": self.height},
            "settings": self.settings.to_json(),
            "methods": {name: m.to_json() for name, m in self.methods.items()},
            "dfm_off": self.dfm_off.to_json(),
            "dfm_paths": [path.to_json() for path in self.dfm_paths],
            "points": {name: p.to_json() for name, p in self.points.items()},
            "adl_points": {name: p.to_json() for name, p in self.adl_points.items()},
        }
