"""What a sweep varies: the rows of the paper's tables, or one parameter over its values.

Rows are data: a name for folders, a title for tables, and the recipe fields that make the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dfm_viz.backbones import get_backbone
from dfm_viz.methods import DFMParams
from dfm_viz.methods.params import Choice
from dfm_viz.methods.table1 import TABLE1
from dfm_viz.types import Apply, UserError
from training import published


class Kind(StrEnum):
    """Two kinds of numbers that never stand in one table.

    `retrained`: every row is trained, as in the paper. `inference`: one checkpoint's weights, only
    the module's settings vary.
    """

    RETRAINED = "retrained"
    INFERENCE = "inference"


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: for folders and to find the paper's row.
        title: for people.
        overrides: `field=value` on the base recipe.
        checkpoint: of a trial: the checkpoint it is a candidate for.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    checkpoint: str = ""


@dataclass(frozen=True)
class Plan:
    """A table to be filled.

    Attributes:
        name: `table1` ... `table4`, the name of the parameter that varies, or `trials`.
        title: for people.
        rows: in the order of the table.
        split: what the finished runs are scored on.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    split: str = "test"

    def only(self, names: Sequence[str]) -> "Plan":
        """The plan with the named rows only; none names all. UserError for an unknown name."""
        known = [row.name for row in self.rows]
        if unknown := [name for name in names if name not in known]:
            raise UserError(
                f"{self.name} has no row {unknown[0]!r}; its rows are {', '.join(known)}."
            )
        rows = tuple(row for row in self.rows if not names or row.name in names)
        return replace(self, rows=rows)


VALUES: dict[str, tuple[str, ...]] = {
    "alpha": ("0.5", "0.7", "0.8", "0.85", "0.9", "0.95", "1"),
    "beta": ("0.5", "0.7", "0.8", "0.9", "0.95", "1"),
    "omega": ("0", "0.05", "0.15", "0.3", "0.5", "1"),
    "delta": ("0", "0.1", "0.4", "0.6", "0.9"),
    "gamma": ("0", "0.1", "0.4", "0.6", "0.9"),
    "tau": ("0", "0.25", "0.5", "0.7", "0.9", "1"),
    "threshold": tuple(f"{0.05 * i:.2f}" for i in range(1, 17)),
}
"""The values a one-parameter sweep takes unless others are given."""

TABLES = ("table1", "table2", "table3", "table4")
PARAMETERS = (*DFMParams.kinds(), "points", "threshold")
NAMES = tuple(dict.fromkeys((*TABLES, *PARAMETERS)))


def make_plan(name: str, backbone: str, kind: Kind, values: Sequence[str] = ()) -> Plan:
    """The rows of a sweep.

    Args:
        name: one of `NAMES`.
        backbone: whose table; insertion points and Table 3's rows depend on it.
        kind: tables 3 and 4 exist only retrained, `threshold` only at inference time.
        values: of a one-parameter sweep; none takes the list above, a choice takes all its words.

    Raises:
        UserError: an unknown name, or a kind that makes no sense for it.
    """
    if name not in NAMES:
        raise UserError(f"There is no sweep {name!r}; choose one of {', '.join(NAMES)}.")
    if values and name in TABLES:
        raise UserError(f"{name} has fixed rows; --values belongs to a one-parameter sweep.")
    if name == "table1":
        return Plan(name, "Table 1: the parts of DFM", _table1(kind))
    if name == "table2":
        return Plan(name, "Table 2: delta and gamma", _table2())
    if name in ("table3", "table4") and kind is Kind.INFERENCE:
        raise UserError(f"{name} compares methods, so every row is trained; use --kind retrained.")
    if name == "table3":
        return Plan(name, "Table 3: methods", _TABLE3)
    if name == "table4":
        return Plan(name, "Table 4: classification beside CBAM and ABN", _TABLE4)
    if name == "threshold" and kind is Kind.RETRAINED:
        raise UserError("threshold cuts finished maps and trains nothing; use --kind inference.")
    found = tuple(values) or _values(name, backbone)
    method = () if name == "threshold" else ("method=dfm",)
    rows = tuple(Row(f"{name}-{v}", f"{name} = {v}", (*method, _setting(name, v))) for v in found)
    return Plan(name, f"{name} varied", rows)


def _table1(kind: Kind) -> tuple[Row, ...]:
    rows = []
    for name, row in zip(published.TABLE1, TABLE1, strict=True):
        if row.switches is not None:
            fields = ("method=dfm", *(f"{k}={v}" for k, v in row.switches.items()))
        else:
            fields = ("method=cam", "plain=true") if row.row == 0 else ("method=cam",)
        if row.row or kind is Kind.RETRAINED:  # row 0 is another network, not a setting
            rows.append(Row(name, f"{row.row} {row.name}", fields))
    return tuple(rows)


def _table2() -> tuple[Row, ...]:
    return tuple(
        Row(
            f"delta-{d}-gamma-{g}",
            f"δ {d}, γ {g}",
            ("method=dfm", f"params.delta={d}", f"params.gamma={g}"),
        )
        for d in published.TABLE2_DELTA
        for g in published.TABLE2_GAMMA
    )


_TABLE3 = (
    Row("cam", "CAM", ("method=cam",)),
    Row("has", "HaS", ("method=has",)),
    Row("acol", "ACoL", ("method=acol",)),
    Row("adl", "ADL", ("method=adl",)),
    *(
        Row("dfm" if a is Apply.MUL else f"dfm-{a}", f"DFM, {a}", ("method=dfm", f"apply={a}"))
        for a in (Apply.MUL, Apply.ADD, Apply.RESIDUAL)
    ),
)

_TABLE4 = (
    Row("cam", "CAM", ("method=cam",)),
    Row("cbam", "CBAM", ("method=cbam",)),
    Row("abn", "ABN", ("method=abn",)),
    Row("dfm", "DFM", ("method=dfm",)),
)


def _values(name: str, backbone: str) -> tuple[str, ...]:
    if name == "points":
        points = get_backbone(backbone).points["dfm"]
        return (*points, "+".join(points))
    kind = DFMParams.kinds().get(name)
    return tuple(map(str, kind.options)) if isinstance(kind, Choice) else VALUES[name]


def _setting(name: str, value: str) -> str:
    if name == "points":
        return f"points={value.replace('+', ',')}"
    return f"{name}={value}" if name == "threshold" else f"params.{name}={value}"
