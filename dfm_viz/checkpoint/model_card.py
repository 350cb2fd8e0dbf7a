"""README.md of a checkpoint: its card as a Hugging Face model card, for people and for the Hub."""

from collections.abc import Iterator, Mapping
from typing import Any

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint.card import Card, KnownFailure
from dfm_viz.methods import get_method

README = "README.md"
_TASK = "image-classification"
_SCORES = (
    ("accuracy", "Top-1 Clas", "top1_clas", None),
    ("top1_loc", "Top-1 Loc", "top1_loc", "fixed"),
    ("gt_known_loc", "GT-known Loc", "gt_known_loc", "fixed"),
    ("top1_loc", "Top-1 Loc", "top1_loc", "oracle"),
    ("gt_known_loc", "GT-known Loc", "gt_known_loc", "oracle"),
)
_ERRORS = {
    "right": "right",
    "cls": "wrong class",
    "m_ins": "box over several objects",
    "part": "box on a part",
    "more": "box too large",
    "oth": "other",
}
_BOXES = {"whole_image": "whole picture", "centred_square": "best centred square"}


def render(card: Card) -> str:
    """The text of README.md; it follows from the card alone and needs no network."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=_TASK,
            dataset_type=card.dataset,
            dataset_name=card.knows,
            dataset_split=split,
            metric_type=metric,
            metric_name=name,
            metric_value=value,
        )
        for split, metric, name, value in _results(card)
    ]
    data = ModelCardData(
        license=card.licence,
        library_name="dfm_viz",
        pipeline_tag=_TASK,
        tags=[
            "weakly-supervised-object-localization",
            "class-activation-map",
            card.method,
            card.backbone,
        ],
        datasets=[card.dataset],
        model_name=card.name,
        eval_results=results or None,
    )
    if not results:
        data.pop("model_name")
    sections = (_head(card), _use(card), _inside(card), _training(card), _scores(card), _end(card))
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(sections)


def _results(card: Card) -> Iterator[tuple[str, str, str, float]]:
    """Split, kind, name with mode and threshold policy, and value of every score on the card."""
    for split, mode, scores in _measured(card):
        for metric, name, key, policy in _SCORES:
            part = _mapping(scores.get(policy)) if policy else scores
            value = part.get(key)
            if isinstance(value, int | float):
                how = "" if policy is None else f", {_threshold(policy, part)}"
                yield split, metric, f"{name}, mode {mode}{how}", round(float(value), 2)


def _measured(card: Card) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Split, test-time mode and scores of everything measured; `off` comes first."""
    for split, scores in card.metrics.items():
        if not isinstance(scores, Mapping) or "top1_clas" not in scores:
            continue
        yield split, "off", scores
        modes = scores.get("modes")
        if isinstance(modes, Mapping):
            for mode, values in modes.items():
                if isinstance(values, Mapping):
                    yield split, mode, values


def _threshold(policy: str, scores: Mapping[str, Any]) -> str:
    if policy == "fixed":
        return f"fixed threshold {scores.get('threshold', '?')}"
    return f"oracle threshold {scores.get('threshold', '?')} (the best of this very split)"


def _head(card: Card) -> str:
    method, backbone = get_method(card.method), get_backbone(card.backbone)
    what = (
        f"{backbone.title} with a class-activation-map head, trained with {method.title} "
        f"({method.paper}) on {card.dataset}."
        if card.trained
        else f"{backbone.title} with a class-activation-map head; {method.title} had no part in "
        f"training it."
    )
    return (
        f"# {card.name}\n\n{what}\n{method.one_line}\n"
        f"The weights name what a picture shows, and the class's activation map gives a box, "
        f"though no box was seen in training.\n\n"
        f"It can tell apart: {card.knows}. Input: {card.image_size} x {card.image_size} px.\n\n"
        f"Intended use: {card.intended_use}\n"
    )


def _use(card: Card) -> str:
    family = card.name.partition("/")[0]
    return (
        "## Use\n\n```python\nimport dfm_viz\n\n"
        f'family = dfm_viz.load_family("{family}")  # the folder around this one, or its path\n'
        f'result = family.inspect(family.open("picture.jpg"), dfm_viz.Settings())\n'
        f'print(result.methods["{card.method}"].label, result.methods["{card.method}"].box)\n'
        "```\n\nFrom a Hugging Face repository, pinned to one commit: "
        '`dfm_viz.load_family("hf:OWNER/NAME@COMMIT")`.\n'
    )


def _inside(card: Card) -> str:
    points = ", ".join(f"`{name}`" for name in card.points) or "none"
    rows = [f"| {name} | {value} |\n" for name, value in card.params.items()]
    table = "\n| parameter | value |\n|---|---|\n" + "".join(rows) if rows else ""
    more = len(card.classes) - 30
    shown = ", ".join(card.classes[:30]) + (f" and {more} more" if more > 0 else "")
    return (
        f"## Classes and modules\n\n{len(card.classes)} classes: {shown}.\n\n"
        f"Insertion points: {points}.\n{table}"
    )


def _training(card: Card) -> str:
    rows = [("initial weights", card.init_weights or "not recorded")]
    rows += [row for row in _flat(card.recipe) if not row[0].startswith("params.")]
    rows += list(_flat(card.run))
    text = "".join(f"| {name} | {_cell(value)} |\n" for name, value in rows)
    return f"## Training\n\n| | |\n|---|---|\n{text}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(v) for v in value) or "none"
    return " ".join(str(value).split()).replace("|", "\\|") or "none"


def _scores(card: Card) -> str:
    lines = ["## Scores\n\n"]
    for split in dict.fromkeys(split for split, _, _ in _measured(card)):
        lines += _split(card.metrics[split], split, card)
    if len(lines) == 1:
        lines.append("Not measured.\n")
    return "".join(lines)


def _split(scores: Mapping[str, Any], split: str, card: Card) -> Iterator[str]:
    yield (
        f"Percent on {_cell(scores.get('n', '?'))} pictures of the {split} split; a box is right "
        f"from an IoU of .5. In mode off the module is off, as in published numbers. The oracle "
        f"threshold is the best of this very split.\n\n"
        f"| mode | Top-1 Clas | threshold | Top-1 Loc | GT-known Loc |\n|---|---|---|---|---|\n"
    )
    for where, mode, values in _measured(card):
        for policy in ("fixed", "oracle") if where == split else ():
            clas, top1, gt = (
                _number(values, *path)
                for path in (("top1_clas",), (policy, "top1_loc"), (policy, "gt_known_loc"))
            )
            threshold = _cell(_mapping(values.get(policy)).get("threshold", "?"))
            yield f"| {mode} | {clas} | {policy}, {threshold} | {top1} | {gt} |\n"
    chance = _mapping(scores.get("chance"))
    square = _mapping(chance.get("centred_square"))
    whole = chance.get("whole_image")
    whole = _mapping(whole).get("gt_known_loc", whole)  # a number in cards of schema version 1
    for name, value in (
        ("the whole picture as box", whole),
        (f"the best centred square ({square.get('side')} of 224)", square.get("gt_known_loc")),
    ):
        if isinstance(value, int | float):
            yield f"| without looking: {name} | | | | {value:.1f} |\n"
    for box, found in _mapping(scores.get("against_chance")).items():
        for policy, duel in _mapping(found).items():
            alone = f"{_cell(duel['only_method'])} and {_cell(duel['only_box'])} times"
            yield (
                f"\nPicture by picture against the {_BOXES.get(box, box)}, {policy} threshold, "
                f"mode off: right alone {alone} (McNemar's p {duel['mcnemar_p']:.2g}).\n"
            )
    if errors := _mapping(scores.get("errors")):
        said = ", ".join(f"{_ERRORS.get(k, k)} {_cell(v)}" for k, v in errors.items())
        yield f"\nPictures by outcome at the fixed threshold, mode off: {said}.\n"
    if scores.get("intervals"):
        yield "\nIn brackets: the 95 % bootstrap interval over the pictures.\n"
    for name in ("protocol", "seeds", "weights", "command"):
        if name in scores:
            yield f"\n{name.capitalize()}: {_cell(scores[name])}\n"


def _number(scores: Mapping[str, Any], *path: str) -> str:
    """A score with its interval, as `41.2 [30.5, 52.0]`; empty where it was not measured."""
    value: Any = scores
    interval: Any = scores.get("intervals")
    for name in path:
        value, interval = _mapping(value).get(name), _mapping(interval).get(name)
    if not isinstance(value, int | float):
        return ""
    if not isinstance(interval, list | tuple):
        return f"{value:.1f}"
    return f"{value:.1f} [{', '.join(f'{v:.1f}' for v in interval)}]"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _failure(failure: KnownFailure) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in failure.settings.items())
    return f"{failure.sentence} (example {failure.picture}; {settings})"


def _end(card: Card) -> str:
    parts = (
        ("Known failures", tuple(_failure(f) for f in card.known_failures)),
        ("Notes", card.notes),
        ("Licences", card.licences),
    )
    listed = (
        f"## {title}\n\n" + "".join(f"- {_cell(line)}\n" for line in lines) + "\n"
        for title, lines in parts
        if lines
    )
    return "".join(listed) + f"Weights: {card.dtype} safetensors, SHA-256 `{card.sha256}`.\n"
