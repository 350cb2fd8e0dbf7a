"""Table 1 of the DFM paper as data: seven networks that differ in switches of one module."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dfm_viz.methods.dfm import DFMParams
from dfm_viz.types import Branches, Fusion


@dataclass(frozen=True)
class Row:
    """One row of Table 1.

    Attributes:
        row: its number from above, 0 to 6.
        name: what it is, in words.
        switches: fields of `DFMParams` that the row fixes, all others stay as they are given; None
            for a network without the module.
    """

    row: int
    name: str
    switches: Mapping[str, Any] | None

    def params(self, given: DFMParams | None = None) -> DFMParams | None:
        """The module's parameters in this row: `given` (or the paper's) with its switches set."""
        if self.switches is None:
            return None
        return dataclasses.replace(given or DFMParams(), **self.switches)


def _row(row: int, name: str, **switches: Any) -> Row:
    return Row(row, name, MappingProxyType(switches))


TABLE1: tuple[Row, ...] = (
    Row(0, "plain backbone", None),
    Row(1, "CAM", None),
    _row(2, "channel branch", branches=Branches.CHANNEL, omega=0.0),
    _row(3, "position branch", branches=Branches.POSITION, omega=0.0),
    _row(4, "both, normal fusion", branches=Branches.BOTH, fusion=Fusion.NORMAL, omega=0.0),
    _row(5, "both, cross fusion", branches=Branches.BOTH, fusion=Fusion.CROSS, omega=0.0),
    _row(6, "with the focused matrix", branches=Branches.BOTH, fusion=Fusion.CROSS),
)
"""Row 0 is the classifier as published (`plain=True`, no map); row 1 the same with a CAM head.

The focused matrix (omega) belongs to row 6 alone, which takes omega as given: .15 in the paper.
"""


def switches_of(params: DFMParams) -> dict[str, Any]:
    """The switches of Table 1 as they act: fusion needs two branches, omega that of positions."""
    values: dict[str, Any] = {"branches": params.branches, "omega": params.omega}
    if params.branches is Branches.CHANNEL:
        values["omega"] = 0.0
    if params.branches is Branches.BOTH:
        values["fusion"] = params.fusion
    return values


def row_of(params: DFMParams) -> Row | None:
    """The row whose switches act in these parameters; row 5 for omega 0, None where none does."""
    acts = switches_of(params)
    return next((row for row in TABLE1 if row.switches and {**acts, **row.switches} == acts), None)
