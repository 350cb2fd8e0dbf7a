"""The files of data sets: one reader for the app's examples and training.

First what counts as a file of a data set, then CUB-200-2011, Oxford-IIIT Pet and ILSVRC. Every
function takes the data set's own folder. Lists are UTF-8 text of words between blanks, one picture
or class a line; empty lines and lines that begin with # are skipped.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image

from dfm_viz.boxes import extent
from dfm_viz.types import Box, UserError

T = TypeVar("T")
FOREGROUND, BORDER = 1, 3
"""The values of a trimap that belong to the animal."""


SYSTEM = frozenset(
    {
        *("Thumbs.db", "ehthumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information"),
        *("__MACOSX", "Icon\r", "Network Trash Folder", "Temporary Items"),
        *("@eaDir", "@tmp", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot"),
        *("lost+found", "__pycache__"),
    }
)
"""What Windows, macOS, network drives, Linux and Python leave among files, beside hidden names."""
_SYSTEM = frozenset(name.lower() for name in SYSTEM)


def is_visible(path: Path) -> bool:
    """Whether a file or folder is a person's, by its name: neither hidden nor a system's."""
    return not path.name.startswith(".") and path.name.lower() not in _SYSTEM


def files_in(folder: Path, *, deep: bool = False) -> list[Path]:
    """Every visible file in a folder (with `deep` also below it), sorted; none without a folder.

    This is what counts as a picture, in every data set: hidden and system folders are not entered.

    Raises:
        UserError: A folder that cannot be read.
    """
    if not folder.is_dir():
        return []
    found: list[Path] = []

    def stop(error: OSError) -> None:
        where = f"{folder.parent.name}/{folder.name}"
        raise UserError(
            f"The folder {where} cannot be read ({error.strerror}); open it for reading."
        )

    for where, below, names in os.walk(folder, onerror=stop):
        found += (Path(where, name) for name in names if is_visible(Path(name)))
        below[:] = [name for name in below if deep and is_visible(Path(name))]
    return sorted(found)


def folders_in(folder: Path) -> list[Path]:
    """Every visible folder in a folder, sorted; none without a folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and is_visible(path))


def read_lines(path: Path) -> list[list[str]]:
    """The words of every line that says something.

    Raises:
        UserError: The file is absent or no UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path.parent.name}/{path.name} is missing; restore the file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.parent.name}/{path.name} cannot be read ({error}).") from None
    lines = (line.strip() for line in text.splitlines())
    return [line.split() for line in lines if line and not line.startswith("#")]


def bad_line(path: Path, words: Iterable[str], wanted: str) -> UserError:
    """The error for a line that does not fit."""
    return UserError(f"{path.name}: the line {' '.join(words)!r} is not {wanted}; correct it.")


# --- CUB-200-2011 -------------------------------------------------------------------------------


def is_cub(folder: Path) -> bool:
    """Whether the folder has CUB's list of pictures and its list of boxes."""
    return (folder / "images.txt").is_file() and (folder / "bounding_boxes.txt").is_file()


def cub_pictures(root: Path) -> dict[str, str]:
    """Picture id -> path below `images/`, in file order; errors as `read_lines`."""
    return {key: values[0] for key, values in _table(root / "images.txt", 1, str).items()}


def cub_labels(root: Path) -> dict[str, int]:
    """Picture id -> class number, as the files count (gaps in a part of the data set)."""
    return {k: v[0] for k, v in _table(root / "image_class_labels.txt", 1, int).items()}


def cub_training(root: Path) -> dict[str, bool]:
    """Picture id -> whether it is for training."""
    return {k: v[0] == 1 for k, v in _table(root / "train_test_split.txt", 1, int).items()}


def cub_classes(root: Path) -> dict[int, str]:
    """Class number -> readable name."""
    path = root / "classes.txt"
    table = _table(path, 1, str)
    try:
        return {int(key): cub_name(values[0]) for key, values in table.items()}
    except ValueError:
        key = next(key for key in table if not key.isdecimal())
        raise bad_line(path, [key, *table[key]], "a class number and a name") from None


def cub_boxes(root: Path) -> dict[str, Box]:
    """Picture id -> box; x y w h in the file, x0 = x, y0 = y, x1 = x + w, y1 = y + h here.

    Nothing is judged: a box may be impossible, see `impossible`.
    """
    table = _table(root / "bounding_boxes.txt", 4, float)
    return {k: (x, y, x + w, y + h) for k, (x, y, w, h) in table.items()}


def cub_name(folder: str) -> str:
    """`001.Black_footed_Albatross` as people write it: `Black footed Albatross`."""
    return folder.split(".", 1)[-1].replace("_", " ")


def impossible(box: Box) -> bool:
    """Whether a box is not finite, negative, or without width or height."""
    x0, y0, x1, y1 = box
    return not all(map(math.isfinite, box)) or min(x0, y0) < 0 or x1 <= x0 or y1 <= y0


def _table(path: Path, columns: int, kind: Callable[[str], T]) -> dict[str, list[T]]:
    table: dict[str, list[T]] = {}
    for words in read_lines(path):
        try:
            table[words[0]] = [kind(word) for word in words[1:]]
        except ValueError:
            raise bad_line(path, words, "numbers") from None
        if len(words) != columns + 1:
            raise bad_line(path, words, f"a number and {columns} value{'s' * (columns > 1)}")
    return table


# --- Oxford-IIIT Pet ----------------------------------------------------------------------------


class Pet(NamedTuple):
    """One line of a list of Oxford-IIIT Pet.

    Attributes:
        stem: Name of picture and trimap without their endings.
        breed: Readable name of the class.
        number: Class number, as the files count.
        picture: The picture's file.
        trimap: The trimap's file.
    """

    stem: str
    breed: str
    number: int
    picture: Path
    trimap: Path

    def box(self) -> Box | None:
        """Extent of the animal; None without a trimap or with one that has no animal in it.

        Raises:
            UserError: The trimap is no picture.
        """
        if not self.trimap.is_file():
            return None
        try:
            with Image.open(self.trimap) as image:
                values = np.asarray(image if image.mode in ("L", "P") else image.convert("L"))
        except Exception as error:  # Pillow raises OSError, SyntaxError and more on damage
            raise UserError(
                f"The trimap {self.trimap.name} cannot be read ({error}); restore it."
            ) from None
        return extent((values == FOREGROUND) | (values == BORDER))


def is_pets(folder: Path) -> bool:
    """Whether the folder has Oxford-IIIT Pet's trimaps."""
    return (folder / "annotations" / "trimaps").is_dir()


def pets(root: Path, name: str) -> list[Pet] | None:
    """The lines of `annotations/<name>.txt` (name: `trainval` or `test`); None without the file.

    Raises:
        UserError: The list is unreadable, or a line is not a name and three numbers.
    """
    path = root / "annotations" / f"{name}.txt"
    if not path.is_file():
        return None
    found = []
    for words in read_lines(path):
        if len(words) != 4 or not all(word.isdecimal() for word in words[1:]):
            raise bad_line(path, words, "a name and three numbers")
        stem = words[0]
        found.append(
            Pet(
                stem,
                pets_name(stem),
                int(words[1]),
                root / "images" / f"{stem}.jpg",
                root / "annotations" / "trimaps" / f"{stem}.png",
            )
        )
    return found


def pets_name(stem: str) -> str:
    """`american_bulldog_12` as people write it: `American bulldog`."""
    name = stem.rsplit("_", 1)[0].replace("_", " ")
    return name[:1].upper() + name[1:]


# --- ILSVRC 2012 --------------------------------------------------------------------------------

SOLUTION = "LOC_val_solution.csv"
"""The list of validation boxes that Kaggle's archive has beside the pictures."""


def is_ilsvrc(folder: Path) -> bool:
    """Whether the folder has ILSVRC's list of validation boxes."""
    return (folder / SOLUTION).is_file()


def ilsvrc_boxes(root: Path) -> dict[str, tuple[Box, ...]]:
    """Picture without ending -> its boxes of the class that stands first; broken lines are left.

    Raises:
        UserError: The file cannot be read.
    """
    path = root / SOLUTION
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 2]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path.name} cannot be read ({error}); restore the file.") from None
    found: dict[str, tuple[Box, ...]] = {}
    for name, text in rows:
        words = text.split()
        ours = [n for n in range(0, len(words), 5) if words[n] == words[0]]
        try:
            x0, y0, x1, y1 = ([float(words[n + i]) for n in ours] for i in range(1, 5))
        except (ValueError, IndexError):
            continue
        found[name] = tuple(zip(x0, y0, x1, y1, strict=True))
    return found
