"""What boxes reach that never look at a picture, said of the very pictures they were measured on.

Whether a method clears the best centred square depends on the pictures, so the sentence is made
anew for every table and every family, and names them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint import Card, checkpoint_folders, read_card
from dfm_viz.files import subfolders
from dfm_viz.methods import METHODS
from training.sweep.results import Results
from training.tables.bars import at
from training.tables.elsewhere import SPLITS

_KNOWN = ("oracle", "gt_known_loc")
_MODES = {"expected": ", expected", "position": ", position only", "channel": ", channel only"}


class Scored(NamedTuple):
    """A method's GT-known at its best threshold, percent, and its 95 % interval if kept."""

    title: str
    value: float
    low: float | None = None
    high: float | None = None

    def told(self) -> str:
        """Name and number."""
        span = f" [{self.low:.1f}, {self.high:.1f}]" if self.low is not None else ""
        return f"{self.title} {self.value:.1f}{span}"


def against_square(pictures: str, square: float, side: int | None, scored: Sequence[Scored]) -> str:
    """One sentence: which of the methods clear the best centred square on these pictures.

    Args:
        pictures: what was measured, as `the 96 test pictures of pets3`.
        square: GT-known of the best centred square on them, percent.
        side: of the square, px of 224; None: not recorded.
        scored: at least one method.
    """
    size = f" ({side} of 224 px)" if side else ""
    said = (
        f"On {pictures} the best centred square{size}, which never looks at them, has "
        f"a GT-known of {square:.1f}; of methods, each at its best threshold, "
    )
    above = [one for one in scored if one.value > square]
    if not above:
        best = max(scored, key=lambda one: one.value)
        inside = best.high is not None and best.high >= square
        close = ", and the square lies inside that interval" if inside else ""
        return f"{said}none clears it there (closest: {best.told()}{close})."
    sure = [one for one in above if one.low is not None and one.low > square]
    listed = ", ".join(one.told() for one in sorted(above, key=lambda one: -one.value))
    if len(sure) == len(above):
        return f"{said}these clear it there, intervals and all: {listed}."
    if sure:
        names = ", ".join(one.title for one in sure)
        return f"{said}these clear it there: {listed}; intervals and all only {names}."
    return f"{said}these clear it there: {listed}; but it lies inside their intervals."


def of_results(results: Results) -> Iterator[str]:
    """The sentence of one results file; none without a square or boxes."""
    square = results.chance.get("centred_square", {})
    scored = []
    for row in results.rows.values():
        for mode in dict.fromkeys(mode for run in row["runs"] for mode in run["modes"]):
            scores = [run["modes"][mode] for run in row["runs"] if mode in run["modes"]]
            if all(at(score, _KNOWN) is not None for score in scores):
                scored.append(_mean(row["title"] + _MODES.get(mode, ""), scores))
    counts = [score["n"] for row in results.rows.values() for run in row["runs"]
              for score in run["modes"].values()]  # fmt: skip
    if scored and "gt_known_loc" in square and results.plan != "threshold":
        split = SPLITS.get(results.split, results.split)
        pictures = f"these {max(counts)} {split} pictures of {results.dataset}"
        yield against_square(pictures, square["gt_known_loc"], square.get("side"), scored)


def of_families(root: Path) -> tuple[str, ...]:
    """The sentence of every shipped family whose cards were measured, in the order of folders."""
    told: list[str] = []
    for folder in subfolders(root):
        cards = [read_card(path) for path in checkpoint_folders(folder)]
        measured = [card for card in cards if isinstance(card.metrics.get("test"), dict)]
        told += _of_cards(measured)
    return tuple(told)


def of_family(folder: Path) -> str:
    """The sentence of one family, or nothing."""
    cards = [read_card(path) for path in checkpoint_folders(folder)]
    return "".join(_of_cards([c for c in cards if isinstance(c.metrics.get("test"), dict)]))


def _of_cards(cards: Sequence[Card]) -> Iterator[str]:
    squares = [card.metrics["test"].get("chance", {}).get("centred_square") for card in cards]
    squares = [square for square in squares if square]
    scored = [one for card in cards for one in _of_card(card)]
    if squares and scored:
        first = cards[0]
        pictures = (
            f"the {first.metrics['test']['n']} test pictures of {first.dataset} "
            f"({get_backbone(first.backbone).title})"
        )
        yield against_square(pictures, squares[0]["gt_known_loc"], squares[0].get("side"), scored)


def _of_card(card: Card) -> Iterator[Scored]:
    name, title = card.name.rpartition("/")[2], METHODS[card.method].title
    title = title if name == card.method else f"{title} ({name})"
    test = card.metrics["test"]
    for mode, scores in {"off": test, **test.get("modes", {})}.items():
        if at(scores, _KNOWN) is not None:
            yield _mean(title + _MODES.get(mode, ""), [scores])


def _mean(title: str, scores: Sequence[dict[str, Any]]) -> Scored:
    values = [at(score, _KNOWN) for score in scores]
    spans = [span for score in scores if (span := at(score.get("intervals"), _KNOWN)) is not None]
    mean = sum(values) / len(values)
    if len(spans) < len(scores):
        return Scored(title, mean)
    return Scored(title, mean, *(sum(span[end] for span in spans) / len(spans) for end in (0, 1)))
