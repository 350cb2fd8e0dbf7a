"""From a picture's file to the network's input, and from its maps to a record.

This is the work that is spread over processor cores: functions of plain values, without a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfm_viz.box_sweep import sweep
from dfm_viz.boxes import SIDE, GridBox, error_type, iog, iop, iou, resize_box, scale_box
from dfm_viz.localization import energy_inside, peak_inside, peak_of, quantise, unit_map
from dfm_viz.pictures import read_picture, to_input
from dfm_viz.records import Record
from dfm_viz.types import Box

FIXED = 0.2
"""The fixed threshold (Zhou et al. 2016)."""


@dataclass(frozen=True)
class Preprocessing:
    """How a checkpoint wants its input: see `dfm_viz.pictures.to_input`."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str


@dataclass(frozen=True)
class Case:
    """One picture to be evaluated.

    Attributes:
        number: place among the evaluated pictures.
        path: the file.
        picture: the same relative to the data root, with `/`.
        label: index of the true class in the checkpoint's head.
        truths: true boxes in upright pixels, at least one.
    """

    number: int
    path: Path
    picture: str
    label: int
    truths: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network said about one picture in one mode.

    Attributes:
        mode: name of the mode.
        predicted: its own top class.
        score: softmax probability of that class.
        own_map: raw map of that class, (h, w).
        known_map: raw map of the true class, (h, w).
    """

    mode: str
    predicted: int
    score: float
    own_map: NDArray[np.float32]
    known_map: NDArray[np.float32]


def use_one_core() -> None:
    """Make OpenCV stay on the core of its process; called once in every worker."""
    cv2.setNumThreads(1)


def read(case: Case, how: Preprocessing) -> tuple[NDArray[np.float32], int, int]:
    """Input (3, size, size), and width and height of the upright picture in pixels.

    Raises:
        UserError: the picture cannot be read.
    """
    picture = read_picture(case.path)
    x = to_input(picture.rgb, how.size, mean=how.mean, std=how.std, interpolation=how.interpolation)
    return x[0].numpy(), picture.width, picture.height


def judge(
    case: Case,
    size: tuple[int, int],
    answers: Sequence[Answer],
    classes: Sequence[str],
    keep_maps: bool = False,
) -> list[Record]:
    """Judge a picture in all modes.

    Args:
        case: the picture.
        size: its upright width and height.
        answers: one per mode.
        classes: names in the order of the head.
        keep_maps: put the raw maps into the records.
    """
    truths = [resize_box(box, size, (SIDE, SIDE)) for box in case.truths]
    return [_judge(case, size, truths, answer, classes, keep_maps) for answer in answers]


def _judge(
    case: Case,
    size: tuple[int, int],
    truths: list[GridBox],
    answer: Answer,
    classes: Sequence[str],
    keep_maps: bool,
) -> Record:
    correct = answer.predicted == case.label
    unit = unit_map(answer.own_map)
    own = sweep(quantise(unit))
    curve_own, multi = own.curves(truths)
    known, curve_known = own, curve_own
    if not correct:
        known = sweep(quantise(unit_map(answer.known_map)))
        curve_known, multi = known.curves(truths)
    box, known_box = own.box(FIXED), known.box(FIXED)
    best = max(truths, key=lambda truth: iou(box, truth))
    peak = peak_of(unit)
    return Record(
        number=case.number,
        picture=case.picture,
        mode=answer.mode,
        label=case.label,
        class_name=classes[case.label],
        predicted=answer.predicted,
        predicted_name=classes[answer.predicted],
        score=answer.score,
        correct=correct,
        width=size[0],
        height=size[1],
        truths=[list(truth) for truth in case.truths],
        box=box,
        box_pixels=scale_box(box, (SIDE, SIDE), size),
        iou=iou(box, best),
        iog=iog(box, best),
        iop=iop(box, best),
        error=str(error_type(correct, box, truths)),
        peak=peak,
        misdirected=peak is None or not peak_inside(peak, truths),
        energy=energy_inside(unit, truths),
        known_box=known_box,
        known_iou=max(iou(known_box, truth) for truth in truths),
        curve_own=curve_own,
        curve_known=curve_known,
        curve_known_multi=multi,
        own_map=answer.own_map if keep_maps else None,
        known_map=answer.known_map if keep_maps and not correct else None,
    )
