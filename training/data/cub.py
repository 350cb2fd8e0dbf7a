"""Caltech-UCSD Birds 200-2011 in its official layout, whole or any part of it."""

from pathlib import Path

from dfm_viz import layouts
from dfm_viz.types import UserError
from training.data.base import DataSet, Item, Problem, find_root

LICENCE = (
    "Trained on CUB-200-2011 pictures (Caltech): non-commercial research and education only; "
    "the pictures are not redistributed."
)


def load(data_root: Path) -> DataSet:
    """Read the lists; classes become contiguous in the order of the data set's numbers.

    Raises:
        UserError: a missing file, a line that does not fit, an image without label, split or box.
    """
    root = find_root(
        data_root,
        lambda p: (p / "images.txt").is_file() and (p / "image_class_labels.txt").is_file(),
        "CUB-200-2011",
    )
    labels, training = layouts.cub_labels(root), layouts.cub_training(root)
    names, boxes = layouts.cub_classes(root), layouts.cub_boxes(root)
    numbers = sorted(set(labels.values()))
    if unnamed := [n for n in numbers if n not in names]:
        raise UserError(f"classes.txt lacks class {unnamed[0]}, which image_class_labels.txt uses.")
    index = {number: i for i, number in enumerate(numbers)}
    train: list[Item] = []
    test: list[Item] = []
    problems = []
    for key, name in layouts.cub_pictures(root).items():
        for file, table in (
            ("image_class_labels.txt", labels),
            ("train_test_split.txt", training),
            ("bounding_boxes.txt", boxes),
        ):
            if key not in table:
                raise UserError(f"{file} has no line for image {key} ({name}); add it.")
        box = boxes[key]
        if layouts.impossible(box):
            x0, y0, x1, y1 = box
            given = f"{x0:g} {y0:g} {x1 - x0:g} {y1 - y0:g}"
            problems.append((Problem.BOX, f"image {key} {name}: {given}"))
        known = () if layouts.impossible(box) else (box,)
        item = Item(root / "images" / name, index[labels[key]], known)
        (train if training[key] else test).append(item)
    classes = tuple(names[number] for number in numbers)
    return DataSet(root, classes, tuple(train), tuple(test), LICENCE, problems=tuple(problems))
