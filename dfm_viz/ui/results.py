"""What the Results tab asks of the server: measured tables and the checkpoints' cards."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint import WEIGHTS
from dfm_viz.checkpoint.card import Card, KnownFailure
from dfm_viz.files import settled
from dfm_viz.inspection import Family
from dfm_viz.known_failures import pictures_for
from dfm_viz.methods import METHODS, get_method
from dfm_viz.types import UserError
from dfm_viz.ui.answers import Answer, sentence
from dfm_viz.ui.card_words import facts, scores
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.pictures import preview

RESULTS = Path(__file__).parents[1] / "results.json"
"""Made by `python -m training table`."""
_SIDE = 480
"""Longest side of the pictures of known failures, px."""


class Results:
    """The server side of the Results tab. It reads cards, never weights."""

    SERVER = ("results_start", "results_card", "results_failures")
    """Methods that the page's script may call."""

    def __init__(self, explore: Explore, file: Path = RESULTS) -> None:
        """Show the families that `explore` has, and the tables in `file`."""
        self.explore = explore
        self.file = file

    @sentence
    def results_start(self, query: Mapping[str, Any]) -> Answer:
        """The conclusions, every table, and which cards there are."""
        return {**self._tables, "families": [_family(f) for f in self._families()]}

    @sentence
    def results_card(self, query: Mapping[str, Any]) -> Answer:
        """One card in words and numbers: {"family": name, "card": name}."""
        family, name, card = self._card(query)
        weights = settled(family.checkpoints.folders[name]) / WEIGHTS
        size = weights.stat().st_size if weights.is_file() else None
        return {
            "family": family.info.name,
            "card": name,
            "title": family.checkpoints.title(name),
            "what": _what(card),
            "facts": facts(card, size),
            "scores": scores(card),
            "elsewhere": self._elsewhere(card),
            "notes": list(card.notes),
            "failures": len(card.known_failures),
            "unshown": "" if pictures_for(card.classes) else _unshown(card),
            "command": f"python -m dfm_viz known-failures checkpoints/{family.info.name}",
        }

    @sentence
    def results_failures(self, query: Mapping[str, Any]) -> Answer:
        """The known failures of one card with their pictures; arguments as `results_card`."""
        _, _, card = self._card(query)
        return {"failures": [self._failure(failure) for failure in card.known_failures]}

    @functools.cached_property
    def _tables(self) -> Answer:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            tables, baselines = list(found["tables"]), found.get("baselines")
            return {
                "reading": found["reading"],
                "baselines": baselines,
                "tables": tables,
                "missing": "",
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            missing = "The measured tables are not here; make them with: python -m training table"
            return {"reading": None, "baselines": None, "tables": [], "missing": missing}

    def _elsewhere(self, card: Card) -> list[Answer]:
        """Tables in which a row has this card's name and another number, with the reason."""
        return [
            {"table": table["name"], "title": table["title"], "text": found["text"]}
            for table in self._tables["tables"]
            for found in table.get("elsewhere", ())
            if found["card"] == card.name
        ]

    def _families(self) -> Iterator[Family]:
        for info in self.explore.families:
            yield self.explore.family(info.name)

    def _card(self, query: Mapping[str, Any]) -> tuple[Family, str, Card]:
        family = self.explore.family(str(query.get("family", ""))[:80])
        name, cards = str(query.get("card", ""))[:80], family.checkpoints.cards
        if name not in cards:
            raise UserError(
                f"{family.info.name} has no checkpoint {name!r}; it has {', '.join(cards)}."
            )
        return family, name, cards[name]

    def _failure(self, failure: KnownFailure) -> Answer:
        """One failure; without its picture where the package that ships it is not installed."""
        told: Answer = {
            "sentence": failure.sentence,
            "example": failure.picture,
            "settings": dict(failure.settings),
            "method": failure.method,
            "box": list(failure.box),
            "iou": failure.iou,
            "image": None,
        }
        example = self.explore.example(failure.picture)
        if example is None:
            return told
        picture = self.explore.picture(f"example/{failure.picture}")
        return told | {
            "title": example.title,
            "credit": f"{example.credit}; {example.licence}",
            "image": preview(picture, _SIDE),
            "width": picture.width,
            "height": picture.height,
            "truths": [list(box) for box in example.truths],
        }


def _family(family: Family) -> Answer:
    info, cards = family.info, family.checkpoints.cards
    return {
        "name": info.name,
        "title": info.title,
        "cards": [{"name": name, "title": family.checkpoints.title(name)} for name in cards],
    }


def _unshown(card: Card) -> str:
    """Why a card has no failures: there is no picture for them that may be shown."""
    return (
        f"No picture that may be shown to anybody has one of its {len(card.classes)} classes "
        f"({card.knows}), so none stands here. The tab Failures has its test pictures one by one "
        f"where there are records of them, and the photographs where the data set is at hand "
        f"(--data-root)."
    )


def _what(card: Card) -> str:
    backbone, method = get_backbone(card.backbone).title, get_method(card.method)
    if not card.trained:
        return (
            f"{backbone} with a class activation map, its weights as they were published: nothing "
            f"was trained here. It can tell apart {card.knows}."
        )
    erased = method.one_line if method is not METHODS["cam"] else "Nothing is erased."
    return (
        f"{backbone} trained with {method.title} ({method.paper}). {erased} "
        f"It can tell apart {card.knows}."
    )
