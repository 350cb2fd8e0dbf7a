"""Caltech-UCSD Birds 200-2011 in its official layout, whole or any part of it."""

from pathlib import Path

from dfm_viz.types import Box, UserError
from training.data.base import DataSet, Item, bad_line, find_root, read_lines

LICENCE = (
    "Trained on CUB-200-2011 pictures (Caltech): non-commercial research and education only; "
    "the pictures are not redistributed."
)
FILES = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")


def load(data_root: Path) -> DataSet:
    """Read the lists; classes become contiguous in the order of the data set's numbers.

    Boxes are x, y, width, height in the files and x0 = x, y0 = y, x1 = x + w, y1 = y + h here.

    Raises:
        UserError: a missing file, a line that does not fit, an image without label, split or box.
    """
    root = find_root(
        data_root, lambda p: (p / FILES[0]).is_file() and (p / FILES[1]).is_file(), "CUB-200-2011"
    )
    labels = _table(root / "image_class_labels.txt", 1, int)
    splits = _table(root / "train_test_split.txt", 1, int)
    names = {int(k): v[0] for k, v in _table(root / "classes.txt", 1, str).items()}
    boxes = _table(root / "bounding_boxes.txt", 4, float)
    numbers = sorted({values[0] for values in labels.values()})
    if unnamed := [n for n in numbers if n not in names]:
        raise UserError(f"classes.txt lacks class {unnamed[0]}, which image_class_labels.txt uses.")
    index = {number: i for i, number in enumerate(numbers)}
    train: list[Item] = []
    test: list[Item] = []
    for key, (name,) in _table(root / "images.txt", 1, str).items():
        for file, table in (
            ("image_class_labels.txt", labels),
            ("train_test_split.txt", splits),
            ("bounding_boxes.txt", boxes),
        ):
            if key not in table:
                raise UserError(f"{file} has no line for image {key} ({name}); add it.")
        x, y, w, h = boxes[key]
        if min(x, y) < 0 or min(w, h) <= 0:
            raise UserError(
                f"bounding_boxes.txt: image {key} ({name}) has an impossible box "
                f"{x:g} {y:g} {w:g} {h:g}; correct it."
            )
        box: Box = (x, y, x + w, y + h)
        item = Item(root / "images" / name, index[labels[key][0]], (box,))
        (train if splits[key][0] == 1 else test).append(item)
    classes = tuple(readable(names[number]) for number in numbers)
    return DataSet(root, classes, tuple(train), tuple(test), LICENCE)


def readable(name: str) -> str:
    """`001.Black_footed_Albatross` as people write it: `Black footed Albatross`."""
    return name.split(".", 1)[-1].replace("_", " ")


def _table(path: Path, columns: int, kind: type) -> dict[str, list]:  # type: ignore[type-arg]
    table = {}
    for words in read_lines(path):
        try:
            table[words[0]] = [kind(word) for word in words[1:]]
        except ValueError:
            raise bad_line(path, words, "numbers") from None
        if len(words) != columns + 1:
            raise bad_line(path, words, f"a number and {columns} value{'s' * (columns > 1)}")
    return table
