"""Sweeps that train every row: one `fit` per row and seed.

What is finished is seen from the checkpoints, so a sweep can be stopped at any time and taken up
days later; a run that was cut is resumed by `fit` itself. A run that diverges is a result.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from dfm_viz.checkpoint import Card
from dfm_viz.outputs import output_folder
from dfm_viz.types import UserError
from training.data import open_dataset
from training.epoch import Forward
from training.loop import build
from training.recipe import Recipe, load_recipe
from training.state import check_out
from training.sweep.cells import Cell, Job, cells
from training.sweep.plans import Kind, Plan
from training.sweep.processes import trained
from training.sweep.results import VARIED, Results, save_results, take_up

Finished = Card | str


def run(
    plan: Plan, job: Job, seeds: Sequence[int], results_folder: Path, command: str
) -> tuple[Results, Path]:
    """Train what is missing and write the results file after every finished run.

    Raises:
        UserError: a run that failed (its log is named), a folder of another sweep.
    """
    output_folder(job.runs, _nothing_foreign, reads=[job.data_root], replaced=False)
    base = load_recipe(job.recipe, job.overrides)
    common = {k: v for k, v in base.to_dict().items() if k not in VARIED}
    fresh = Results(
        plan.name,
        plan.title,
        Kind.RETRAINED,
        base.model.backbone,
        base.data.short,
        {"recipe": common},
        command,
        split=plan.split,
    )
    results = take_up(fresh, results_folder)
    done: list[Card] = []
    todo: list[Cell] = []
    every = cells(plan, job, seeds)
    for cell in every:
        if (found := cell.finished()) is None:
            check_out(cell.out, job.data_root, job.init_weights)
            todo.append(cell)
        else:
            done += [found] if isinstance(found, Card) else []
            results = _taken_in(results, cell, found)
    path = save_results(results.in_order(plan), results_folder)
    if todo:
        hours, rest = divmod(estimate(todo, done, job) / job.parallel, 3600)
        print(
            f"{plan.title}: {len(every)} runs, {len(every) - len(todo)} finished; about "
            f"{hours:.0f} h {rest / 60:.0f} min ahead for {len(todo)}",
            flush=True,
        )
    with tqdm(total=len(every), initial=len(every) - len(todo), desc=plan.name, unit="run") as bar:
        for cell in trained(todo, job):
            if (found := cell.finished()) is None:
                raise UserError(f"The run in {cell.out} ended without a scored checkpoint.")
            results = _taken_in(results, cell, found)
            path = save_results(results.in_order(plan), results_folder)
            bar.update()
    return results.in_order(plan), path


def _nothing_foreign(runs: Path) -> None:
    """Runs lie in a folder of runs side by side with anything; each is looked at by itself."""


def _taken_in(results: Results, cell: Cell, found: Finished) -> Results:
    chance = results.chance if isinstance(found, str) else found.metrics[cell.split]["chance"]
    return results.with_run(cell.row, cell.run(found), chance)


def estimate(todo: Sequence[Cell], done: Sequence[Card], job: Job) -> float:
    """Seconds of work ahead, from finished runs of this sweep, or else from two trial steps."""
    if done:
        return len(todo) * sum(float(c.run["wall_seconds"]) for c in done) / len(done)
    recipe = todo[0].recipe
    data = open_dataset(recipe.data.name, job.data_root)
    pictures = len(data.split("train", recipe.data.hold_out_every))
    steps = recipe.optim.epochs * pictures / recipe.optim.batch
    return len(todo) * steps * _step_seconds(recipe, job)


def _step_seconds(recipe: Recipe, job: Job, steps: int = 2) -> float:
    on_gpu = job.device == "cuda" or (job.device == "auto" and torch.cuda.is_available())
    device = "cuda" if on_gpu else "cpu"
    forward = Forward(
        build(recipe, 10, job.init_weights).to(device).train(), recipe.optim.precision
    )
    x = torch.zeros(recipe.optim.batch, 3, recipe.data.image_size, recipe.data.image_size).to(
        device, memory_format=torch.channels_last
    )
    labels = torch.zeros(len(x), dtype=torch.long, device=device)
    for step in range(steps + 1):
        if step == 1:  # the first one warms up
            began = time.perf_counter()
        losses = [cross_entropy(scores, labels) for scores in forward(x, labels, None)]
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - began) / steps
