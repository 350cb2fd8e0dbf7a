"""A few test pictures with true boxes out of data sets in their official folder layouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dfm_viz.boxes import extent
from dfm_viz.types import Box


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
    """Find data sets in ``root`` or one level below it and take ``count`` pictures of each."""
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir() and p.name[:1] != ".")]
    found: list[LocalPicture] = []
    for folder in folders:
        if (folder / "bounding_boxes.txt").is_file() and (folder / "images.txt").is_file():
            found.extend(_cub(folder, count))
        elif (folder / "annotations" / "trimaps").is_dir():
            found.extend(_pets(folder, count))
    return tuple(found)


def _table(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()


def _spread(groups: dict[str, list[str]], count: int) -> list[str]:
    """The first member of ``count`` groups that lie evenly over their sorted names."""
    names = sorted(name for name, members in groups.items() if members)
    take = min(max(count, 0), len(names))
    chosen = [names[i * len(names) // take] for i in range(take)]
    return [sorted(groups[name])[0] for name in chosen]


def _cub(folder: Path, count: int) -> Iterator[LocalPicture]:
    """CUB-200-2011: boxes are x y w h, and x1 = x + w, y1 = y + h by convention."""
    names = {row[0]: row[1] for row in _table(folder / "images.txt")}
    boxes = {row[0]: [float(v) for v in row[1:5]] for row in _table(folder / "bounding_boxes.txt")}
    split = folder / "train_test_split.txt"
    training = {row[0] for row in _table(split) if row[1] == "1"} if split.is_file() else set()
    groups: dict[str, list[str]] = {}
    for key, name in names.items():
        if key not in training and key in boxes and (folder / "images" / name).is_file():
            groups.setdefault(name.split("/")[0], []).append(key)
    for key in _spread(groups, count):
        x, y, w, h = boxes[key]
        title = names[key].split("/")[0].split(".", 1)[-1].replace("_", " ")
        yield LocalPicture(
            id=f"cub-{key}",
            title=title,
            path=folder / "images" / names[key],
            truths=((x, y, x + w, y + h),),
            credit="CUB-200-2011 (Wah et al.)",
            licence="non-commercial research and education; do not redistribute",
        )


def _pets(folder: Path, count: int) -> Iterator[LocalPicture]:
    """Oxford-IIIT Pet: the box is the extent of trimap values 1 (animal) and 3 (border)."""
    listing = folder / "annotations" / "test.txt"
    groups: dict[str, list[str]] = {}
    for row in _table(listing) if listing.is_file() else ():
        if _image(folder, row[0]).is_file() and _trimap(folder, row[0]).is_file():
            groups.setdefault(row[0].rsplit("_", 1)[0], []).append(row[0])
    for key in _spread(groups, count):
        with Image.open(_trimap(folder, key)) as trimap:
            box = extent(np.isin(np.asarray(trimap), (1, 3)))
        if box is None:
            continue
        title = key.rsplit("_", 1)[0].replace("_", " ")
        yield LocalPicture(
            id=f"pets-{key}",
            title=title[:1].upper() + title[1:],
            path=_image(folder, key),
            truths=(box,),
            credit="Oxford-IIIT Pet (Parkhi et al.)",
            licence="CC BY-SA 4.0",
        )


def _image(folder: Path, key: str) -> Path:
    return folder / "images" / f"{key}.jpg"


def _trimap(folder: Path, key: str) -> Path:
    return folder / "annotations" / "trimaps" / f"{key}.png"
