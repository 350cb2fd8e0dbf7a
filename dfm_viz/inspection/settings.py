"""What a visitor may ask of one picture; the page, the API and the command line share it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from dfm_viz.methods import DFMParams
from dfm_viz.methods.dfm import READINGS
from dfm_viz.methods.params import Choice, Number, Params, choice, number
from dfm_viz.types import (
    Apply,
    Branches,
    Draw,
    Fusion,
    Mode,
    Neighbourhood,
    Single,
    UserError,
    shown,
)


class Weights(StrEnum):
    """Whose weights ADL and DFM run on: their own checkpoint's, or the CAM checkpoint's."""

    OWN = "own"
    CAM = "cam"


class Colormap(StrEnum):
    """Colour maps; the first is the default. All but `grey` are colour-blind safe and even."""

    CIVIDIS = "cividis"
    VIRIDIS = "viridis"
    MAGMA = "magma"
    GREY = "grey"


@dataclass(frozen=True)
class ViewParams(Params):
    """The choices that are not DFM's own parameters, described as those are."""

    mode: Mode = choice(Mode.EXPECTED, label="what DFM does at test time", source="our choice")
    weights: Weights = choice(Weights.OWN, label="whose weights ADL and DFM use", source="ours")
    threshold: float = number(0.2, symbol="t", label="box threshold", source="Zhou et al., 2016")
    colormap: Colormap = choice(Colormap.CIVIDIS, label="colours", source="our choice")
    opacity: float = number(0.6, symbol="", label="opacity of the map", source="our choice")


_KINDS: Mapping[str, Number | Choice] = {**DFMParams.kinds(), **ViewParams.kinds()}


@dataclass(frozen=True)
class Settings:
    """One question about one picture. None means: as the family's checkpoint has it.

    Attributes:
        alpha: Eq. 5, 0 to 1; beta, omega, delta, gamma, tau likewise (see `DFMParams`).
        beta: Eq. 6.
        omega: Eq. 7.
        delta: Eq. 13.
        gamma: Eq. 14.
        tau: Eq. 15.
        apply: reading of Eq. 16; None: as trained.
        neighbourhood: reading of Eq. 7; None: as trained.
        branches: which branches of DFM are there (Table 1); None: as trained.
        fusion: whose enhancement a mask gets, with both branches; None: as trained.
        single: what one branch alone does; None: as trained.
        mode: what DFM does at test time. ADL is the identity there.
        points: insertion points in use, or None for all.
        path: the draw whose maps are shown at every point, or None for position everywhere.
        weights: whose weights ADL and DFM run on.
        seed: of the draw in mode `sampled`.
        threshold: of the box, as a share of the map's maximum.
        target: class index, or None for each method's own top class.
        colormap: of the pictures made from the maps.
        opacity: of the map over the picture.
    """

    alpha: float = DFMParams.alpha
    beta: float = DFMParams.beta
    omega: float = DFMParams.omega
    delta: float = DFMParams.delta
    gamma: float = DFMParams.gamma
    tau: float = DFMParams.tau
    apply: Apply | None = None
    neighbourhood: Neighbourhood | None = None
    branches: Branches | None = None
    fusion: Fusion | None = None
    single: Single | None = None
    mode: Mode = ViewParams.mode
    points: tuple[str, ...] | None = None
    path: Mapping[str, Draw] | None = None
    weights: Weights = ViewParams.weights
    seed: int = 0
    threshold: float = ViewParams.threshold
    target: int | None = None
    colormap: Colormap = ViewParams.colormap
    opacity: float = ViewParams.opacity

    def __post_init__(self) -> None:
        """Check every value by itself; `resolve` checks them against a family."""
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if value is None and name in READINGS:
                continue
            object.__setattr__(self, name, kind.check(name, value))
        object.__setattr__(self, "seed", _whole("seed", self.seed))
        if self.target is not None:
            object.__setattr__(self, "target", _whole("target", self.target))
        object.__setattr__(self, "points", _points(self.points))
        object.__setattr__(self, "path", _path(self.path))

    @classmethod
    def parse(cls, source: "str | Mapping[str, Any] | Settings | None") -> "Settings":
        """Read settings from JSON text or a mapping; a missing key means its default.

        Raises:
            UserError: text that is no JSON object, an unknown key, a value out of its range.
        """
        if isinstance(source, Settings):
            return source
        if isinstance(source, str):
            source = _json_object(source)
        values = dict(source or {})
        for key in values:
            if key not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise UserError(f"There is no setting {key!r}; the settings are: {known}.")
        return cls(**values)

    def resolve(self, points: tuple[str, ...], num_classes: int, trained: DFMParams) -> "Settings":
        """Fill in what the family decides and check names and indices against it.

        Args:
            points: the family's DFM insertion points, in the order of the network.
            num_classes: of the family.
            trained: parameters the DFM checkpoint was trained with.

        Raises:
            UserError: an unknown point, a class index out of range.
        """
        for name in (*(self.points or ()), *(self.path or {})):
            # "*" stands for every point in `path` alone, where a draw belongs to it.
            if name not in points and (name != "*" or name in (self.points or ())):
                raise UserError(
                    f"There is no insertion point {name!r} in this family; choose from "
                    f"{', '.join(points)}, or send 'all' as points."
                )
        if self.target is not None and self.target >= num_classes:
            raise UserError(
                f"target must be a class index from 0 to {num_classes - 1}, but got {self.target}."
            )
        used = points if self.points is None else tuple(p for p in points if p in self.points)
        path = self.path or {}
        everywhere = path.get("*", Draw.POSITION)
        return dataclasses.replace(
            self,
            points=used,
            path=MappingProxyType({p: path.get(p, everywhere) for p in used}),
            **{name: getattr(self, name) or getattr(trained, name) for name in READINGS},
        )

    def dfm_params(self) -> DFMParams:
        """The module's parameters; call on resolved settings."""
        values = {name: getattr(self, name) for name in DFMParams.kinds()}
        return DFMParams(**{name: value for name, value in values.items() if value is not None})

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the API returns them."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["points"] = "all" if self.points is None else list(self.points)
        values["path"] = None if self.path is None else {k: str(v) for k, v in self.path.items()}
        return {k: str(v) if isinstance(v, StrEnum) else v for k, v in values.items()}


def parse_truths(text: str | None) -> list[list[float]]:
    """True boxes from JSON text; an empty text means none.

    Raises:
        UserError: anything but a list; the boxes are checked where the picture is known.
    """
    if not text or not text.strip():
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise UserError(
            f"The true boxes must be JSON like [[x0, y0, x1, y1], ...], but got {text[:60]!r}."
        )
    return found


def _json_object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"The settings are not valid JSON ({error}); send an object.") from None
    if not isinstance(values, dict):
        raise UserError(
            f"The settings must be a JSON object like {{}}, but got {type(values).__name__}."
        )
    return values


_LARGEST = 2**63 - 1
"""What torch takes as a seed."""


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise UserError(
            f"{name} must be a whole number from 0 to {_LARGEST}, but got {shown(value)}."
        )
    return value


def _points(value: object) -> tuple[str, ...] | None:
    if value is None or value == "all":
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise UserError(f"points must be a list of names or 'all', but got {value!r}.")
    if not names:
        raise UserError("points is empty; name at least one insertion point, or send 'all'.")
    return tuple(names)


def _path(value: object) -> Mapping[str, Draw] | None:
    """Point -> draw; a single word stands for every point and is kept under '*'."""
    if value is None:
        return None
    if isinstance(value, str):
        value = {"*": value}
    if not isinstance(value, Mapping):
        raise UserError(f"path must name a draw per point, but got {value!r}.")
    try:
        return MappingProxyType({str(k): Draw(v) for k, v in value.items()})
    except ValueError:
        raise UserError(
            f"path must say 'position' or 'channel' for each point, but got {dict(value)!r}."
        ) from None
