"""A checkpoint's card as the page shows it: facts in plain words, scores with their intervals."""

from collections.abc import Iterator, Mapping
from typing import Any

from dfm_viz.checkpoint.card import Card
from dfm_viz.ui.answers import Answer
from dfm_viz.ui.words import point_title

_MODES = {
    "off": "module off",
    "expected": "expected: the mean over all draws",
    "position": "position: only that branch",
    "channel": "channel: only that branch",
}
_OUTCOMES = {
    "right": "right",
    "cls": "wrong class",
    "part": "box on a part",
    "more": "box too large",
    "m_ins": "box over several objects",
    "oth": "other",
}


def facts(card: Card, size: int | None) -> list[list[str]]:
    """Everything but the scores: [label, text] in the order of the page.

    Args:
        card: the card.
        size: of the weights' file in bytes, or None if it is not there.
    """
    rows = [*_training(card), *_inside(card), *_origin(card, size)]
    return [[label, text] for label, text in rows if text]


def _training(card: Card) -> Iterator[tuple[str, str]]:
    recipe, run = card.recipe, card.run
    pictures = f", {run['train_pictures']} pictures" if "train_pictures" in run else ""
    optim = _table(recipe.get("optim"))
    yield "Meant for", card.intended_use
    if card.trained:
        yield "Trained on", f"{card.dataset} ({card.knows}){pictures}"
    yield "Started from", card.init_weights or "not recorded"
    yield "Licences", " ".join(card.licences)
    if optim:
        settle = optim.get("settle_epochs")
        last = f", the last {settle} with the module off" if settle else ""
        told = f"{optim.get('epochs')} epochs at batch {optim.get('batch')}{last}"
        yield "Recipe", f"{recipe.get('title', 'without a title')}; {told}"
        yield "Seed", str(recipe.get("seed", "not recorded"))
        yield "Epoch kept", str(run.get("selection", ""))
    yield "Took", _time(run.get("wall_seconds"))
    yield "Machine", str(run.get("machine", ""))


def _inside(card: Card) -> Iterator[tuple[str, str]]:
    yield "Classes", _some(card.classes)
    yield "Module after", ", ".join(point_title(name) for name in card.points)
    yield "Parameters", ", ".join(f"{name} {value}" for name, value in card.params.items())
    yield "Input", f"{card.image_size} × {card.image_size} px"


def _origin(card: Card, size: int | None) -> Iterator[tuple[str, str]]:
    versions = _table(card.run.get("versions"))
    yield "Made with", ", ".join(f"{name} {versions[name]}" for name in versions)
    yield "Code", str(card.run.get("commit", ""))
    weighs = f", {size / 1e6:.1f} MB" if size is not None else ""
    yield "Weights", f"{card.dtype} safetensors{weighs}, SHA-256 {card.sha256}"


def scores(card: Card) -> list[Answer]:
    """What was measured, split by split.

    Returns:
        {split, n, seeds, protocol, command, modes, without, outcomes} each. `modes` are {mode,
        title, clas, fixed, oracle}; a number is [value, low, high], percent, low and high null
        where no 95 % interval was kept; fixed and oracle are {threshold, loc, known}. `without`
        are [title, percent of GT-known] of boxes that ignore the picture.
    """
    return [
        {
            "split": split,
            "n": found.get("n"),
            "seeds": found.get("seeds"),
            "protocol": str(found.get("protocol", "")),
            "command": str(found.get("command", "")),
            "modes": [_mode(name, values) for name, values in _modes(found)],
            "without": list(_without(_table(found.get("chance")))),
            "outcomes": [
                [_OUTCOMES.get(kind, kind), count]
                for kind, count in _table(found.get("errors")).items()
                if count
            ],
        }
        for split, found in card.metrics.items()
        if isinstance(found, Mapping) and "top1_clas" in found
    ]


def _modes(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "off", found
    further = _table(found.get("modes"))
    for name in (*(m for m in _MODES if m in further), *(m for m in further if m not in _MODES)):
        yield name, _table(further[name])


def _mode(name: str, values: Mapping[str, Any]) -> Answer:
    told: Answer = {
        "mode": name,
        "title": _MODES.get(name, name),
        "clas": _number(values, "top1_clas"),
    }
    for policy in ("fixed", "oracle"):
        told[policy] = {
            "threshold": _table(values.get(policy)).get("threshold"),
            "loc": _number(values, policy, "top1_loc"),
            "known": _number(values, policy, "gt_known_loc"),
        }
    return told


def _number(values: Mapping[str, Any], *path: str) -> list[float | None]:
    value: Any = values
    interval: Any = values.get("intervals")
    for name in path:
        value, interval = _table(value).get(name), _table(interval).get(name)
    low, high = interval if isinstance(interval, list) and len(interval) == 2 else (None, None)
    return [value if isinstance(value, int | float) else None, low, high]


def _without(chance: Mapping[str, Any]) -> Iterator[list[Any]]:
    whole, square = chance.get("whole_image"), _table(chance.get("centred_square"))
    whole = _table(whole).get("gt_known_loc", whole)  # a number in cards of schema version 1
    side = square.get("side")
    for title, value in (
        ("the whole picture", whole),
        (f"the best centred square ({side} of 224 px)", square.get("gt_known_loc")),
    ):
        if isinstance(value, int | float):
            yield [title, value]


def _some(names: tuple[str, ...], most: int = 30) -> str:
    more = len(names) - most
    return f"{len(names)}: " + ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _time(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return ""
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
