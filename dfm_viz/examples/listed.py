"""True boxes out of a data set's own lists, by the name that records have for a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from dfm_viz import layouts
from dfm_viz.types import Box, UserError

Truths = Callable[[str], tuple[Box, ...]]
"""From a picture's file relative to its data set's folder, with `/`, to its true boxes."""


def listed_truths(folder: Path) -> Truths | None:
    """What finds true boxes in the lists of a data set; None where there are no lists known here.

    Known are CUB-200-2011, Oxford-IIIT Pet, and ILSVRC 2012 with `LOC_val_solution.csv`.
    """
    try:
        if layouts.is_cub(folder):
            return _cub(folder)
        if layouts.is_pets(folder):
            return _pets(folder)
        if layouts.is_ilsvrc(folder):
            boxes = layouts.ilsvrc_boxes(folder)
            return lambda name: boxes.get(PurePosixPath(name).stem, ())
    except UserError:  # a damaged list: the page goes on without true boxes
        return None
    return None


def _cub(folder: Path) -> Truths:
    names, boxes = layouts.cub_pictures(folder), layouts.cub_boxes(folder)
    found = {f"images/{name}": boxes[key] for key, name in names.items() if key in boxes}
    return lambda name: (found[name],) if name in found else ()


def _pets(folder: Path) -> Truths:
    pets = {
        f"images/{pet.picture.name}": pet
        for part in ("trainval", "test")
        for pet in layouts.pets(folder, part) or ()
    }

    def find(name: str) -> tuple[Box, ...]:
        box = pets[name].box() if name in pets else None
        return () if box is None else (box,)

    return find
