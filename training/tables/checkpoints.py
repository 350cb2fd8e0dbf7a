"""The table of shipped checkpoints, made from their cards; README.md holds a copy."""

from pathlib import Path
from typing import Any

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint import Card, checkpoint_folders, read_card
from dfm_viz.files import subfolders, write_file
from dfm_viz.methods import METHODS
from dfm_viz.types import UserError
from training.tables.baselines import of_families

BEGIN, END = "<!-- checkpoints: made by `python -m training table` -->\n", "<!-- end -->\n"

HEAD = (
    "| family | method | Top-1 Clas | Top-1 Loc | GT-known | at the best threshold |\n"
    "|---|---|---|---|---|---|\n"
)


def checkpoints_table(root: Path) -> str:
    """One row per checkpoint and test-time mode, in Markdown, and what a blind box reaches."""
    rows = []
    for family in subfolders(root):
        cards = {path.name: read_card(path) for path in checkpoint_folders(family)}
        order = list(METHODS)
        for name, card in sorted(
            cards.items(), key=lambda item: (order.index(item[1].method), item[0])
        ):
            rows += _rows(name, card)
    told = "".join(f"- {one}\n" for one in of_families(root))
    return HEAD + "".join(rows) + (f"\n{told}" if told else "")


def _rows(name: str, card: Card) -> list[str]:
    family = f"{get_backbone(card.backbone).title}, {card.knows}"
    title = METHODS[card.method].title
    if name != card.method:  # a second checkpoint of the method, such as dfm_add
        title = f"{title} ({name})"
    test = card.metrics.get("test")
    if test is None:
        return [f"| {family} | {title} | not measured | | | |\n"]
    rows = [_row(f"{family} (n = {test['n']})", title, test)]
    if expected := test.get("modes", {}).get("expected"):
        rows.append(_row("", f"{title}, mode expected", expected))
    return rows


def _row(family: str, title: str, scores: dict[str, Any]) -> str:
    fixed, best = scores["fixed"], scores["oracle"]
    return (
        f"| {family} | {title} | {scores['top1_clas']:.1f} | {fixed['top1_loc']:.1f} | "
        f"{fixed['gt_known_loc']:.1f} | {best['top1_loc']:.1f} / {best['gt_known_loc']:.1f} at "
        f"{best['threshold']:.2f} |\n"
    )


def write_table(readme: Path, root: Path) -> None:
    """Put the table between its two marks in a Markdown file; UserError without the marks."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(f"{readme.name} lacks the marks {BEGIN.strip()} and {END.strip()}.")
    write_file(readme, before + begin + checkpoints_table(root) + end + after)
