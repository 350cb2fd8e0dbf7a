"""Many questions about one picture: Table 1's rows, a sweep of one parameter, a grid of two.

All of it is inference-time: the weights stay as they are and only the module's switches and numbers
change. What each part does in training is another question, answered by checkpoints of its own.

Every entry is what `Family.inspect` says of DFM under the same settings, bit for bit; only the work
is shared. What a draw does not read (`methods.dfm.read_by`) does not run again: delta and alpha
touch C_ME alone, gamma, beta and omega P_ME alone, tau and threshold no network at all.
"""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from dfm_viz.inspection.family import Checkpoints
from dfm_viz.inspection.plain import plain_network
from dfm_viz.inspection.question import Opened, Question
from dfm_viz.inspection.settings import Settings, ViewParams
from dfm_viz.inspection.variant import Ablation, SweptValue, Variant
from dfm_viz.methods import DFMParams
from dfm_viz.methods.params import Choice, Number
from dfm_viz.methods.table1 import TABLE1, Row, row_of, switches_of
from dfm_viz.types import Mode, UserError

MAX_VALUES = 201
MAX_CELLS = 441
KEPT_BYTES = 128 * 2**20
"""What one series may keep of its own while it runs. With less, work is repeated, never wrong."""

_KINDS: Mapping[str, Number | Choice] = {
    **DFMParams.kinds(),
    "threshold": ViewParams.kinds()["threshold"],
}
SWEPT = (*_KINDS, "points")
"""The settings that can be swept."""

Progress = Callable[[int, int], None]
"""Told after every entry: how many are done, of how many."""

Cancelled = Callable[[], bool]
"""Asked before every entry: True ends the series there."""

Found = Callable[[int, Variant], None]
"""Told every entry as soon as it is there: its place in the series, and what it says."""

NO_PLAIN = "no CAM checkpoint whose weights fit the published network"

_Job = Callable[[], Variant]


def nobody(done: int, total: int) -> None:
    """Tell nobody how far it is."""


def never() -> bool:
    """Never cancelled."""
    return False


def unseen(index: int, entry: Variant) -> None:
    """Nobody looks before the end."""


@dataclass(frozen=True)
class Series:
    """A series of questions in the making; `Family` has the methods with the same names.

    Everything is checked before anything runs. No lock is held between two stretches of network.

    Attributes:
        checkpoints: of the family.
        opened: the picture, set aside (`Opened.aside`).
        settings: what all questions have in common.
        truths: true boxes in pixels of the upright picture.
        progress: told after every entry.
        cancelled: asked before every entry.
        found: told every entry as soon as it is there.
    """

    checkpoints: Checkpoints
    opened: Opened
    settings: Settings
    truths: Sequence[Sequence[float]] = ()
    progress: Progress = nobody
    cancelled: Cancelled = never
    found: Found = unseen

    def ablate(self) -> Ablation:
        """The seven rows; see `Family.ablate`."""
        common = self.settings
        active = Mode.EXPECTED if common.mode is Mode.OFF else common.mode
        jobs: list[_Job] = [partial(_plain, self._question(common))]
        for row in TABLE1[1:]:
            if row.switches is None:
                asked = replace(common, mode=Mode.OFF)
            else:
                asked = replace(common, mode=active, **row.switches)
            jobs.append(partial(_answer, self._question(asked), row))
        return self._run(jobs, range(len(jobs)))

    def sweep(self, parameter: str, values: Sequence[Any]) -> Ablation:
        """One parameter over some values; see `Family.sweep`."""
        if parameter not in SWEPT:
            raise UserError(
                f"There is no parameter {parameter!r} to sweep; choose one of {', '.join(SWEPT)}."
            )
        listed = _listed("values", values)
        if len(listed) > MAX_VALUES:
            raise UserError(
                f"A sweep takes at most {MAX_VALUES} values, but got {len(listed)}; send fewer."
            )
        jobs: list[_Job] = []
        for given in listed:
            value, setting = _value(parameter, given)
            question = self._question(replace(self.settings, **{parameter: setting}))
            jobs.append(partial(_answer, question, value=value))
        return self._run(jobs, range(len(jobs)))

    def grid(self, deltas: Sequence[float], gammas: Sequence[float]) -> Ablation:
        """All pairs of two lists; see `Family.grid`."""
        rows, columns = _listed("deltas", deltas), _listed("gammas", gammas)
        if len(rows) * len(columns) > MAX_CELLS:
            raise UserError(
                f"A grid has at most {MAX_CELLS} cells, but {len(rows)} x {len(columns)} were "
                f"asked for; send fewer values."
            )
        jobs: list[_Job] = []
        for delta, gamma in itertools.product(rows, columns):
            question = self._question(replace(self.settings, delta=delta, gamma=gamma))
            pair = (question.params.delta, question.params.gamma)
            jobs.append(partial(_answer, question, value=pair))
        # Along the shorter side first: what the next line uses again is one line's work.
        order = sorted(range(len(jobs)), key=lambda i: (i % len(columns), i // len(columns)))
        return self._run(jobs, order if len(rows) < len(columns) else range(len(jobs)))

    def _question(self, settings: Settings) -> Question:
        own = self.checkpoints
        asked = settings.resolve(own.points("dfm"), len(own.first.classes), own.trained_params())
        return Question(own, self.opened, asked, self.truths)

    def _run(self, jobs: Sequence[_Job], order: Sequence[int]) -> Ablation:
        """Do the jobs in this order, until the end or until cancelled; in their own order again."""
        done: dict[int, Variant] = {}
        for index in order:
            if self.cancelled():
                break
            done[index] = jobs[index]()
            self.found(index, done[index])
            self.progress(len(done), len(jobs))
        return Ablation(tuple(done[index] for index in sorted(done)))


def _answer(
    question: Question, row: Row | None = None, *, value: SweptValue | None = None
) -> Variant:
    """What DFM says; without a given row it is the one whose switches act, if there is one."""
    off = question.settings.mode is Mode.OFF
    if row is None:
        row = TABLE1[1] if off else row_of(question.params)
    result = question.dfm()
    return Variant(
        row=None if row is None else row.row,
        name="no row of Table 1" if row is None else row.name,
        switches=None if off else switches_of(question.params),
        settings=question.settings,
        label=result.label,
        class_index=result.class_index,
        score=result.score,
        result=result,
        note=result.note,
        value=value,
    )


def _plain(question: Question) -> Variant:
    """Row 0: class and score of the plain backbone, or a note why there is none."""
    index = score = label = None
    network = plain_network(question.checkpoints, question.opened)
    if network is not None:
        logits = network.final({}, question.params).logits.double()
        target = question.settings.target
        index = int(logits.argmax()) if target is None else target
        score = float(logits.softmax(dim=0)[index])
        label = question.checkpoints.first.classes[index]
    return Variant(
        row=TABLE1[0].row,
        name=TABLE1[0].name,
        switches=None,
        settings=question.settings,
        label=label,
        class_index=index,
        score=score,
        result=None,
        note="CAM's weights in the published network" if network else NO_PLAIN,
    )


def parse_values(text: str | None) -> Any:
    """The values of a sweep from JSON text; `Series.sweep` checks them.

    Raises:
        UserError: a text that is no JSON.
    """
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        raise UserError(
            f"The values must be JSON like [0, 0.5, 1], but got {(text or '')[:60]!r}."
        ) from None


def _listed(name: str, values: object) -> list[Any]:
    """The values as a list; UserError for none."""
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple) or not listed:
        raise UserError(f"{name} must be a list of at least one value, but got {listed!r}.")
    return list(listed)


def _value(parameter: str, given: object) -> tuple[SweptValue, Any]:
    """One value of a sweep as it is reported, and as the setting takes it."""
    if parameter in _KINDS:
        value: SweptValue = _KINDS[parameter].check(parameter, given)
        return value, value
    if not isinstance(given, str):
        raise UserError(
            f"A value of points must be a name, several joined by '+', or 'all', but got {given!r}."
        )
    return given, given if given == "all" else tuple(given.split("+"))
