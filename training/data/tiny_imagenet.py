"""Tiny ImageNet (200 classes at 64 x 64) in its own layout; the labelled val split is the test."""

from pathlib import Path

from dfm_viz.checkpoint.imagenet import short_names
from dfm_viz.layouts import bad_line, files_in, read_lines
from dfm_viz.types import Box, UserError
from training.data.base import DataSet, Item, Problem, find_root, short
from training.data.synsets import descriptions

LICENCE = (
    "Trained on Tiny ImageNet (Stanford CS231N), made of ImageNet pictures: non-commercial "
    "research and education only; the pictures are not redistributed."
)


def load(data_root: Path) -> DataSet:
    """Read the lists and the box files.

    The published test pictures have no labels, so `test` is the split they call val, and
    validation pictures are carved from training. Classes are in the order of `wnids.txt`; those
    whose training folder and validation lines are both absent are left out, so a part will do.

    Raises:
        UserError: no such layout, a missing list, a line that does not fit.
    """
    root = find_root(data_root, lambda p: (p / "wnids.txt").is_file(), "Tiny ImageNet")
    problems: list[tuple[Problem, str]] = []
    listed = list(dict.fromkeys(words[0] for words in read_lines(root / "wnids.txt")))
    notes = root / "val" / "val_annotations.txt"
    rows = _rows(notes, 6) if notes.is_file() else []
    if unknown := sorted({words[1] for words in rows} - set(listed)):
        raise UserError(f"wnids.txt lacks {unknown[0]}, which val_annotations.txt uses; add it.")
    used = {words[1] for words in rows}
    wnids = [w for w in listed if w in used or (root / "train" / w).is_dir()]
    train: list[Item] = []
    for label, wnid in enumerate(wnids):
        train += _train(root / "train" / wnid, label, problems)
    index = {wnid: i for i, wnid in enumerate(wnids)}
    test = [
        Item(root / "val" / "images" / words[0], index[words[1]], (_box(words[2:]),))
        for words in rows
    ]
    described = descriptions(root / "words.txt")
    names = short_names({wnid: described.get(wnid, wnid) for wnid in wnids})
    return DataSet(
        root,
        tuple(names[wnid] for wnid in wnids),
        tuple(train),
        tuple(test),
        LICENCE,
        problems=tuple(problems),
    )


def _train(folder: Path, label: int, problems: list[tuple[Problem, str]]) -> list[Item]:
    """The pictures of one class; every line of its box file must belong to one."""
    pictures = {path.name: path for path in files_in(folder / "images")}
    file = folder / f"{folder.name}_boxes.txt"
    boxes = {words[0]: _box(words[1:]) for words in _rows(file, 5)} if pictures else {}
    for name in sorted(boxes.keys() - pictures.keys()):
        problems.append((Problem.MISSING, short(folder / "images" / name)))
    for name in sorted(pictures.keys() - boxes.keys()):
        problems.append((Problem.ANNOTATION, f"{file.name} has no line for {name}"))
    return [
        Item(path, label, (boxes[name],) if name in boxes else ())
        for name, path in pictures.items()
    ]


def _rows(path: Path, columns: int) -> list[list[str]]:
    rows = read_lines(path)
    for words in rows:
        try:
            _box(words[-4:])
        except ValueError:
            raise bad_line(path, words, "a picture and x0 y0 x1 y1") from None
        if len(words) != columns:
            raise bad_line(path, words, f"{columns} values")
    return rows


def _box(words: list[str]) -> Box:
    x0, y0, x1, y1 = (float(word) for word in words)
    return x0, y0, x1, y1
