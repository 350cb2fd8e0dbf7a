"""What every data set looks like to training and evaluation."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dfm_viz.types import Box, UserError


@dataclass(frozen=True)
class Item:
    """One picture.

    Attributes:
        path: the picture file.
        label: index into the data set's classes.
        boxes: the objects' boxes x0, y0, x1, y1 in pixels of the picture; empty if unknown.
    """

    path: Path
    label: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class DataSet:
    """Class names and the two official splits; a split whose pictures are absent may be empty.

    Attributes:
        root: the folder found.
        classes: readable names, in the order of the data set's own class numbers.
        train: training pictures in file order.
        test: test pictures in file order.
        licence: one sentence for the cards of what is trained on it.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[Item, ...]
    test: tuple[Item, ...]
    licence: str

    def split(self, name: str, hold_out_every: int = 0) -> tuple[Item, ...]:
        """Pictures of `train`, `val` or `test`, checked to exist.

        `val` is every `hold_out_every`-th training picture of each class, in file order, and
        `train` the others; test pictures are never used for a choice.

        Raises:
            UserError: an unknown or empty split, or files that are missing (named, together).
        """
        if name == "test":
            chosen = self.test
        elif name in ("train", "val"):
            chosen = tuple(
                i for i, held in _held_out(self.train, hold_out_every) if held == (name == "val")
            )
        else:
            raise UserError(f"A split must be train, val or test, got {name!r}.")
        if not chosen:
            raise UserError(f"{self.root.name} has no pictures in its {name} split.")
        check_files(item.path for item in chosen)
        return chosen


def _held_out(items: Iterable[Item], every: int) -> Iterable[tuple[Item, bool]]:
    seen: Counter[int] = Counter()
    for item in items:
        seen[item.label] += 1
        yield item, bool(every) and seen[item.label] % every == 0


def check_files(paths: Iterable[Path], show: int = 5) -> None:
    """UserError naming the files that are missing, if any."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        names = ", ".join(f"{p.parent.name}/{p.name}" for p in missing[:show])
        more = f" and {len(missing) - show} more" if len(missing) > show else ""
        raise UserError(
            f"{len(missing)} files of the data set are missing: {names}{more}; "
            f"restore them or correct the lists that name them."
        )


def fingerprint(root: Path, items: Iterable[Item]) -> str:
    """A hash of names, sizes, labels and boxes, to tell whether two runs saw the same data."""
    rows = [
        [i.path.relative_to(root).as_posix(), i.path.stat().st_size, i.label, i.boxes]
        for i in items
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def find_root(given: Path, looks_right: Callable[[Path], bool], what: str) -> Path:
    """`given` itself or the one folder directly inside it that holds the data set.

    Raises:
        UserError: none found, or several.
    """
    if not given.is_dir():
        raise UserError(f"The data root {given} is no folder; give the folder of {what}.")
    if looks_right(given):
        return given
    found = sorted(p for p in given.iterdir() if p.is_dir() and looks_right(p))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(p.name for p in found)
        raise UserError(f"{given} holds {what} more than once ({names}); give one of these.")
    raise UserError(f"{given} does not hold {what}; give its folder or the folder around it.")


def read_lines(path: Path) -> list[list[str]]:
    """The words of every non-empty line; UserError if the file is absent or not text."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path.parent.name}/{path.name} is missing; restore the file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.parent.name}/{path.name} cannot be read ({error}).") from None
    return [line.split() for line in text.splitlines() if line.strip()]


def bad_line(path: Path, words: Iterable[str], wanted: str) -> UserError:
    """The error for a line that does not fit."""
    return UserError(f"{path.name}: the line {' '.join(words)!r} is not {wanted}; correct it.")
