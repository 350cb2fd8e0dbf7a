"""Ask the question of a bundle again and say how the maps compare.

Promise: the same bits where machine class, versions and number of threads are the same; elsewhere
every map within `TOLERANCE` of its greatest magnitude (of 1 for smaller maps).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dfm_viz.export.arrays import arrays_of
from dfm_viz.export.manifest import machine, software
from dfm_viz.export.reader import Bundle
from dfm_viz.inspection import Family, Inspection
from dfm_viz.types import UserError

TOLERANCE = 1e-4
_ONE_LEVEL = 1.5 / 255
"""Grids are bytes made from the maps: a map within the tolerance may move one of them a level."""


@dataclass(frozen=True)
class Difference:
    """How one map came out.

    Attributes:
        name: its path in result.json.
        equal: bit for bit.
        largest: difference, relative to the map's greatest magnitude or to 1; infinite where it
            has another shape or is missing.
        allowed: the most that is promised where bits are not.
    """

    name: str
    equal: bool
    largest: float
    allowed: float

    def __str__(self) -> str:
        """The size of the difference in words."""
        if self.allowed == TOLERANCE:
            text = f"{self.largest:.1e}"
        else:
            text = f"{self.largest * 255:.0f} of 255 grey levels"
        return text if self.largest <= self.allowed else f"{text}, too much"


@dataclass(frozen=True)
class Replay:
    """What came of asking again.

    Attributes:
        changed: "what: then, now" for everything that keeps the bits from being promised.
        maps: every map.
        answers: "method: then, now" where a class, score or box came out differently.
    """

    changed: tuple[str, ...]
    maps: tuple[Difference, ...]
    answers: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether the promise that applies holds."""
        if not self.changed:
            return all(found.equal for found in self.maps) and not self.answers
        return all(found.largest <= found.allowed for found in self.maps)

    def lines(self) -> Iterator[str]:
        """The outcome in words, one line after the other."""
        if self.changed:
            yield f"Promised: every map within {TOLERANCE:g}, because this is not as it was:"
            yield from (f"  {line}" for line in self.changed)
        else:
            yield "Promised: the same bits (same class of machine, versions, number of threads)."
        different = [found for found in self.maps if not found.equal]
        count = len(self.maps)
        verdict = "Kept" if self.kept else "Not kept"
        if not different:
            yield f"{verdict}: all {count} maps are bit-equal."
        else:
            equal = count - len(different)
            yield f"{verdict}: {equal} of {count} maps are bit-equal, the others differ by:"
            wide = max(len(found.name) for found in different)
            yield from (f"  {found.name.ljust(wide)}  {found}" for found in different)
        yield from (f"  {line}" for line in self.answers)


def check_checkpoints(bundle: Bundle, family: Family) -> None:
    """UserError unless the family has every checkpoint of the bundle, with the same weights."""
    own = family.checkpoints
    for name, entry in bundle.manifest["family"]["checkpoints"].items():
        wanted = entry["sha256"]
        if name not in own.cards:
            raise UserError(
                f"{bundle.name} was made with a checkpoint {bundle.family}/{name} (SHA-256 "
                f"{wanted[:12]}…), which {own.folder} does not have; put it there, or name "
                f"another folder with --families."
            )
        if (found := own.cards[name].sha256) != wanted:
            raise UserError(
                f"{bundle.name} was made with a checkpoint {bundle.family}/{name} whose SHA-256 is "
                f"{wanted[:12]}…, but the one in {own.folder} has {found[:12]}…; replay it with "
                f"the earlier one."
            )


def replay(bundle: Bundle, family: Family) -> Replay:
    """Compute everything again and compare.

    Args:
        bundle: read and verified.
        family: of the same name, with the same checkpoints.

    Raises:
        UserError: other checkpoints, settings or boxes that are not allowed.
    """
    check_checkpoints(bundle, family)
    again = family.inspect(family.open(bundle.picture), bundle.settings, bundle.truths)
    then, now = bundle.maps, arrays_of(again)
    changed = tuple(_changed(bundle, family))
    return Replay(
        changed=changed,
        # What has joined the family since is nobody's business.
        maps=tuple(_difference(name, array, now.get(name)) for name, array in then.items()),
        answers=tuple(_answers(bundle.result, again, loose=bool(changed))),
    )


def _changed(bundle: Bundle, family: Family) -> Iterator[str]:
    """What is not as it was, in words."""
    written = bundle.manifest
    for then, now in (
        (written["software"], software()),
        (written["machine"], machine(family.checkpoints.device)),
        ({"threads": written["threads"]}, {"threads": torch.get_num_threads()}),
    ):
        for name in dict.fromkeys((*now, *then)):
            if then.get(name) != now.get(name):
                yield f"{name}: {_said(then.get(name))} then, {_said(now.get(name))} now"


def _said(value: object) -> str:
    text = "unknown" if value in (None, "") else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _difference(name: str, then: NDArray[Any], now: NDArray[Any] | None) -> Difference:
    if now is None or (then.shape, then.dtype) != (now.shape, now.dtype):
        return Difference(name, False, float("inf"), TOLERANCE)
    allowed = _ONE_LEVEL if now.dtype == np.uint8 else TOLERANCE
    if then.tobytes() == now.tobytes():
        return Difference(name, True, 0.0, allowed)
    a, b = then.astype(np.float64), now.astype(np.float64)
    size = max(float(np.abs(a).max()), 1.0)
    largest = float(np.abs(a - b).max()) / size
    return Difference(name, False, largest if np.isfinite(largest) else float("inf"), allowed)


def _answers(then: Mapping[str, Any], again: Inspection, loose: bool) -> Iterator[str]:
    """Classes, scores and boxes that came out differently; near scores only if not `loose`."""
    written = then.get("methods")
    for name, entry in (written if isinstance(written, dict) else {}).items():
        found = again.methods.get(name)
        now = {} if found is None else found.to_json()
        for key in ("label", "class_index", "score", "box", "iou"):
            was = entry.get(key) if isinstance(entry, dict) else None
            if key == "score" and loose and _near(was, now.get(key)):
                continue
            if was != now.get(key):
                yield f"{name}, {key}: {_said(was)} then, {_said(now.get(key))} now"


def _near(then: object, now: object) -> bool:
    return isinstance(then, float) and isinstance(now, float) and abs(then - now) <= TOLERANCE
