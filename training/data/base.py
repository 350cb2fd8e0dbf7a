"""What every data set looks like to training and evaluation."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dfm_viz.boxes import check_box
from dfm_viz.layouts import folders_in
from dfm_viz.types import Box, UserError


@dataclass(frozen=True)
class Item:
    """One picture.

    Attributes:
        path: the picture file.
        label: index into the data set's classes.
        boxes: the objects' boxes x0, y0, x1, y1 in pixels of the upright picture, corners
            inclusive; empty if unknown.
    """

    path: Path
    label: int
    boxes: tuple[Box, ...] = ()


class Problem(Enum):
    """What can be wrong with a data set: as said of one thing, and of several."""

    MISSING = "file is missing", "files are missing"
    UNREADABLE = "picture cannot be read", "pictures cannot be read"
    ANNOTATION = "annotation does not fit", "annotations do not fit"
    BOX = "impossible box", "impossible boxes"
    OUTSIDE = "box reaches beyond its picture", "boxes reach beyond their pictures"
    CLASS = "class has no training picture", "classes have no training picture"
    TWICE = "picture is in more than one split", "pictures are in more than one split"


@dataclass(frozen=True)
class DataSet:
    """Class names and the splits; a split whose pictures are absent may be empty.

    Attributes:
        root: the folder found.
        classes: readable names, in the order of the data set's own class numbers.
        train: training pictures in file order.
        test: test pictures in file order.
        licence: one sentence for the cards of what is trained on it.
        val: validation pictures where the data set has a split for choices of its own; None: they
            are carved from `train`.
        problems: what the lists and annotations got wrong, told before any use of the pictures.
        splits: one sentence for the cards where the splits are not the published ones.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[Item, ...]
    test: tuple[Item, ...]
    licence: str
    val: tuple[Item, ...] | None = None
    problems: tuple[tuple[Problem, str], ...] = ()
    splits: str = ""

    @property
    def family(self) -> str:
        """Short name of the data, made of the folder's."""
        return re.sub(r"[^\w.-]+", "-", self.root.resolve().name).strip("-.") or "data"

    @property
    def knows(self) -> str:
        """The classes in words: how many, and which."""
        more = len(self.classes) - 5
        names = ", ".join(self.classes[:5]) + (f" and {more} more" if more > 0 else "")
        return f"{len(self.classes)} classes: {names}"

    def split(self, name: str, hold_out_every: int = 0) -> tuple[Item, ...]:
        """Pictures of `train`, `val` or `test`, checked to exist.

        Without a validation split of the data set's own, `val` is every `hold_out_every`-th
        training picture of each class, in file order, and `train` the others. With one, `val` is
        that split and `train` is whole. Test pictures are never used for a choice.

        Raises:
            UserError: an unknown or empty split; annotations that do not fit or files that are
                missing (named, together).
        """
        if name == "test":
            chosen = self.test
        elif name not in ("train", "val"):
            raise UserError(f"A split must be train, val or test, got {name!r}.")
        elif self.val is not None:
            chosen = self.train if name == "train" else self.val
        else:
            chosen = tuple(
                i for i, held in _held_out(self.train, hold_out_every) if held == (name == "val")
            )
        if not chosen and not self.problems:
            raise UserError(self._empty(name, hold_out_every))
        complain(self.root.name, [*self.problems, *faults(chosen)])
        return chosen

    def _empty(self, name: str, every: int) -> str:
        """Why a split has no pictures, and what to do."""
        said = f"{self.root.name} has no pictures in its {name} split"
        if name != "val" or self.val is not None or not self.train:
            return f"{said}."
        if not every:
            return (
                f"{said}: it has no validation pictures of its own, and hold_out_every = 0 holds "
                f"out none; set hold_out_every=10 for every tenth training picture."
            )
        most = max(Counter(item.label for item in self.train).values())
        return (
            f"{said}: hold_out_every = {every} holds out every {every}th training picture of a "
            f"class, and no class has more than {most}; set hold_out_every to {most} or less, or "
            f"to 0 to train on all."
        )


def _held_out(items: Iterable[Item], every: int) -> Iterable[tuple[Item, bool]]:
    seen: Counter[int] = Counter()
    for item in items:
        seen[item.label] += 1
        yield item, bool(every) and seen[item.label] % every == 0


def short(path: Path) -> str:
    """The file with its folder, as people look for it."""
    return f"{path.parent.name}/{path.name}"


def faults(items: Iterable[Item]) -> Iterable[tuple[Problem, str]]:
    """What is wrong with pictures as far as can be told without opening them."""
    for item in items:
        if not item.path.is_file():
            yield Problem.MISSING, short(item.path)
        for box in item.boxes:
            try:
                check_box(box)
            except ValueError:
                yield Problem.BOX, told(item, box)


def told(item: Item, box: Box) -> str:
    """A box and its picture, for a message."""
    return f"{short(item.path)}: {' '.join(f'{value:g}' for value in box)}"


def complain(name: str, found: Sequence[tuple[Problem, str]], show: int = 5) -> None:
    """One UserError for everything found: per kind the count and up to `show` names; or nothing."""
    if not found:
        return
    parts = []
    for kind in Problem:
        names = list(dict.fromkeys(name for problem, name in found if problem is kind))
        if names:
            one, several = kind.value
            more = f" and {len(names) - show} more" if len(names) > show else ""
            what = one if len(names) == 1 else several
            parts.append(f"{len(names)} {what} ({', '.join(names[:show])}{more})")
    raise UserError(
        f"The data set {name} cannot be used as it is: {'; '.join(parts)}. Restore, correct or "
        "remove these, then start again."
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
    found = [path for path in folders_in(given) if looks_right(path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(p.name for p in found)
        raise UserError(f"{given} holds {what} more than once ({names}); give one of these.")
    raise UserError(f"{given} does not hold {what}; give its folder or the folder around it.")
