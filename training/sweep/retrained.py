"""Sweeps that train every row: one `fit` per row and seed, each a process of its own.

What is finished is seen from the checkpoints, so a sweep can be stopped at any time and taken up
days later; a run that was cut is resumed by `fit` itself.
"""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from dfm_viz.checkpoint import CARD, Card, read_card
from dfm_viz.types import UserError
from training.data import open_dataset
from training.loop import build
from training.recipe import Recipe, load_recipe
from training.sweep.plans import Kind, Plan, Row
from training.sweep.results import (
    CLASSIFIED,
    MEASURED,
    VARIED,
    Results,
    measured,
    save_results,
    take_up,
)


@dataclass(frozen=True)
class Job:
    """How and where the runs are made.

    Attributes:
        recipe: the base recipe, by name or path.
        overrides: on the base recipe, for every row.
        data_root: folder of the data.
        runs: folder of the checkpoints to be, `<runs>/<method>-<hash of the recipe>/seed<k>`: rows
            of several tables that are the same run are trained once.
        init_weights: safetensors file, where the recipe wants one.
        device: cpu, cuda or auto.
        threads: CPU threads of each run; 0: torch's own choice.
        parallel: runs at the same time; with several GPUs each gets its own.
    """

    recipe: str
    overrides: tuple[str, ...]
    data_root: Path
    runs: Path
    init_weights: Path | None = None
    device: str = "auto"
    threads: int = 0
    parallel: int = 1


@dataclass(frozen=True)
class Cell:
    """One run: a row under one seed."""

    row: Row
    seed: int
    recipe: Recipe
    out: Path

    def finished(self) -> Card | None:
        """The card of the finished and scored checkpoint, or None."""
        if not (self.out / CARD).is_file():
            return None
        card = read_card(self.out)
        if _recipe(card) != self.recipe:
            raise UserError(
                f"{self.out} holds a checkpoint of another recipe; choose another --runs folder or "
                f"delete it."
            )
        return card if "test" in card.metrics else None


def _recipe(card: Card) -> Recipe:
    """The recipe in a card, without the facts of the run that stand beside it."""
    fields = {f.name for f in dataclasses.fields(Recipe)}
    return Recipe.from_dict({k: v for k, v in card.recipe.items() if k in fields})


def cells(plan: Plan, job: Job, seeds: Sequence[int]) -> tuple[Cell, ...]:
    """Every run of a plan, seed by seed, so that a stopped sweep has whole tables first."""
    found = []
    for seed in seeds:
        for row in plan.rows:
            recipe = load_recipe(job.recipe, (*row.overrides, *job.overrides, f"seed={seed}"))
            found.append(Cell(row, seed, recipe, job.runs / _folder(recipe) / f"seed{seed}"))
    return tuple(found)


def _folder(recipe: Recipe) -> str:
    """A name that equal recipes share, whatever their seed and title."""
    fields = {k: v for k, v in recipe.to_dict().items() if k not in VARIED}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return f"{recipe.model.method}-{digest[:8]}"


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
    model = build(recipe, 10, job.init_weights).to(device).train()
    x = torch.zeros(recipe.optim.batch, 3, recipe.data.image_size, recipe.data.image_size).to(
        device, memory_format=torch.channels_last
    )
    labels = torch.zeros(len(x), dtype=torch.long, device=device)
    for step in range(steps + 1):
        if step == 1:  # the first one warms up
            began = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, recipe.optim.precision == "bfloat16"):
            logits = model.training_logits(x, labels)
        torch.stack([cross_entropy(scores.float(), labels) for scores in logits]).sum().backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - began) / steps


def run(
    plan: Plan, job: Job, seeds: Sequence[int], results_folder: Path, command: str
) -> tuple[Results, Path]:
    """Train what is missing and write the results file after every finished run.

    Raises:
        UserError: a run that failed (its log is named), a folder of another sweep.
    """
    base = load_recipe(job.recipe, job.overrides)
    common = {k: v for k, v in base.to_dict().items() if k not in VARIED}
    results = take_up(
        Results(
            plan.name,
            plan.title,
            Kind.RETRAINED,
            base.model.backbone,
            base.data.family,
            {"recipe": common},
            command,
        ),
        results_folder,
    )
    every = cells(plan, job, seeds)
    known = {id(cell): cell.finished() for cell in every}
    todo = [cell for cell in every if known[id(cell)] is None]
    done = [card for card in known.values() if card is not None]
    if todo:
        hours, rest = divmod(estimate(todo, done, job) / job.parallel, 3600)
        print(
            f"{plan.title}: {len(every)} runs, {len(done)} finished; about {hours:.0f} h "
            f"{rest / 60:.0f} min ahead for {len(todo)}",
            flush=True,
        )
    for cell in every:
        card = known[id(cell)]
        if card is not None:
            results = _taken_in(results, cell, card)
    path = save_results(results.in_order(plan), results_folder)
    with tqdm(total=len(every), initial=len(done), desc=plan.name, unit="run") as bar:
        for cell in _trained(todo, job):
            card = cell.finished()
            if card is None:
                raise UserError(f"The run in {cell.out} ended without a scored checkpoint.")
            results = _taken_in(results, cell, card)
            path = save_results(results.in_order(plan), results_folder)
            bar.update()
    return results.in_order(plan), path


def _taken_in(results: Results, cell: Cell, card: Card) -> Results:
    scores = card.metrics["test"]
    run = {
        "seed": cell.seed,
        "seconds": card.run["wall_seconds"],
        "epochs": cell.recipe.optim.epochs,
        "sha256": card.sha256,
        "modes": measured(scores, CLASSIFIED if cell.recipe.model.plain else MEASURED),
    }
    return results.with_run(cell.row, run, scores["chance"])


def _trained(todo: Sequence[Cell], job: Job) -> Iterator[Cell]:
    """Run the cells, `parallel` at a time; yields each when it has ended well."""
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(job.parallel):
        slots.put(slot)

    def one(cell: Cell) -> Cell:
        slot = slots.get()
        try:
            _fit(cell, job, slot)
        finally:
            slots.put(slot)
        return cell

    with ThreadPoolExecutor(job.parallel) as pool:
        waiting: set[Future[Cell]] = {pool.submit(one, cell) for cell in todo}
        try:
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        finally:
            for future in waiting:
                future.cancel()


def _fit(cell: Cell, job: Job, slot: int) -> None:
    words = [
        *(sys.executable, "-m", "training", "fit", job.recipe, *cell.row.overrides),
        *(*job.overrides, f"seed={cell.seed}"),
        *("--data-root", str(job.data_root), "--out", str(cell.out), "--device", job.device),
    ]
    if job.init_weights is not None:
        words += ["--init-weights", str(job.init_weights)]
    if job.threads:
        words += ["--threads", str(job.threads)]
    env = dict(os.environ)
    if job.device != "cpu" and torch.cuda.device_count() > 1:
        env["CUDA_VISIBLE_DEVICES"] = str(slot % torch.cuda.device_count())
    log = cell.out.with_name(f"{cell.out.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        code = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, env=env).returncode
    if code:
        last = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        raise UserError(
            f"The run {cell.row.name}, seed {cell.seed}, failed ({last[-1] if last else ''});"
            f" see {log}. What is finished is kept; the same command goes on from here."
        )
