"""Mean and spread over seeds, onto the cards of the seed that ships."""

import dataclasses
from pathlib import Path
from typing import Any

from dfm_viz.checkpoint import CARD, read_card, write_card
from dfm_viz.types import UserError
from training.sweep.methods import NAME
from training.sweep.results import Results, load_results
from training.tables.bars import at
from training.tables.spread import spread

_BEGIN = "Over seeds "
_SCORES = {
    "Top-1 Clas": ("top1_clas",),
    "GT-known at .2": ("fixed", "gt_known_loc"),
    "GT-known at best": ("oracle", "gt_known_loc"),
}
_TITLES = {"off": "module off", "expected": "mode expected"}


def spread_on_cards(checkpoints: Path, results: Path) -> list[Path]:
    """Write the note of every shipped checkpoint that was trained under several seeds.

    Args:
        checkpoints: folder of the families.
        results: folder of results files; those of the sweep `methods` count.

    Returns:
        The folders of the checkpoints whose card changed.

    Raises:
        UserError: a results file measured other weights than those that ship.
    """
    changed = []
    for path in sorted(results.glob(f"{NAME}_*.json")):
        found = load_results(path)
        for name, row in found.rows.items():
            folder = checkpoints / f"{found.backbone}_{found.dataset}" / name
            if (folder / CARD).is_file() and _write(folder, found, row["runs"]):
                changed.append(folder)
    return changed


def _write(folder: Path, results: Results, runs: list[dict[str, Any]]) -> bool:
    card = read_card(folder)
    seed = int(card.recipe.get("seed", 0))
    if not any(run["seed"] == seed and run.get("sha256") == card.sha256 for run in runs):
        raise UserError(
            f"{results.file_name} has no run of the weights in {folder} (seed {seed}); run the "
            f"sweep {NAME} again, or delete the file."
        )
    notes = [note for note in card.notes if not note.startswith(_BEGIN)]
    if len(runs) > 1:
        notes.append(over_seeds(runs, seed))
    return write_card(folder, dataclasses.replace(card, notes=tuple(notes)))


def over_seeds(runs: list[dict[str, Any]], shipped: int) -> str:
    """One sentence: mean and standard deviation (n - 1) of the main scores, mode by mode."""
    told = []
    for mode, title in _TITLES.items():
        scores = [run["modes"][mode] for run in runs if mode in run["modes"]]
        if scores:
            numbers = ", ".join(
                f"{name} {spread([at(score, key) for score in scores])}"
                for name, key in _SCORES.items()
            )
            told.append(f"{title}: {numbers}")
    diverged = [str(run["seed"]) for run in runs if "diverged" in run]
    lost = f" Diverged: seed {', '.join(diverged)}." if diverged else ""
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return (
        f"{_BEGIN}{seeds} (this file is seed {shipped}'s), mean ± standard deviation in percent; "
        f"{'; '.join(told)}.{lost}"
    )
