"""`checkpoints/README.md`: what the families are and how each was made, from their cards."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint import WEIGHTS, checkpoint_folders, read_card
from dfm_viz.checkpoint.card import Card
from dfm_viz.files import settled, subfolders
from dfm_viz.methods import METHODS
from training.recipe import RECIPES, load_recipe
from training.tables.baselines import of_family
from training.tables.layout import grid
from training.tables.spread import NOTHING

README = "README.md"
_HEAD = """\
# Checkpoints

Made by `python -m training table` from the cards; every number stands in a `card.json`. A folder of
checkpoints of one backbone on one data set is a *family*: what the app compares. A checkpoint is
`model.safetensors` (float16; its SHA-256 is on the card and checked at every loading), `card.json`
and a `README.md` in the Hugging Face Hub's form. How to make and measure them:
[training/README.md](../training/README.md).

Scores: percent of the test pictures, module off (as published numbers are taken), with 95 %
bootstrap intervals over the pictures where they were measured. `at .2` is the fixed threshold,
`at best` the best common threshold of these very pictures. The other modes stand on the cards.
"""
_SCORES: Mapping[str, tuple[str, ...]] = {
    "Top-1 Clas": ("top1_clas",),
    "Top-1 Loc at .2": ("fixed", "top1_loc"),
    "GT-known at .2": ("fixed", "gt_known_loc"),
    "GT-known at best": ("oracle", "gt_known_loc"),
}
_ANY = {("data", "cache"), ("data", "workers"), ("data", "notes"), ("data", "knows")}
"""Fields of a recipe that change no weights."""


def families_document(root: Path) -> str:
    """The text of checkpoints/README.md; UserError for a card that cannot be read."""
    families = {
        folder: cards
        for folder in subfolders(root)
        if (cards := {path: read_card(path) for path in checkpoint_folders(folder)})
    }
    return "\n".join([_HEAD, *(_family(folder, cards) for folder, cards in families.items())])


def _family(folder: Path, cards: Mapping[Path, Card]) -> str:
    order = list(METHODS)
    rows = sorted(cards.items(), key=lambda item: (order.index(item[1].method), item[0].name))
    first = rows[0][1]
    sizes = [(settled(path) / WEIGHTS).stat().st_size for path, _ in rows]
    columns = ("checkpoint", "method", "MB", "seed", "trained for", *_SCORES)
    table = [
        (
            f"[{path.name}]({folder.name}/{path.name}/README.md)",
            METHODS[card.method].title,
            f"{size / 1e6:.1f}",
            str(card.recipe.get("seed", NOTHING)),
            _time(card),
            *(_score(card, path) for path in _SCORES.values()),
        )
        for (path, card), size in zip(rows, sizes, strict=True)
    ]
    parts = [
        f"## {folder.name}",
        f"{get_backbone(first.backbone).title}, {first.knows}; {first.image_size} x "
        f"{first.image_size} px; {sum(sizes) / 1e6:.1f} MB." + _pictures(first),
        grid(columns, tuple(table)),
        of_family(folder),
        "\n".join(f"- {line}" for line in _facts([card for _, card in rows])),
        "\n".join(f"    {line}" for line in _commands(folder.name, rows)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(cards: list[Card]) -> Iterator[str]:
    """Initial weights, licences and machines, once each."""
    starts = dict.fromkeys(card.init_weights or "not recorded" for card in cards)
    yield f"Initial weights: {'; '.join(starts)}."
    yield from dict.fromkeys(line for card in cards for line in card.licences)
    machines = dict.fromkeys(str(m) for card in cards if (m := card.run.get("machine")))
    if machines:
        yield f"Trained on: {'; '.join(machines)}."


def _pictures(card: Card) -> str:
    train, test = card.run.get("train_pictures"), card.metrics.get("test", {}).get("n")
    said = [f"{train} training pictures"] if train else []
    said += [f"{test} test pictures"] if test else []
    return f" {', '.join(said)}." if said else ""


def _time(card: Card) -> str:
    seconds, epochs = card.run.get("wall_seconds"), card.recipe.get("optim", {}).get("epochs")
    if not card.trained or seconds is None:
        return NOTHING
    told = f"{round(seconds / 60)} min" if seconds >= 90 else f"{seconds} s"
    return f"{told}, {epochs} epochs"


def _score(card: Card, path: tuple[str, ...]) -> str:
    value: Any = card.metrics.get("test")
    interval: Any = (value or {}).get("intervals")
    for name in path:
        value = (value or {}).get(name)
        interval = (interval or {}).get(name)
    if value is None:
        return NOTHING
    return f"{value:.1f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


def _commands(family: str, rows: list[tuple[Path, Card]]) -> Iterator[str]:
    """What makes the family again, what measures it, and what finds its failures."""
    for path, card in rows:
        out = f"checkpoints/{family}/{path.name}"
        recipe = f"{family}_{path.name}"
        if card.recipe and not (RECIPES / f"{recipe}.toml").is_file():
            yield f"# {out}: its recipe stands on its card only"
        elif card.recipe:
            start = f" --init-weights {_start(card, rows)}" if _from_file(card) else ""
            changed = "".join(f" {field}" for field in _overrides(recipe, card))
            yield f"python -m training fit {recipe} --data-root DATA --out {out}{start}{changed}"
        elif card.dataset == "imagenet1k" and card.backbone == "mobilenetv1":
            yield f"python -m training imagenet --init-weights WEIGHTS --out {out}"
        elif card.dataset == "imagenet1k":
            yield f"python -m dfm_viz fetch {family}"
    if any(card.recipe for _, card in rows):
        names = sorted({str(card.recipe["data"]["name"]) for _, card in rows if card.recipe})
        # Published weights name no data: theirs are those of the family's trained checkpoints.
        named = f" --data {names[0]}" if any(not card.trained for _, card in rows) else ""
        yield (
            f"python -m training evaluate {family}{named} --data-root DATA --write-card --json OUT"
        )
    yield f"python -m dfm_viz known-failures checkpoints/{family}"


def _from_file(card: Card) -> bool:
    return bool(card.recipe["model"]["init"] == "file")


def _start(card: Card, rows: list[tuple[Path, Card]]) -> str:
    """The weights file that a run started from: one of the family's own, or the user's."""
    for path, other in rows:
        if other.sha256 and f"SHA-256 {other.sha256}" in card.init_weights:
            return f"checkpoints/{path.parent.name}/{path.name}/model.safetensors"
    return "WEIGHTS"


def _overrides(name: str, card: Card) -> Iterator[str]:
    """Where the recipe on the card differs from the file of that name, as `field=value`."""
    known = load_recipe(name).to_dict()
    for table, fields in card.recipe.items():
        if table == "seed" and fields != known["seed"]:
            yield f"seed={fields}"
        for field, value in fields.items() if isinstance(fields, Mapping) else ():
            there = known.get(table, {})
            if (table, field) not in _ANY and field in there and there[field] != value:
                told = ",".join(map(str, value)) if isinstance(value, list) else value
                yield f"{table}.{field}={str(told).lower() if isinstance(told, bool) else told}"
