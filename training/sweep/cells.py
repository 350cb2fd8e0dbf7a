"""The runs of a retrained sweep: what each is, where it lies, how one sees that it is done."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfm_viz.checkpoint import CARD, Card, read_card
from dfm_viz.files import write_file
from dfm_viz.types import UserError
from training.recipe import Recipe, load_recipe
from training.sweep.plans import Plan, Row
from training.sweep.results import CLASSIFIED, MEASURED, VARIED, measured


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
    split: str = "test"

    @property
    def log(self) -> Path:
        """What its process printed."""
        return self.out.with_name(f"{self.out.name}.log")

    @property
    def _verdict(self) -> Path:
        return self.out.with_name(f"{self.out.name}.diverged")

    def mark_diverged(self, sentence: str) -> None:
        """Keep that this recipe does not train: an answer, too."""
        write_file(self._verdict, sentence + "\n")

    def finished(self) -> Card | str | None:
        """The card of the scored checkpoint, the sentence of a run that diverged, or None.

        Raises:
            UserError: the folder holds a checkpoint of another recipe.
        """
        if self._verdict.is_file():
            return self._verdict.read_text(encoding="utf-8").strip()
        if not (self.out / CARD).is_file():
            return None
        card = read_card(self.out)
        if _recipe(card) != self.recipe:
            raise UserError(
                f"{self.out} holds a checkpoint of another recipe; choose another --runs folder or "
                f"delete it."
            )
        return card if self.split in card.metrics else None

    def run(self, found: Card | str) -> dict[str, Any]:
        """What a results file keeps of the finished run."""
        if isinstance(found, str):
            return {"seed": self.seed, "diverged": found, "modes": {}}
        fields = CLASSIFIED if self.recipe.model.plain else MEASURED
        return {
            "seed": self.seed,
            "seconds": found.run["wall_seconds"],
            "epochs": self.recipe.optim.epochs,
            "sha256": found.sha256,
            "modes": measured(found.metrics[self.split], fields),
        }


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
            out = job.runs / _folder(recipe) / f"seed{seed}"
            found.append(Cell(row, seed, recipe, out, plan.split))
    return tuple(found)


def _folder(recipe: Recipe) -> str:
    """A name that equal recipes share, whatever their seed and title."""
    fields = {k: v for k, v in recipe.to_dict().items() if k not in VARIED}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return f"{recipe.model.method}-{digest[:8]}"
