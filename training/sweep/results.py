"""Results files: what a sweep measured, one JSON per sweep, backbone, data and kind.

A file holds one table and never mixes recipes: every row was made from the same base recipe (or
the same checkpoint), and a file that belongs to another one is refused, not overwritten.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dfm_viz.files import write_file
from dfm_viz.types import UserError
from training.sweep.plans import Kind, Plan, Row

SCHEMA_VERSION = 1
FOLDER = Path(__file__).parents[1] / "results"

VARIED = ("title", "seed")
"""Fields of a recipe that may differ between the runs of one row."""

CLASSIFIED = ("n", "top1_clas")
"""What a network without a map can be asked."""

MEASURED = ("n", "top1_clas", "fixed", "oracle", "errors", "intervals", "misdirected")
"""What is kept of an evaluation, per test-time mode."""


@dataclass(frozen=True)
class Results:
    """One table of measurements.

    Attributes:
        plan: `table1`, `methods`, `alpha`, ...
        title: for people.
        kind: retrained or inference.
        backbone: key in `BACKBONES`.
        dataset: short name of the data set, as `cub50`.
        base: what all rows share: the recipe as plain values, or the checkpoint and its hash.
        command: what was typed.
        chance: what boxes that ignore the picture reach on the same pictures.
        rows: row name -> {title, overrides, runs: [{seed, seconds, modes: {mode: scores}}]}; of
            trials also `checkpoint`, what the row is a candidate for.
        split: whose pictures were measured.
    """

    plan: str
    title: str
    kind: str
    backbone: str
    dataset: str
    base: dict[str, Any]
    command: str
    chance: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    split: str = "test"
    schema_version: int = SCHEMA_VERSION

    @property
    def file_name(self) -> str:
        """The name of the file in the results folder."""
        return f"{self.plan}_{self.backbone}_{self.dataset}_{self.kind}.json"

    def with_run(self, row: Row, run: dict[str, Any], chance: dict[str, Any]) -> "Results":
        """A copy that also holds one more run of a row; a run of the same seed is replaced."""
        known = self.rows.get(row.name, {"runs": []})["runs"]
        runs = sorted(
            [*(r for r in known if r["seed"] != run["seed"]), run], key=lambda r: r["seed"]
        )
        fresh = {"title": row.title, "overrides": list(row.overrides), "runs": runs}
        if row.checkpoint:
            fresh["checkpoint"] = row.checkpoint
        return Results(**{**vars(self), "chance": chance, "rows": {**self.rows, row.name: fresh}})

    def in_order(self, plan: Plan) -> "Results":
        """A copy whose rows stand in the order of the plan; rows of no plan come last."""
        order = [row.name for row in plan.rows if row.name in self.rows]
        rest = [name for name in self.rows if name not in order]
        return Results(**{**vars(self), "rows": {name: self.rows[name] for name in order + rest}})


def measured(scores: dict[str, Any], fields: tuple[str, ...] = MEASURED) -> dict[str, Any]:
    """What a results file keeps of one evaluation: the same fields for every mode."""
    modes = {"off": scores, **scores.get("modes", {})}
    return {
        name: {key: value[key] for key in fields if key in value} for name, value in modes.items()
    }


def save_results(results: Results, folder: Path) -> Path:
    """Write the file under a temporary name, then rename; returns its path."""
    path = folder / results.file_name
    write_file(path, json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n")
    return path


def load_results(path: Path) -> Results:
    """Read one file; UserError naming it if it is damaged or of another kind."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema_version"] != SCHEMA_VERSION or values["kind"] not in list(Kind):
            raise ValueError(f"version {values['schema_version']!r}, kind {values['kind']!r}")
        return Results(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path.name} cannot be read as results of a sweep ({error}); restore it or delete it."
        ) from None


def take_up(fresh: Results, folder: Path) -> Results:
    """Results begun earlier with the same base, or `fresh`; UserError if the base is another."""
    path = folder / fresh.file_name
    if not path.exists():
        return fresh
    known = load_results(path)
    if known.base != fresh.base:
        differing = sorted(
            key
            for key in known.base.keys() | fresh.base.keys()
            if known.base.get(key) != fresh.base.get(key)
        )
        raise UserError(
            f"{path.name} holds rows made from another base (it differs in "
            f"{', '.join(differing)}); choose another --results folder or delete the file."
        )
    return Results(**{**vars(known), "command": fresh.command, "title": fresh.title})
