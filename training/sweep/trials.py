"""Trials: recipes tried for a family, and the rule by which validation pictures choose among them.

Trials are data, a TOML file each in `training/trials`. They are trained without every n-th training
picture, scored on exactly those, and never see a test picture.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from dfm_viz.types import UserError
from training.recipe import load_recipe
from training.sweep.plans import Plan, Row
from training.sweep.results import Results

TRIALS = Path(__file__).parents[1] / "trials"
SLACK = 3.0
"""Points of Top-1 Clas that better boxes may cost: about one standard error of so few pictures."""
RULE = (
    f"The rule, written before any result was seen: CAM takes the trial with the best Top-1 Clas, "
    f"and its recipe is everybody's; every other method takes, of its trials within {SLACK:g} "
    f"points of its best Top-1 Clas, the one with the best GT-known at best. Mode off; the first "
    f"wins a tie."
)


@dataclass(frozen=True)
class Trials:
    """The candidates of one family.

    Attributes:
        plan: one row a candidate.
        recipe: what all of them start from, by name or path.
        overrides: on that recipe, for all of them.
    """

    plan: Plan
    recipe: str
    overrides: tuple[str, ...]


def load_trials(name: str | Path) -> Trials:
    """Read a file of trials.

    Args:
        name: its path, or the name of one in `training/trials`.

    Raises:
        UserError: no such file, not TOML, a missing field, no validation pictures.
    """
    for path in (Path(name), TRIALS / f"{name}.toml"):
        if path.is_file():
            break
    else:
        ours = ", ".join(sorted(p.stem for p in TRIALS.glob("*.toml")))
        raise UserError(
            f"There are no trials {str(name)!r}; give the path of a TOML file or one of {ours}."
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        title, recipe = str(values["title"]), str(values["recipe"])
        overrides = tuple(values["overrides"])
        rows = tuple(
            Row(row["name"], row["title"], tuple(row["fields"]), row["checkpoint"])
            for row in values["trial"]
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path.name} cannot be read as TOML ({error}).") from None
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path.name} must have title, recipe, overrides and [[trial]] tables with name, "
            f"title, fields and checkpoint; it lacks or misuses {error}."
        ) from None
    if not load_recipe(recipe, overrides).data.hold_out_every:
        raise UserError(
            f"{path.name} holds out no validation pictures; put hold_out_every=5 into overrides."
        )
    return Trials(Plan("trials", title, rows, split="val"), recipe, overrides)


def choose(results: Results) -> dict[str, str]:
    """The row that `RULE` takes for each checkpoint, as {checkpoint: row name}.

    Scores are means over seeds; a row with a diverged seed is no candidate.
    """
    candidates: dict[str, list[tuple[str, float, float]]] = {}
    for name, row in results.rows.items():
        scores = [run["modes"].get("off") for run in row["runs"]]
        if all(scores):
            top1 = fmean(score["top1_clas"] for score in scores)
            boxes = fmean(score["oracle"]["gt_known_loc"] for score in scores)
            candidates.setdefault(row["checkpoint"], []).append((name, top1, boxes))
    return {checkpoint: _best(checkpoint, found) for checkpoint, found in candidates.items()}


def _best(checkpoint: str, found: list[tuple[str, float, float]]) -> str:
    most = max(top1 for _, top1, _ in found)
    if checkpoint == "cam":
        return next(name for name, top1, _ in found if top1 == most)
    able = [(name, boxes) for name, top1, boxes in found if top1 >= most - SLACK]
    return max(able, key=lambda item: item[1])[0]  # max keeps the first of equals
