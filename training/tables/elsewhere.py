"""One name, two numbers: what a table's row and the card of that name do differently.

A table's recipe is not always the one that ships, so a method may have one Top-1 Clas in a table
and another on its card. Where both are shown, the reason stands beside them, read off the recipes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfm_viz.backbones import default_params
from dfm_viz.checkpoint import Card, checkpoint_folders, read_card
from training.sweep.plans import Kind
from training.sweep.results import Results
from training.sweep.trials import choose
from training.tables.spread import spread

SPLITS: Mapping[str, str] = {"test": "test", "val": "validation"}
_WORDS: Mapping[str, str] = {
    "data.image_size": "input {} px here, {} there",
    "optim.epochs": "{} epochs here, {} there",
    "optim.settle_epochs": "the module off in the last {} epochs here, in the last {} there",
    "optim.lr": "rate {} here, {} there",
    "model.points": "module after {} here, after {} there",
}
"""How the fields that differ most are told; others under their own name."""
_NO_MATTER = (
    *("data.cache", "data.workers", "data.notes", "data.knows", "data.family", "data.name"),
    *("data.decode_side", "data.hold_out_every"),  # follow from the input, and from the split
)


def same_names(results: Results, checkpoints: Path) -> tuple[dict[str, str], ...]:
    """Where rows of a table and cards of the family have one name but not one number.

    Args:
        results: of one sweep; only retrained ones have names that cards have.
        checkpoints: folder of the families.

    Returns:
        {card, text} each: the card's `family/name`, and one sentence with both numbers and every
        field of the recipes that differs. Empty where the numbers agree.
    """
    if results.kind != Kind.RETRAINED:
        return ()
    family = checkpoints / f"{results.backbone}_{results.dataset}"
    cards = {p.name: read_card(p) for p in checkpoint_folders(family)} if family.is_dir() else {}
    return tuple(_told(results, cards))


def _told(results: Results, cards: Mapping[str, Card]) -> Iterator[dict[str, str]]:
    for row_name, name in _named(results, cards):
        row, card = results.rows[row_name], cards[name]
        scores = [run["modes"]["off"] for run in row["runs"] if "off" in run["modes"]]
        test = card.metrics.get("test")
        if not scores or not isinstance(test, Mapping):
            continue
        here = spread([score["top1_clas"] for score in scores])
        there = f"{test['top1_clas']:.1f}"
        reasons = list(_reasons(results, row, card, scores[0]["n"], test["n"]))
        if here != there:
            told = "; ".join(reasons) or "the same recipe, run twice"
            yield {
                "card": card.name,
                "text": f"{row['title']} has a Top-1 Clas of {here} here and {there} on the card "
                f"{card.name} (module off both times): {told}.",
            }


def _named(results: Results, cards: Mapping[str, Card]) -> Iterator[tuple[str, str]]:
    """Rows and the cards whose name they have: (row, card)."""
    if results.plan == "trials":
        yield from ((row, name) for name, row in choose(results).items() if name in cards)
        return
    for row_name, row in results.rows.items():
        fields = effective(results.base["recipe"], row["overrides"])
        method = fields.get("model.method", "")
        numbers = {key: value for key, value in fields.items() if key.startswith("params.")}
        card = cards.get(row_name) or cards.get(method)
        if card is None or card.method != method or fields.get("model.plain") == "true":
            continue
        name = row_name if row_name in cards else method
        own = {f"params.{key}": _plain(value) for key, value in card.params.items()}
        if name == row_name or all(own.get(key) == value for key, value in numbers.items()):
            yield row_name, name


def effective(base: Mapping[str, Any], overrides: list[str]) -> dict[str, str]:
    """A recipe with a row's overrides, flat: `table.field` -> value as plain text.

    Another method brings its own default numbers and leaves its insertion points open.
    """
    fields = _flat(base)
    for text in overrides:
        name, _, value = text.partition("=")
        if name in ("method", "model.method") and value != fields.get("model.method"):
            fields = {k: v for k, v in fields.items() if not k.startswith("params.")}
            fields.pop("model.points", None)
            backbone = fields.get("model.backbone")
            numbers = default_params(backbone, value).to_dict() if backbone else {}
            fields |= {f"params.{key}": _plain(number) for key, number in numbers.items()}
        full = next((key for key in fields if key.rpartition(".")[2] == name), name)
        fields[full] = _plain(value)
    return fields


def _reasons(
    results: Results, row: Mapping[str, Any], card: Card, n: int, test_n: int
) -> Iterator[str]:
    here, there = effective(results.base["recipe"], row["overrides"]), _flat(card.recipe)
    there |= {f"params.{key}": _plain(value) for key, value in card.params.items()}
    changed = [key for key in here if key in there and here[key] != there[key]]
    for key in (k for k in changed if k not in _NO_MATTER and "." in k):
        words = _WORDS.get(key, key.partition(".")[2].replace("_", " ") + " {} here, {} there")
        yield words.format(here[key], there[key])
    if results.split != "test":
        split = SPLITS.get(results.split, results.split)
        yield (
            f"scored on {n} {split} pictures that it was trained without here, on {test_n} test "
            f"pictures after training on all there"
        )
    elif n != test_n:
        yield f"{n} pictures here, {test_n} there"
    seeds = [str(run["seed"]) for run in row["runs"]]
    seed = str(card.recipe.get("seed", ""))
    if seeds != [seed]:
        many = "seeds" if len(seeds) > 1 else "seed"
        yield f"{many} {', '.join(seeds)} here, {seed or 'not recorded'} there"


def _flat(recipe: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{table}.{field}": _plain(value)
        for table, fields in recipe.items()
        if isinstance(fields, Mapping)
        for field, value in fields.items()
    }


def _plain(value: Any) -> str:
    """A value as text that is equal for equal values: `.8`, `0.80` and 0.8 are one."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool) or str(value).lower() in ("true", "false"):
        return str(value).lower()
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)
