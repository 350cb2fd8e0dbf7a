"""People's own pictures: a folder per class below train/, test/ and val/, and boxes in a CSV."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from dfm_viz.layouts import files_in, folders_in
from dfm_viz.types import Box, UserError
from training.data.base import DataSet, Item, Problem, find_root

LICENCE = "Trained on pictures of one's own; their terms are not known here."
SPLITS = ("train", "test", "val")
COLUMNS = ("path", "x0", "y0", "x1", "y1")
BOXES = "boxes.csv"
MEANT = {
    **dict.fromkeys(("training", "train_set", "trainset", "trn"), "train"),
    **dict.fromkeys(("testing", "tests", "test_set", "testset", "tst"), "test"),
    **dict.fromkeys(("valid", "validation", "validate", "dev", "val_set", "eval"), "val"),
}
"""What others call the splits."""


_CORNERS = "; write corners in pixels: x1 = x + width, y1 = y + height"


def load(data_root: Path) -> DataSet:
    """List the class folders and read the boxes.

    Only one of the splits need be there; without `val/`, validation pictures are carved from
    training. Classes are the names of the folders, sorted. Every visible file in a class folder or
    below it counts as a picture (`layouts.files_in`); pictures without a line in `boxes.csv` have
    no known box.

    Raises:
        UserError: no such layout, a folder or file that is probably misnamed, a CSV without the
            right header.
    """

    def has_classes(folder: Path) -> bool:
        return any(folders_in(folder / split) for split in SPLITS)

    if data_root.is_dir() and not has_classes(data_root):
        refuse_misnamed(data_root)
    root = find_root(data_root, has_classes, "class folders in train/ or test/")
    refuse_misnamed(root)
    return read(root, LICENCE)


def read(root: Path, licence: str, classes: Sequence[str] | None = None) -> DataSet:
    """As `load` for the folder itself, with a licence; `classes` gives the order of known ones."""
    problems: list[tuple[Problem, str]] = []
    folders = {split: folders_in(root / split) for split in SPLITS}
    names = classes or sorted({_plain(f.name) for found in folders.values() for f in found})
    index = {name: i for i, name in enumerate(names)}
    known = read_boxes(root / BOXES, problems)
    _refuse_other_boxes([box for boxes in known.values() for box in boxes])
    items: dict[str, tuple[Item, ...]] = {}
    for split, found in folders.items():
        for stray in files_in(root / split):
            problems.append((Problem.ANNOTATION, f"{split}/{stray.name} lies in no class folder"))
        items[split] = tuple(
            Item(path, index[_plain(folder.name)], tuple(known.pop(_key(root, path), ())))
            for folder in found
            for path in files_in(folder, deep=True)
        )
    problems += [(Problem.MISSING, f"{key}, named by {BOXES}") for key in known]
    val = items["val"] if folders["val"] else None
    return DataSet(root, tuple(names), items["train"], items["test"], licence, val, tuple(problems))


def refuse_misnamed(root: Path) -> None:
    """UserError for what is not read but was probably meant to be: `valid/`, `Boxes.csv`, ..."""
    for found in folders_in(root):
        meant = MEANT.get(found.name.lower(), found.name.lower())
        if meant in SPLITS and found.name != meant and not (root / meant).is_dir():
            raise UserError(
                f"{root.name} has a folder {found.name}/, which is not read; if it is the {meant} "
                f"split, rename it to {meant}/, else move it away."
            )
    if (root / BOXES).is_file():
        return
    for file in files_in(root):
        if re.match(r"(bound\w*[ _-]?)?b?box(es)?\b", file.name.lower()):
            raise UserError(
                f"{root.name} has a file {file.name}, which is not read; if it holds the true "
                f"boxes, make it {BOXES} with the first line {','.join(COLUMNS)}, else move it "
                f"away."
            )


def read_boxes(path: Path, problems: list[tuple[Problem, str]]) -> dict[str, list[Box]]:
    """Picture (relative path with /) -> its boxes, one per line; empty if there is no file.

    Lines that are no path and four numbers go to `problems`; whether a box is possible is judged
    later, with the pictures.

    Raises:
        UserError: the file cannot be read, or its first line is not the header.
    """
    if not path.is_file():
        return {}
    found: dict[str, list[Box]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = tuple(word.strip() for word in next(rows, []))
            if header != COLUMNS:
                sizes = any(re.fullmatch(r"(box_?)?(w|h|width|height)", w.lower()) for w in header)
                raise UserError(
                    f"{path.name} begins with {','.join(header)!r}; its first line must be "
                    f"{','.join(COLUMNS)!r}{_CORNERS if sizes else ''}."
                )
            for row in rows:
                if not "".join(row).strip():
                    continue
                try:
                    name, (x0, y0, x1, y1) = row[0], map(float, row[1:])
                except ValueError:
                    problems.append((Problem.ANNOTATION, f"{path.name} line {rows.line_num}"))
                    continue
                key = _plain(name.strip().replace("\\", "/")).removeprefix("./")
                found.setdefault(key, []).append((x0, y0, x1, y1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path.name} cannot be read ({error}); save it as UTF-8 CSV.") from None
    return found


def _refuse_other_boxes(boxes: Sequence[Box]) -> None:
    """UserError if all boxes are shares of a picture, or so many as x y w h that it is no slip."""
    if boxes and all(0 <= value <= 1 for box in boxes for value in box):
        raise UserError(
            f"All numbers in {BOXES} are from 0 to 1, which are boxes of one pixel; multiply x by "
            f"the picture's width and y by its height."
        )
    swapped = [box for box in boxes if box[2] <= box[0] or box[3] <= box[1]]
    sizes = all(box[2] > 0 and box[3] > 0 for box in boxes)
    if sizes and len(swapped) > 1 and len(swapped) * 10 > len(boxes):
        raise UserError(
            f"{BOXES} has {len(swapped)} of {len(boxes)} boxes that end before they begin, as "
            f"x y width height would{_CORNERS}."
        )


def _plain(text: str) -> str:
    """One spelling of accented letters: a Mac writes them in two characters, others in one."""
    return normalize("NFC", text)


def _key(root: Path, path: Path) -> str:
    return _plain(path.relative_to(root).as_posix())
