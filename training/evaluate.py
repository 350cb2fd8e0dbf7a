"""Scores of a checkpoint on one split: classification and localization, per test-time mode.

The input is made by `dfm_viz.pictures`, the map by the network, the box by `dfm_viz.localization`:
the same code and the same shipped file as in the app.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from dfm_viz.backbones import Localizer, forward_mode
from dfm_viz.checkpoint import CARD, Card, load_checkpoint
from dfm_viz.localization import (
    SIDE,
    ErrorType,
    GridBox,
    best_iou,
    boxes_over_thresholds,
    error_type,
    resize_box,
    to_grid,
)
from dfm_viz.pictures import read_picture, to_input
from dfm_viz.types import Mode, UserError
from training.data import DataSet, Item, open_dataset

FIXED = 0.2
THRESHOLDS: tuple[float, ...] = tuple(round(0.01 * i, 2) for i in range(100))
IOU = 0.5
MODES = {"dfm": (Mode.OFF, Mode.EXPECTED, Mode.POSITION, Mode.CHANNEL)}
PROTOCOL = (
    "picture resized straight to the input, no crop; raw CAM of the class; bicubic to 224 x 224, "
    "min-max, 256 grey levels, strictly above int(threshold * max), largest contour; IoU with "
    "inclusive pixels against the best of the true boxes, >= 0.5; oracle = the best common "
    "threshold for GT-known on this very split"
)


@dataclass(frozen=True)
class Outcome:
    """What one network said about one picture.

    Attributes:
        correct: whether its own top class is the true one.
        own: IoU of the box of its own top class, per threshold.
        known: IoU of the box of the true class, per threshold.
        error: kind of its own box at the fixed threshold.
    """

    correct: bool
    own: NDArray[np.float64]
    known: NDArray[np.float64]
    error: ErrorType


def score_outcomes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The fields of one mode: percentages from 0 to 100 over all pictures."""
    right = np.array([o.correct for o in outcomes])
    own = np.stack([o.own for o in outcomes]) >= IOU
    known = np.stack([o.known for o in outcomes]) >= IOU
    top1_loc = 100 * (own & right[:, None]).mean(axis=0)
    gt_known = 100 * known.mean(axis=0)
    fixed, best = THRESHOLDS.index(FIXED), int(gt_known.argmax())
    found = Counter(o.error for o in outcomes)
    return {
        "n": len(outcomes),
        "top1_clas": 100 * float(right.mean()),
        "fixed": {
            "threshold": FIXED,
            "top1_loc": float(top1_loc[fixed]),
            "gt_known_loc": float(gt_known[fixed]),
        },
        "oracle": {
            "threshold": THRESHOLDS[best],
            "top1_loc": float(top1_loc[best]),
            "gt_known_loc": float(gt_known[best]),
        },
        "errors": {str(kind): found[kind] for kind in ErrorType},
    }


def chance(truths: Sequence[Sequence[GridBox]]) -> dict[str, Any]:
    """What boxes that ignore the picture reach (GT-known, percent).

    Args:
        truths: per picture, its true boxes in map space.
    """

    def reached(side: int) -> float:
        low = (SIDE - side) // 2
        box = (low, low, low + side - 1, low + side - 1)
        return 100 * float(np.mean([best_iou(box, boxes) >= IOU for boxes in truths]))

    best = max(range(16, SIDE + 1, 2), key=reached)
    return {
        "whole_image": reached(SIDE),
        "centred_square": {"side": best, "gt_known_loc": reached(best)},
    }


def judge(
    logits: Tensor, own_map: Tensor, known_map: Tensor, label: int, truths: Sequence[GridBox]
) -> Outcome:
    """Score one picture.

    Args:
        logits: (classes,).
        own_map: raw map of the network's own top class, (h, w).
        known_map: raw map of the true class, (h, w).
        label: the true class.
        truths: true boxes in map space.
    """
    correct = int(logits.argmax()) == label
    fixed = THRESHOLDS.index(FIXED)
    own_boxes = [boxes[0] for boxes in boxes_over_thresholds(to_grid(own_map.numpy()), THRESHOLDS)]
    known_boxes = (
        own_boxes
        if correct
        else [boxes[0] for boxes in boxes_over_thresholds(to_grid(known_map.numpy()), THRESHOLDS)]
    )
    return Outcome(
        correct,
        np.array([best_iou(box, truths) for box in own_boxes]),
        np.array([best_iou(box, truths) for box in known_boxes]),
        error_type(correct, own_boxes[fixed], truths),
    )


def evaluate(model: Localizer, card: Card, data: DataSet, split: str) -> dict[str, Any]:
    """Evaluation JSON of one checkpoint (design, "Contracts").

    Classes are matched by name: the data may lack some of the checkpoint's classes. Pictures of
    classes that the checkpoint does not know, or without a true box, are left out and counted.

    Raises:
        UserError: no class in common, an empty split, missing or unreadable pictures.
    """
    every = int(card.recipe.get("data", {}).get("hold_out_every", 0))
    items = data.split(split, every)
    index = {name: i for i, name in enumerate(card.classes)}
    known = [item for item in items if data.classes[item.label] in index]
    if not known:
        raise UserError(
            f"{card.name} knows none of the classes of {data.root.name} ({data.classes[0]}, ...); "
            f"give the data set it was trained on ({card.dataset})."
        )
    boxed = [item for item in known if item.boxes]
    if not boxed:
        raise UserError(f"No picture of {data.root.name}'s {split} split has a true box; add them.")
    modes = MODES.get(card.method, (Mode.OFF,))
    outcomes: dict[Mode, list[Outcome]] = {mode: [] for mode in modes}
    truths: list[list[GridBox]] = []
    for item in tqdm(boxed, desc=f"{card.name} {split}", unit="", leave=False, disable=None):
        x, boxes = _input(item, card)
        truths.append(boxes)
        label = index[data.classes[item.label]]
        for mode in modes:
            logits, own = forward_mode(model, x, mode)
            same = int(logits.argmax()) == label
            named = own if same else forward_mode(model, x, mode, torch.tensor([label]))[1]
            outcomes[mode].append(judge(logits[0], own[0], named[0], label, boxes))
    scores = {str(mode): score_outcomes(found) for mode, found in outcomes.items()}
    return {
        **scores[str(Mode.OFF)],
        "chance": chance(truths),
        "modes": {name: value for name, value in scores.items() if name != str(Mode.OFF)},
        "split": split,
        "skipped_unknown_classes": len(items) - len(known),
        "skipped_without_box": len(known) - len(boxed),
        "protocol": PROTOCOL,
    }


def _input(item: Item, card: Card) -> tuple[Tensor, list[GridBox]]:
    picture = read_picture(item.path)
    x = to_input(
        picture.rgb, card.image_size, mean=card.mean, std=card.std, interpolation=card.interpolation
    )
    size = (picture.width, picture.height)
    return x, [resize_box(box, size, (SIDE, SIDE)) for box in item.boxes]


def find_checkpoints(name: str, root: Path = Path("checkpoints")) -> dict[str, Path]:
    """Method -> folder, for a checkpoint (one entry, keyed "") or a family, by path or name."""
    for folder in (Path(name), root / name):
        if (folder / CARD).is_file():
            return {"": folder}
        family = {p.parent.name: p.parent for p in sorted(folder.glob(f"*/{CARD}"))}
        if family:
            return family
    raise UserError(
        f"There is no checkpoint or family {name!r}; give a folder with card.json, or one that "
        f"holds such folders."
    )


def evaluate_path(name: str, data_root: Path, split: str) -> dict[str, Any]:
    """Evaluate a checkpoint, or every checkpoint of a family, from its shipped file."""
    results: dict[str, Any] = {}
    for method, folder in find_checkpoints(name).items():
        model, card = load_checkpoint(folder)
        data_name = str(card.recipe.get("data", {}).get("name", ""))
        if not data_name:
            raise UserError(
                f"{card.name} was not trained on a data set known here, so nothing says how to "
                f"read {data_root}; evaluate a checkpoint trained with a recipe."
            )
        results[method] = evaluate(model, card, open_dataset(data_name, data_root), split)
    return results.get("", {"methods": results})
