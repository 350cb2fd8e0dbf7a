"""Where and why a method fails: filters over the joined records of several methods.

A *question* (`Wanted`) names one method in one test-time mode, whose boxes are listed, and filters
that all must hold. IoU is that of the box of the network's own class at threshold .2, the box that
the records hold; *found* means IoU >= .5. Methods without test-time modes take part in the one they
have.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.records.sets import ERRORS, Judged, Rows

FOUND = 0.5
"""A box counts as found from this IoU on, as in the published numbers."""
PAGE = 24
"""Pictures on one page of the gallery."""
MAX_CORNERS = 400
"""Most corners of a drawn outline."""

Mask = NDArray[np.bool_]


class Flag(StrEnum):
    """What can be asked of a picture beside class, error type and IoU.

    Attributes:
        FIXES: CAM does not find the object (IoU < .5), DFM does (IoU >= .5).
        BREAKS: CAM finds the object, DFM does not.
        SPILLS: ADL's box lies mostly off the object, DFM's does not: the share of the box that is
            on the true box it overlaps best (IoP) is < .5 for ADL and >= .5 for DFM.
        WRONG: the listed method's own class is not the true one.
        OUTSIDE: the highest point of the listed method's map lies in no true box; a flat map
            counts.
    """

    FIXES = "fixes"
    BREAKS = "breaks"
    SPILLS = "spills"
    WRONG = "wrong"
    OUTSIDE = "outside"


NEEDS: Mapping[Flag, tuple[str, ...]] = {
    Flag.FIXES: ("cam", "dfm"),
    Flag.BREAKS: ("cam", "dfm"),
    Flag.SPILLS: ("adl", "dfm"),
    Flag.WRONG: (),
    Flag.OUTSIDE: (),
}
"""The methods whose records a flag compares."""


class Order(StrEnum):
    """How the gallery is sorted; equals stay in the records' order."""

    WORST = "worst"
    BEST = "best"
    LOST = "lost"
    RECORDS = "records"


@dataclass(frozen=True)
class Outline:
    """A region of the plane of two IoUs, drawn by hand.

    Attributes:
        x: the method of the horizontal axis, as `name/mode`.
        y: that of the vertical axis.
        corners: at least three, each x, y in IoU.
    """

    x: str
    y: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Wanted:
    """One question.

    Attributes:
        method: whose boxes are listed, by the name of its file of records.
        mode: test-time mode of the methods that have it.
        errors: wanted error types of that method; empty: any.
        label: the true class by name; None: any.
        low: least IoU of that method.
        high: greatest IoU of that method.
        flags: all of these must hold.
        outline: where the picture's point must lie; None: anywhere.
        order: of the gallery.
    """

    method: str
    mode: str
    errors: frozenset[str] = frozenset()
    label: str | None = None
    low: float = 0.0
    high: float = 1.0
    flags: frozenset[Flag] = frozenset()
    outline: Outline | None = None
    order: Order = Order.WORST


@dataclass(frozen=True, eq=False)
class Study:
    """The records of several methods about the same pictures.

    Attributes:
        rows: name -> one file of records; at least one, all about the same pictures in one order.
    """

    rows: Mapping[str, Rows]
    _slots: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Find out which file stands for each method: the one of its name, else the first."""
        for name, rows in sorted(self.rows.items(), key=lambda r: (r[0] != r[1].about.method, r)):
            self._slots.setdefault(rows.about.method, name)

    @property
    def first(self) -> Rows:
        """One for all: pictures and classes are the same in every file, true boxes if there."""
        rows = self.rows.values()
        return next((one for one in rows if one.about.truths), next(iter(rows)))

    @property
    def modes(self) -> tuple[str, ...]:
        """Every mode that some method was evaluated in, in the order of the files."""
        return tuple(dict.fromkeys(m for rows in self.rows.values() for m in rows.modes))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every method in every mode it has, as `name/mode`."""
        return tuple(f"{name}/{mode}" for name, rows in self.rows.items() for mode in rows.modes)

    @property
    def favourite(self) -> str:
        """The method whose failures are shown unless another is asked for: DFM, if it is here."""
        return self._slots.get("dfm", tuple(self.rows)[-1])

    def mode_of(self, name: str, mode: str) -> str:
        """The mode in which a method takes part when `mode` is asked for."""
        modes = self.rows[name].modes
        return mode if mode in modes else next(iter(modes))

    def judged(self, name: str, mode: str) -> Judged:
        """What a method said in that mode, or in the one it has."""
        return self.rows[name].modes[self.mode_of(name, mode)]

    def column(self, key: str) -> Judged:
        """What stands under one of `columns`."""
        name, _, mode = key.rpartition("/")
        return self.rows[name].modes[mode]

    def slot(self, method: str, wanted: Wanted) -> str | None:
        """The file that stands for a method: the listed one if it is of that method."""
        if self.rows[wanted.method].about.method == method:
            return wanted.method
        return self._slots.get(method)

    def can(self, flag: Flag) -> bool:
        """Whether there are the records that a flag compares."""
        return all(method in self._slots for method in NEEDS[flag])


def parse(values: Mapping[str, Any], study: Study) -> tuple[Wanted, list[str]]:
    """Read a question from plain values, as a page or a link sends them.

    Args:
        values: method, mode, errors, class, iou [low, high], flags, lasso {x, y, corners}, order;
            any of them may be missing.
        study: what it is asked of.

    Returns:
        The question, and the names of the values that mean nothing here and were left out.
    """
    ignored: list[str] = []

    def take(key: str, read: Callable[[Any], Any], default: Any) -> Any:
        if values.get(key) is None:
            return default
        try:
            return read(values[key])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            ignored.append(key)
            return default

    def among(allowed: Sequence[str]) -> Callable[[Any], str]:
        return lambda value: allowed[allowed.index(value)]

    def several(allowed: Sequence[str]) -> Callable[[Any], frozenset[str]]:
        def read(listed: Any) -> frozenset[str]:
            if not isinstance(listed, list):
                raise TypeError
            return frozenset(map(among(allowed), listed))

        return read

    def outline(value: Any) -> Outline:
        x, y = (among(study.columns)(value[axis]) for axis in "xy")
        corners = tuple((_number(px), _number(py)) for px, py in value["corners"])
        if not 3 <= len(corners) <= MAX_CORNERS:
            raise ValueError
        return Outline(x, y, corners)

    names = tuple(study.rows)
    flags = [str(flag) for flag in Flag if study.can(flag)]
    low, high = take("iou", _range, (0.0, 1.0))
    wanted = Wanted(
        method=take("method", among(names), study.favourite),
        mode=take("mode", among(study.modes), study.modes[-1]),
        errors=take("errors", several(ERRORS), frozenset()),
        label=take("class", among(study.first.classes), None),
        low=low,
        high=high,
        flags=frozenset(map(Flag, take("flags", several(flags), ()))),
        outline=take("lasso", outline, None),
        order=take("order", Order, Order.WORST),
    )
    return wanted, ignored


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _range(value: Any) -> tuple[float, float]:
    low, high = (min(1.0, max(0.0, _number(v))) for v in value)
    return min(low, high), max(low, high)


def flag_mask(study: Study, wanted: Wanted, flag: Flag) -> Mask:
    """(n,) whether a flag holds; nothing where there are no records to compare."""
    listed = study.judged(wanted.method, wanted.mode)
    if flag is Flag.WRONG:
        return ~listed.correct
    if flag is Flag.OUTSIDE:
        return listed.misdirected
    slots = [study.slot(method, wanted) for method in NEEDS[flag]]
    if None in slots:
        return np.zeros(len(study.first.pictures), bool)
    before, dfm = (study.judged(str(name), wanted.mode) for name in slots)
    if flag is Flag.SPILLS:
        return (before.iop < FOUND) & (dfm.iop >= FOUND)
    if flag is Flag.FIXES:
        return (before.iou < FOUND) & (dfm.iou >= FOUND)
    return (before.iou >= FOUND) & (dfm.iou < FOUND)


def _masks(study: Study, wanted: Wanted) -> dict[str, Mask]:
    """The filters that are set, by name."""
    listed, first = study.judged(wanted.method, wanted.mode), study.first
    masks = {f"flag {flag}": flag_mask(study, wanted, flag) for flag in wanted.flags}
    if wanted.errors:
        masks["errors"] = np.isin(listed.error, [ERRORS.index(e) for e in wanted.errors])
    if wanted.label is not None:
        masks["class"] = first.label == first.classes.index(wanted.label)
    if (wanted.low, wanted.high) != (0.0, 1.0):
        masks["iou"] = (listed.iou >= wanted.low) & (listed.iou <= wanted.high)
    if wanted.outline is not None:
        x, y = (study.column(key).iou for key in (wanted.outline.x, wanted.outline.y))
        masks["lasso"] = inside(x, y, wanted.outline.corners)
    return masks


def inside(
    x: NDArray[np.float64], y: NDArray[np.float64], corners: Sequence[tuple[float, float]]
) -> Mask:
    """Whether points lie in a polygon (even-odd rule, as lassos are drawn).

    Args:
        x: (n,) abscissas.
        y: (n,) ordinates.
        corners: of the polygon, in order; it closes itself.

    Returns:
        (n,) bool.
    """
    found = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            found ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return found


def _all(study: Study, masks: Mapping[str, Mask], without: str = "") -> Mask:
    found = np.ones(len(study.first.pictures), bool)
    for name, mask in masks.items():
        if name != without:
            found &= mask
    return found


def matching(study: Study, wanted: Wanted, without: str = "") -> Mask:
    """(n,) which pictures a question is about; `without` leaves out one filter, as `errors`."""
    return _all(study, _masks(study, wanted), without)


def find(study: Study, wanted: Wanted) -> NDArray[np.int64]:
    """The numbers of the pictures a question is about, in its order."""
    numbers = np.flatnonzero(matching(study, wanted))
    iou = study.judged(wanted.method, wanted.mode).iou
    if wanted.order is Order.RECORDS:
        return numbers
    if wanted.order is Order.LOST and (cam := study.slot("cam", wanted)) is not None:
        iou = iou - study.judged(cam, wanted.mode).iou
    key = -iou if wanted.order is Order.BEST else iou
    return numbers[np.argsort(key[numbers], kind="stable")]


def counts(study: Study, wanted: Wanted) -> dict[str, dict[str, int]]:
    """How many pictures each choice would leave, the other filters staying as they are.

    Returns:
        methods, modes, errors, classes, flags: name -> number. An error type and a class count as
        if chosen instead of those that are; a flag as if added.
    """
    masks = _masks(study, wanted)
    now, first = _all(study, masks), study.first
    fixed = _all(study, {name: m for name, m in masks.items() if name in ("class", "lasso")})
    rest = dataclasses.replace(wanted, label=None, outline=None)

    def other(method: str, mode: str) -> int:
        asked = dataclasses.replace(rest, method=method, mode=mode)
        return int((fixed & matching(study, asked)).sum())

    errors = study.judged(wanted.method, wanted.mode).error[_all(study, masks, "errors")]
    labels = first.label[_all(study, masks, "class")]
    by_error = np.bincount(errors, minlength=len(ERRORS)).tolist()
    by_class = np.bincount(labels, minlength=len(first.classes)).tolist()
    return {
        "methods": {name: other(name, wanted.mode) for name in study.rows},
        "modes": {mode: other(wanted.method, mode) for mode in study.modes},
        "errors": dict(zip(ERRORS, by_error, strict=True)),
        "classes": dict(zip(first.classes, by_class, strict=True)),
        "flags": {str(f): int((now & flag_mask(study, wanted, f)).sum()) for f in Flag},
    }


def error_counts(study: Study, wanted: Wanted) -> dict[str, list[int]]:
    """Error types of every method on the pictures a question is about, were no type chosen.

    Returns:
        name -> one number per entry of `ERRORS`.
    """
    found = matching(study, wanted, without="errors")
    return {
        name: np.bincount(
            study.judged(name, wanted.mode).error[found], minlength=len(ERRORS)
        ).tolist()
        for name in study.rows
    }
