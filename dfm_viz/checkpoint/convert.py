"""Bring checkpoints of an earlier card schema to the present one; the weights are never touched."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfm_viz.checkpoint.card import (
    CARD,
    SCHEMA_VERSION,
    Card,
    checkpoint_folders,
    parse_card,
    place,
    read_values,
)
from dfm_viz.checkpoint.store import write_card
from dfm_viz.files import settled, subfolders
from dfm_viz.types import UserError

_RUN = ("train_pictures", "data_fingerprint", "selection", "versions", "machine", "last_epoch")


def convert(folder: str | Path) -> dict[Path, bool]:
    """Bring a checkpoint, a family or a folder of families to the present schema.

    Every card is read and checked before anything is written. Writing again is harmless.

    Returns:
        Folder of each checkpoint -> whether anything was written there.

    Raises:
        UserError: no checkpoint there, a card that cannot be understood, an unwritable folder.
    """
    folder = Path(folder)
    cards = {path: upgraded(path) for path in checkpoints_under(folder)}
    if not cards:
        raise UserError(
            f"There is no checkpoint in {folder}; give a folder with a {CARD}, a family or a "
            f"folder of families."
        )
    return {path: write_card(path, card) for path, card in cards.items()}


def checkpoints_under(folder: Path) -> list[Path]:
    """The checkpoint folders that `folder` is or holds, at most two levels down."""
    if (settled(folder) / CARD).is_file():
        return [folder]
    if not folder.is_dir():
        return []
    families = [folder, *subfolders(folder)]
    return [path for family in families for path in checkpoint_folders(family)]


def upgraded(folder: Path) -> Card:
    """The card of a folder in the present schema, whatever schema it is written in."""
    values = read_values(folder)
    if values.get("schema_version") == 1:
        values = _from_1(values)
    return parse_card(values, place(folder))


def _from_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2 keeps what happened (`run`) apart from what was asked for (`recipe`)."""
    recipe = values.get("recipe")
    recipe = dict(recipe) if isinstance(recipe, Mapping) else {}
    run = {name: recipe.pop(name) for name in _RUN if name in recipe}
    if "seconds" in recipe:
        run["wall_seconds"] = recipe.pop("seconds")
    if recipe.get("training") == "none":
        recipe = {}
    return {**values, "recipe": recipe, "run": run, "schema_version": SCHEMA_VERSION}
