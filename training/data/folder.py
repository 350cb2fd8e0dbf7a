"""People's own pictures: a folder per class below train/, test/ and val/, and boxes in a CSV."""

import csv
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from dfm_viz.types import Box, UserError
from training.data.base import DataSet, Item, Problem, files_in, find_root

LICENCE = "Trained on pictures of one's own; their terms are not known here."
SPLITS = ("train", "test", "val")
COLUMNS = ("path", "x0", "y0", "x1", "y1")
BOXES = "boxes.csv"


def load(data_root: Path) -> DataSet:
    """List the class folders and read the boxes.

    Only one of the splits need be there; without `val/`, validation pictures are carved from
    training. Classes are the names of the folders, sorted. Every file in a class folder or below
    it counts as a picture; pictures without a line in `boxes.csv` have no known box.

    Raises:
        UserError: no such layout, a CSV without the right header.
    """
    root = find_root(
        data_root,
        lambda p: any(_class_folders(p / split) for split in SPLITS),
        "class folders in train/ or test/",
    )
    return read(root, LICENCE)


def read(root: Path, licence: str, classes: Sequence[str] | None = None) -> DataSet:
    """As `load` for the folder itself, with a licence; `classes` gives the order of known ones."""
    problems: list[tuple[Problem, str]] = []
    folders = {split: _class_folders(root / split) for split in SPLITS}
    names = classes or sorted({_plain(f.name) for found in folders.values() for f in found})
    index = {name: i for i, name in enumerate(names)}
    known = read_boxes(root / BOXES, problems)
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
                raise UserError(
                    f"{path.name} begins with {','.join(header)!r}; its first line must be "
                    f"{','.join(COLUMNS)!r}."
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


def _class_folders(split: Path) -> list[Path]:
    if not split.is_dir():
        return []
    return sorted(p for p in split.iterdir() if p.is_dir() and p.name[:1] != ".")


def _plain(text: str) -> str:
    """One spelling of accented letters: a Mac writes them in two characters, others in one."""
    return normalize("NFC", text)


def _key(root: Path, path: Path) -> str:
    return _plain(path.relative_to(root).as_posix())
