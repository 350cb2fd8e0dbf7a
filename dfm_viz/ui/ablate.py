"""What the Ablate tab asks of the server: quick questions, and long ones as jobs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfm_viz.inspection import SWEPT, Family, Opened, Settings, Variant
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.sanity import SEEDS, sanity
from dfm_viz.methods import DFMParams
from dfm_viz.methods.table1 import TABLE1
from dfm_viz.render.scales import difference_colours
from dfm_viz.types import Mode, UserError
from dfm_viz.ui import ablate_parts as parts
from dfm_viz.ui import payload
from dfm_viz.ui.answers import Answer, sentence
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.jobs import Job, Jobs

COUNTS = (5, 11, 21, 51, 101)
"""How many values a sweep may have; every one is a position of the slider."""
SIDES = (5, 10, 15, 21)
"""How many values of delta and of gamma a grid may have."""


@dataclass(frozen=True)
class Asked:
    """The question that all parts of the tab share: family, picture, settings, true boxes."""

    family: Family
    opened: Opened
    settings: Settings
    truths: list[Any]


class Ablate:
    """The server side of the Ablate tab; it answers about the picture opened in Explore."""

    SERVER = (
        *("ablate_facts", "ablate_start", "ablate_poll", "ablate_cancel"),
        *("ablate_now", "ablate_curves", "ablate_difference"),
    )
    """Methods that the page's script may call."""

    def __init__(self, explore: Explore, jobs: Jobs | None = None) -> None:
        """Share the pictures and families of `explore`."""
        self.explore = explore
        self.jobs = Jobs() if jobs is None else jobs
        self._curves = Cache(8 * 2**20)

    @sentence
    def ablate_facts(self, query: Mapping[str, Any]) -> Answer:
        """What there is to choose from."""
        return {
            "rows": [row.name for row in TABLE1],
            "swept": [parts.swept(name) for name in SWEPT],
            "counts": list(COUNTS),
            "sides": list(SIDES),
            "seeds": SEEDS,
            "omega": DFMParams.omega,
            "difference": payload.text(difference_colours().tobytes()),
        }

    @sentence
    def ablate_start(self, query: Mapping[str, Any]) -> Answer:
        """Begin a long answer; `kind` says which, `instead` is the token of one it replaces.

        Returns:
            {"job": token for `ablate_poll`, "plan": what its items will be}.
        """
        kinds = {
            "rows": self._rows,
            "sweep": self._sweep,
            "grid": self._grid,
            "sanity": self._sanity,
        }
        kind = query.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise UserError(f"There is no long answer {kind!r}; choose from {', '.join(kinds)}.")
        plan, work = kinds[kind](self._asked(query), query)
        return {"job": self.jobs.start(work, query.get("instead")), "plan": plan}

    @sentence
    def ablate_poll(self, query: Mapping[str, Any]) -> Answer:
        """What a job has found since the last look: {"job": token, "after": items seen}."""
        return self.jobs.poll(query.get("job"), query.get("after", 0))

    @sentence
    def ablate_cancel(self, query: Mapping[str, Any]) -> Answer:
        """End a job: {"job": token}."""
        self.jobs.cancel(query.get("job"))
        return {}

    @sentence
    def ablate_now(self, query: Mapping[str, Any]) -> Answer:
        """The present setting: which row it is, and what every outcome of the draws says."""
        asked = self._asked(query)
        inspection = asked.family.inspect(asked.opened, asked.settings, asked.truths)
        return parts.now(inspection, parts.grid_truths(inspection, asked.truths))

    @sentence
    def ablate_curves(self, query: Mapping[str, Any]) -> Answer:
        """IoU and area of every method's box at all 256 grey levels of its map."""
        asked = self._asked(query)
        inspection = asked.family.inspect(asked.opened, asked.settings, asked.truths)
        truths = parts.grid_truths(inspection, asked.truths)
        found = []
        for name, method in inspection.methods.items():
            key = (method.grid.tobytes(), tuple(truths))

            def compute(grid: NDArray[np.uint8] = method.grid) -> Answer:
                return parts.curve(grid, truths)

            curve: Answer = self._curves.get(key, compute, lambda _: 64 * 1024)
            found.append({"name": name, "title": method.title, "iou_now": method.iou, **curve})
        return {"threshold": inspection.settings.threshold, "curves": found}

    @sentence
    def ablate_difference(self, query: Mapping[str, Any]) -> Answer:
        """Every map of the shown point under `settings` minus that under `pinned`."""
        asked = self._asked(query)
        before = Settings.parse(_mapping(query.get("pinned"), "pinned settings"))
        new = asked.family.inspect(asked.opened, asked.settings, asked.truths)
        old = asked.family.inspect(asked.opened, before, asked.truths)
        return parts.difference(new, old, str(query.get("point")), query.get("channel"))

    def _asked(self, query: Mapping[str, Any]) -> Asked:
        name = str(query.get("family", ""))
        family = self.explore.family(name)
        opened = self.explore.prepared(name, query.get("picture"))
        settings = Settings.parse(_mapping(query.get("settings"), "settings"))
        truths = query.get("truths") or []
        if not isinstance(truths, list):
            raise UserError("The page sent no list of true boxes; reload it.")
        return Asked(family, opened, settings, truths)

    def _rows(self, asked: Asked, query: Mapping[str, Any]) -> tuple[Answer, Callable[[Job], None]]:
        def work(job: Job) -> None:
            job.expect(len(TABLE1))
            found = _found(job, asked, 112, _row)
            asked.family.ablate(
                asked.opened, asked.settings, asked.truths, cancelled=job.cancelled, found=found
            )

        return {"count": len(TABLE1)}, work

    def _sweep(
        self, asked: Asked, query: Mapping[str, Any]
    ) -> tuple[Answer, Callable[[Job], None]]:
        parameter = query.get("parameter")
        if not isinstance(parameter, str) or parameter not in SWEPT:
            raise UserError(f"There is no parameter {parameter!r} to sweep; choose another.")
        count = _one_of("The number of values", query.get("count"), COUNTS)
        values, titles = parts.values_of(parameter, count, asked.family.info.points)

        def work(job: Job) -> None:
            job.expect(len(values))
            asked.family.sweep(
                *(asked.opened, asked.settings, parameter, values, asked.truths),
                cancelled=job.cancelled,
                found=_found(job, asked, 72),
            )

        return {"parameter": parameter, "values": values, "titles": titles}, work

    def _grid(self, asked: Asked, query: Mapping[str, Any]) -> tuple[Answer, Callable[[Job], None]]:
        side = _one_of("The side of the grid", query.get("side"), SIDES)
        values = parts.steps(side)

        def work(job: Job) -> None:
            job.expect(side * side)
            asked.family.grid(
                *(asked.opened, asked.settings, values, values, asked.truths),
                cancelled=job.cancelled,
                found=_found(job, asked, 28),
            )

        return {"values": values}, work

    def _sanity(
        self, asked: Asked, query: Mapping[str, Any]
    ) -> tuple[Answer, Callable[[Job], None]]:
        method, seed = str(query.get("method")), query.get("seed", 0)

        def work(job: Job) -> None:
            job.expect(1)
            both = sanity(asked.family, asked.opened, asked.settings, method, seed, asked.truths)
            size = (asked.opened.picture.width, asked.opened.picture.height)
            job.put(
                {
                    "i": 0,
                    "trained": parts.shown(both.trained, size, 112),
                    "random": parts.shown(both.random, size, 112),
                    "correlation": both.correlation,
                }
            )

        return {"method": method}, work


def _found(
    job: Job,
    asked: Asked,
    side: int,
    more: Callable[[Variant], Answer] = lambda entry: {},
) -> Callable[[int, Variant], None]:
    """Hands every entry of a series to the page; its map as a thumbnail of `side` pixels."""
    size = (asked.opened.picture.width, asked.opened.picture.height)

    def found(index: int, entry: Variant) -> None:
        job.put({"i": index, **parts.entry(entry, size, side), **more(entry)})

    return found


def _row(entry: Variant) -> Answer:
    """What else a card of Table 1 says: its switches in words, and the settings it stands for."""
    row = TABLE1[entry.row or 0]
    take: Answer | None = None
    if row.switches is not None:
        take = {**row.switches, "omega": entry.settings.omega, "mode": entry.settings.mode}
    elif entry.result is not None:
        take = {"mode": Mode.OFF}
    return {"row": entry.row, "name": entry.name, "switches": parts.switches(entry), "take": take}


def _mapping(values: object, name: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise UserError(f"The page sent no {name}; reload it.")
    return values


def _one_of(name: str, value: object, allowed: tuple[int, ...]) -> int:
    if isinstance(value, bool) or value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}.")
    assert isinstance(value, int)
    return value
