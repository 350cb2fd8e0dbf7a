"""Sweeps at inference time: trained weights stay, only the module's settings vary."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dfm_viz.backbones import Localizer, create_model, get_backbone
from dfm_viz.checkpoint import Card, load_checkpoint
from dfm_viz.methods import DFMParams
from dfm_viz.methods.params import Number
from dfm_viz.types import Mode, UserError
from training.data import DataSet, open_dataset
from training.evaluation import evaluate
from training.evaluation.metrics import Tally, tally
from training.fields import parse_text
from training.sweep.plans import Kind, Row, make_plan
from training.sweep.results import VARIED, Results, measured, save_results, take_up

MODES = (Mode.EXPECTED,)
"""What is measured of a row: the exact mixture over all draws, in which every setting counts."""


@dataclass(frozen=True)
class Given:
    """One checkpoint whose settings are varied; the seed it was trained with tells it apart."""

    model: Localizer
    card: Card

    @property
    def seed(self) -> int:
        """The seed of its training."""
        return int(self.card.recipe["seed"])


def run(
    name: str,
    checkpoints: Sequence[Path],
    data_root: Path,
    results_folder: Path,
    *,
    values: Sequence[str] = (),
    rows: Sequence[str] = (),
    command: str = "",
) -> tuple[Results, Path]:
    """Measure every row that the results file lacks, saving after each.

    Args:
        name: a sweep that exists at inference time (see `plans`).
        checkpoints: whose weights are used, one per seed of the same recipe; a CAM checkpoint gets
            DFM's modules, which it never saw.
        data_root: folder of the data set that the checkpoints were trained on.
        results_folder: where the results file is.
        values: of a one-parameter sweep.
        rows: only these rows.
        command: what was typed, for the file.

    Raises:
        UserError: a checkpoint with another kind of module, checkpoints that differ in more than
            the seed, data that do not fit, a results file made from another checkpoint.
    """
    given = [Given(*load_checkpoint(path)) for path in checkpoints]
    card, base = given[0].card, _base(given)
    data = open_dataset(str(card.recipe["data"]["name"]), data_root)
    plan = make_plan(name, card.backbone, Kind.INFERENCE, values).only(rows)
    fresh = Results(
        plan.name, plan.title, Kind.INFERENCE, card.backbone, card.dataset, base, command
    )
    results = take_up(fresh, results_folder)
    todo = [(g, row) for g in given for row in plan.rows if not _measured(results, g, row)]
    if name == "threshold":
        for g in given:
            rows_left = [row for other, row in todo if other is g]
            results = _thresholds(results, rows_left, g, data) if rows_left else results
    else:
        if todo:
            _tell_time(len(todo), given[0], data)
        for g, row in tqdm(todo, desc=f"{name}, inference-time", unit="row"):
            results = _row(results, row, g, data)
            save_results(results.in_order(plan), results_folder)
    results = results.in_order(plan)
    return results, save_results(results, results_folder)


def _base(given: Sequence[Given]) -> dict[str, Any]:
    """What all checkpoints share: the first one's name and the recipe but for the seed."""
    recipes = []
    for g in given:
        if g.card.method not in ("cam", "dfm") or "seed" not in g.card.recipe:
            raise UserError(
                f"A sweep at inference time varies DFM's settings and needs dfm or cam checkpoints "
                f"made by a recipe, got {g.card.name}."
            )
        recipes.append({k: v for k, v in g.card.recipe.items() if k not in VARIED})
    seeds = [g.seed for g in given]
    if any(recipe != recipes[0] for recipe in recipes) or len(set(seeds)) < len(seeds):
        raise UserError(
            f"The checkpoints must be of one recipe, each with a seed of its own, got seeds "
            f"{', '.join(map(str, seeds))}; name checkpoints of one sweep row."
        )
    return {"checkpoint": given[0].card.name, "recipe": recipes[0]}


def _measured(results: Results, given: Given, row: Row) -> bool:
    """Whether the file has this row for these weights; UserError for other weights, same seed."""
    runs = results.rows.get(row.name, {"runs": []})["runs"]
    same = [run for run in runs if run["seed"] == given.seed]
    if same and same[0]["sha256"] != given.card.sha256:
        raise UserError(
            f"{results.file_name} has seed {given.seed} of other weights; choose another --results "
            f"folder or delete the file."
        )
    return bool(same)


def _tell_time(rows: int, given: Given, data: DataSet, trial: int = 16) -> None:
    """Say how long the rows will take, from a few pictures that are measured and thrown away."""
    pictures = [item for item in data.test if item.boxes]
    few = dataclasses.replace(data, test=tuple(pictures[:trial]))
    row = Row("trial", "trial", ("method=dfm",))
    varied, modes = with_settings(given.model, given.card, row)
    began = time.perf_counter()
    evaluate(varied, given.card, few, "test", modes=modes)
    one = (time.perf_counter() - began) / max(1, len(few.test)) * len(pictures)
    print(f"{rows} rows to measure, about {rows * one / 60:.0f} min", flush=True)


def _row(results: Results, row: Row, given: Given, data: DataSet) -> Results:
    varied, modes = with_settings(given.model, given.card, row)
    scores = evaluate(varied, given.card, data, "test", modes=modes)
    kept = measured(scores)
    if modes != (Mode.OFF,):
        del kept[str(Mode.OFF)]  # the module's settings do not reach it
    return results.with_run(row, _run(given, kept), scores["chance"])


def _run(given: Given, modes: dict[str, Any]) -> dict[str, Any]:
    return {"seed": given.seed, "sha256": given.card.sha256, "modes": modes}


def _thresholds(results: Results, rows: Sequence[Row], given: Given, data: DataSet) -> Results:
    """Every threshold from one evaluation: records hold the IoU at all of them."""
    with TemporaryDirectory() as scratch:
        scores = evaluate(given.model, given.card, data, "test", records=Path(scratch))
        (path,) = Path(scratch).glob("*.parquet")
        tallies = {mode: tally(path, mode) for mode in measured(scores)}
    for row in rows:
        threshold = _threshold(row)
        modes = {mode: at_threshold(found, threshold) for mode, found in tallies.items()}
        results = results.with_run(row, _run(given, modes), scores["chance"])
    return results


def at_threshold(found: Tally, threshold: float) -> dict[str, Any]:
    """Top-1 Loc and GT-known of one mode at one common threshold, in percent."""
    level, n = int(threshold * 255), len(found.pictures)

    def percent(hits: NDArray[np.bool_]) -> float:
        return 100 * int(hits.sum()) / n

    return {
        "n": n,
        "top1_clas": percent(found.correct),
        "fixed": {
            "threshold": threshold,
            "top1_loc": percent(found.hits("top1", level)),
            "gt_known_loc": percent(found.hits("known", level)),
        },
    }


def with_settings(model: Localizer, card: Card, row: Row) -> tuple[Localizer, tuple[Mode, ...]]:
    """The same weights with DFM set as the row says, and the modes in which that shows."""
    fields = dict(text.removeprefix("params.").split("=", 1) for text in row.overrides)
    if fields.pop("method", "dfm") == "cam":
        return model, (Mode.OFF,)
    points = tuple(fields.pop("points", "").split(",")) if "points" in fields else None
    given = card.method_params() if card.method == "dfm" else DFMParams()
    assert isinstance(given, DFMParams)
    kinds = DFMParams.kinds()
    changed = {
        k: parse_text(v, float if isinstance(kinds[k], Number) else str, k)
        for k, v in fields.items()
    }
    default = card.points or get_backbone(card.backbone).points["dfm"]
    fresh = create_model(
        card.backbone,
        len(card.classes),
        method="dfm",
        params=dataclasses.replace(given, **changed),
        points=points or default,
        options=card.backbone_options,
    )
    fresh.load_state_dict(model.state_dict())
    return fresh.eval(), MODES


def _threshold(row: Row) -> float:
    text = row.overrides[-1].partition("=")[2]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise UserError(f"threshold must be a number from 0 to below 1, got {text!r}.")
    return value
