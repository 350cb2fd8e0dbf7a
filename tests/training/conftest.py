"""Tiny data sets in the official layouts, and a recipe that trains in seconds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.recipe import Recipe

COLOURS = ((220, 40, 30), (30, 60, 210), (40, 190, 60))


def draw(path: Path, colour, box, size=(48, 36), seed=0):
    """A noisy grey picture with a rectangle x0, y0, x1, y1 (exclusive) of one colour."""
    rgb = np.random.default_rng(seed).integers(90, 120, (size[1], size[0], 3)).astype(np.uint8)
    x0, y0, x1, y1 = box
    rgb[y0:y1, x0:x1] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, quality=95)


@pytest.fixture(scope="session")
def draw_picture():
    """`draw`, for tests that write folders of their own."""
    return draw


@pytest.fixture(scope="session")
def cub_root(tmp_path_factory) -> Path:
    """CUB layout: classes 2, 5 and 9 (gaps are kept), 6 training and 2 test pictures each."""
    root = tmp_path_factory.mktemp("data") / "CUB_200_2011"
    names = {2: "002.Red_Bird", 5: "005.Blue_throated_Bird", 9: "009.Green_Bird"}
    lists: dict[str, list[str]] = {k: [] for k in ("images", "labels", "split", "boxes")}
    number = 0
    # File order is not class order, and ids do not start at 1.
    for label, colour in zip((9, 2, 5), (COLOURS[2], COLOURS[0], COLOURS[1]), strict=True):
        for n in range(8):
            number += 1
            key, name = number + 100, f"{names[label]}/bird_{n}.jpg"
            box = (4 + n, 3 + n, 24 + n, 20 + n)
            draw(root / "images" / name, colour, box, seed=number)
            lists["images"].append(f"{key} {name}")
            lists["labels"].append(f"{key} {label}")
            lists["split"].append(f"{key} {int(n < 6)}")
            lists["boxes"].append(f"{key} {box[0]}.0 {box[1]}.0 20.0 17.0")
    for file, key in (
        ("images.txt", "images"),
        ("image_class_labels.txt", "labels"),
        ("train_test_split.txt", "split"),
        ("bounding_boxes.txt", "boxes"),
    ):
        (root / file).write_text("\n".join(lists[key]) + "\n")
    (root / "classes.txt").write_text("".join(f"{k} {v}\n" for k, v in names.items()))
    return root


@pytest.fixture(scope="session")
def pets_root(tmp_path_factory) -> Path:
    """Oxford-IIIT Pet layout: two breeds, 3 training and 1 test picture each."""
    root = tmp_path_factory.mktemp("pets") / "oxford"
    lists: dict[str, list[str]] = {"trainval": [], "test": []}
    trimaps = root / "annotations" / "trimaps"
    trimaps.mkdir(parents=True)
    for label, breed in enumerate(("Bengal", "american_bulldog"), start=1):
        for n in range(4):
            stem = f"{breed}_{n}"
            draw(root / "images" / f"{stem}.jpg", COLOURS[label], (10, 5, 30, 25), seed=n)
            trimap = np.full((36, 48), 2, np.uint8)
            trimap[5:25, 10:30] = 3
            trimap[8:20, 12:28] = 1
            Image.fromarray(trimap).save(trimaps / f"{stem}.png")
            lists["trainval" if n < 3 else "test"].append(f"{stem} {label} 1 1")
    for name, rows in lists.items():
        (root / "annotations" / f"{name}.txt").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def quick():
    """A factory of recipes that train on the tiny CUB folder in seconds; random weights."""

    def make(method: str = "dfm", **optim) -> Recipe:
        return Recipe.from_dict(
            {
                "model": {"method": method, "init": "none", "freeze_through": "block3_2"},
                "data": {
                    "name": "cub",
                    "family": "tiny",
                    "knows": "3 coloured birds only",
                    "hold_out_every": 3,
                    "image_size": 32,
                    "decode_side": 40,
                },
                "augment": {"mixup": 0.2},
                "optim": {"epochs": 3, "batch": 5, "lr": 0.02, **optim},
                "seed": 3,
            }
        )

    return make
