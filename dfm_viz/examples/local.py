"""A few test pictures with true boxes out of data sets in their official folder layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dfm_viz import layouts
from dfm_viz.types import Box

T = TypeVar("T")


@dataclass(frozen=True)
class LocalPicture:
    """A picture of a data set on this machine; `dfm_viz.examples.Example` names the fields."""

    id: str
    title: str
    path: Path
    truths: tuple[Box, ...]
    credit: str
    licence: str


def local_pictures(root: Path, count: int) -> tuple[LocalPicture, ...]:
    """Find data sets in ``root`` or one level below it and take ``count`` pictures of each.

    Raises:
        UserError: A list or a trimap of a data set found there is damaged.
    """
    folders = [root, *layouts.folders_in(root)]
    found: list[LocalPicture] = []
    for folder in folders:
        if layouts.is_cub(folder):
            found.extend(_cub(folder, count))
        elif layouts.is_pets(folder):
            found.extend(_pets(folder, count))
    return tuple(found)


def _spread(groups: Mapping[str, Sequence[T]], count: int) -> list[T]:
    """The first member of ``count`` groups that lie evenly over their sorted names."""
    names = sorted(groups)
    take = min(max(count, 0), len(names))
    return [groups[names[i * len(names) // take]][0] for i in range(take)]


def _cub(folder: Path, count: int) -> Iterator[LocalPicture]:
    # Labels and class names are not needed: a picture's folder is its class.
    names, boxes = layouts.cub_pictures(folder), layouts.cub_boxes(folder)
    listed = (folder / "train_test_split.txt").is_file()
    training = layouts.cub_training(folder) if listed else {}
    groups: dict[str, list[str]] = {}
    for key, name in sorted(names.items()):
        usable = key in boxes and not layouts.impossible(boxes[key])
        if usable and not training.get(key, False) and (folder / "images" / name).is_file():
            groups.setdefault(name.split("/")[0], []).append(key)
    for key in _spread(groups, count):
        yield LocalPicture(
            id=f"cub-{key}",
            title=layouts.cub_name(names[key].split("/")[0]),
            path=folder / "images" / names[key],
            truths=(boxes[key],),
            credit="CUB-200-2011 (Wah et al.)",
            licence="non-commercial research and education; do not redistribute",
        )


def _pets(folder: Path, count: int) -> Iterator[LocalPicture]:
    groups: dict[str, list[layouts.Pet]] = {}
    for pet in sorted(layouts.pets(folder, "test") or ()):
        if pet.picture.is_file() and pet.trimap.is_file():
            groups.setdefault(pet.stem.rsplit("_", 1)[0], []).append(pet)
    for pet in _spread(groups, count):
        if box := pet.box():
            yield LocalPicture(
                id=f"pets-{pet.stem}",
                title=pet.breed,
                path=pet.picture,
                truths=(box,),
                credit="Oxford-IIIT Pet (Parkhi et al.)",
                licence="CC BY-SA 4.0",
            )
