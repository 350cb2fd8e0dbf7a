"""Oxford-IIIT Pet in its official layout; boxes are the extent of the trimaps' animal."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from dfm_viz.boxes import extent
from dfm_viz.types import Box, UserError
from training.data.base import DataSet, Item, bad_line, find_root, read_lines

LICENCE = "Trained on Oxford-IIIT Pet pictures (Parkhi et al., CC BY-SA 4.0)."
FOREGROUND, BORDER = 1, 3


def load(data_root: Path) -> DataSet:
    """Read the lists and the trimaps.

    Raises:
        UserError: missing lists, a line that does not fit, an unreadable trimap.
    """
    root = find_root(
        data_root, lambda p: (p / "annotations" / "trimaps").is_dir(), "Oxford-IIIT Pet"
    )
    lists = {
        split: read_lines(path)
        for split, path in (
            ("train", root / "annotations" / "trainval.txt"),
            ("test", root / "annotations" / "test.txt"),
        )
        if path.is_file()
    }
    if not lists:
        raise UserError(f"{root.name}/annotations has neither trainval.txt nor test.txt.")
    breeds: dict[int, str] = {}
    for split, rows in lists.items():
        for words in rows:
            if len(words) != 4 or not words[1].isdigit():
                raise bad_line(Path(f"{split} list"), words, "a name and three numbers")
            breeds[int(words[1])] = readable(words[0])
    index = {number: i for i, number in enumerate(sorted(breeds))}
    items = {
        split: tuple(_item(root, words[0], index[int(words[1])]) for words in rows)
        for split, rows in lists.items()
    }
    return DataSet(
        root,
        tuple(breeds[n] for n in sorted(breeds)),
        items.get("train", ()),
        items.get("test", ()),
        LICENCE,
    )


def readable(stem: str) -> str:
    """`american_bulldog_12` as people write it: `American bulldog`."""
    name = stem.rsplit("_", 1)[0].replace("_", " ")
    return name[:1].upper() + name[1:]


def _item(root: Path, stem: str, label: int) -> Item:
    # Training needs no box, and the official set has trimaps without an animal: evaluation leaves
    # such pictures out and counts them.
    trimap = root / "annotations" / "trimaps" / f"{stem}.png"
    box = box_of_trimap(trimap) if trimap.is_file() else None
    return Item(root / "images" / f"{stem}.jpg", label, (box,) if box else ())


def box_of_trimap(path: Path) -> Box | None:
    """Extent of the cells that are foreground or border; None where no cell is either."""
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert("L") if image.mode not in ("L", "P") else image)
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"The trimap {path.name} cannot be read ({error}); restore it.") from None
    return extent((values == FOREGROUND) | (values == BORDER))
