"""The pictures that evaluation records are about: out of the data root, or drawn again.

Records name files relative to their data set's folder. Only files that the records name, and that
lie inside the data root, are ever read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from dfm_viz import toy
from dfm_viz.boxes import SIDE, best_iou, resize_box, scale_box
from dfm_viz.examples.listed import Truths, listed_truths
from dfm_viz.layouts import folders_in
from dfm_viz.pictures import Picture, read_picture
from dfm_viz.records.sets import Rows
from dfm_viz.types import Box, UserError

_TRIED = 16
"""Names that are looked up to recognise a data set."""
SHIPPED = (Path(__file__).with_name("pets"),)
"""Folders of photographs that come with the app, laid out as their data sets are."""


class RecordedPictures:
    """Where the pictures of one set of records come from.

    Attributes:
        home: the data set's folder, or None where the pictures are drawn or not at hand.
        drawn: whether they are the scenes of `dfm_viz.toy`, which need no files.
        listed: whether true boxes that the records lack stand in the data set's own lists.
    """

    def __init__(self, rows: Rows, data_root: Path | None) -> None:
        """Look for the pictures of `rows` in `data_root`, or one level below it, or in the box."""
        self._root, self.home = data_root, None
        for root in (*((data_root,) if data_root else ()), *SHIPPED):
            if home := _home(rows, root):
                self._root, self.home = root, home
                break
        self.drawn = self.home is None and all(_is_scene(rows, number) for number in _some(rows))
        self._truths: Truths | None = None
        if self.home is not None and not rows.about.truths:
            self._truths = listed_truths(self.home)
        self.listed = self._truths is not None

    @property
    def there(self) -> bool:
        """Whether the pictures can be shown."""
        return self.home is not None or self.drawn

    def true_boxes(self, rows: Rows, number: int) -> tuple[Box, ...]:
        """The true boxes of one picture: the recorded ones, else those of the data set's lists.

        Of the lists only boxes are taken that are as many as were evaluated, and with which the
        recorded box has the recorded IoU: () where there are none, or others.
        """
        if rows.about.truths or self._truths is None:
            return rows.true_boxes(number)
        try:
            found = self._truths(str(rows.pictures[number]))
            return found if _evaluated_with(rows, number, found) else ()
        except (UserError, ValueError):
            return ()

    def read(self, rows: Rows, number: int) -> Picture:
        """Read one picture of the same set of records.

        Raises:
            UserError: it is not at hand, lies outside the data root, cannot be read, or is not the
                one that was evaluated.
        """
        name = str(rows.pictures[number])
        if self.drawn:
            scene = toy.scene_of_file(name, size=int(rows.width[number]))
            if scene is None:
                raise UserError(f"{name} is no scene that can be drawn.")
            return read_picture(scene.rgb, name)
        if self.home is None or self._root is None:
            raise UserError(
                "The records hold no photographs; start the app with --data-root and the folder "
                "of the data set to see them."
            )
        path = _inside(self.home, name, self._root)
        if path is None:
            raise UserError(f"{name} is not in the data root; restore the file.")
        picture = read_picture(path, name)
        size, recorded = (picture.width, picture.height), (rows.width[number], rows.height[number])
        if size != recorded:
            raise UserError(
                f"{name} is {size[0]} x {size[1]} px here, but the one that was evaluated was "
                f"{recorded[0]} x {recorded[1]}; give the data root that was evaluated."
            )
        return picture


def _evaluated_with(rows: Rows, number: int, truths: tuple[Box, ...]) -> bool:
    """Whether these are the true boxes that a recorded IoU was taken with."""
    if len(truths) != rows.objects[number]:
        return False
    size = (int(rows.width[number]), int(rows.height[number]))
    judged = next(iter(rows.modes.values()))
    box = [round(v) for v in scale_box(judged.box[number].tolist(), size, (SIDE, SIDE))]
    grid = [resize_box(truth, size) for truth in truths]
    return abs(best_iou(box, grid) - float(judged.iou[number])) < 1e-6


def _is_scene(rows: Rows, number: int) -> bool:
    """Whether the scene of that name has exactly the recorded true box."""
    size = int(rows.width[number])
    if size != rows.height[number] or size > 1024:
        return False
    scene = toy.scene_of_file(str(rows.pictures[number]), size=size)
    return scene is not None and rows.true_boxes(number) == (tuple(map(float, scene.box)),)


def _some(rows: Rows, count: int = 3) -> list[int]:
    """A few numbers, spread over all."""
    return np.unique(np.linspace(0, len(rows.pictures) - 1, count).astype(int)).tolist()


def _home(rows: Rows, root: Path) -> Path | None:
    """The folder in or below the data root that holds the most of the recorded names, if any."""
    names = [str(rows.pictures[i]) for i in _some(rows, _TRIED)]
    best, most = None, 0
    for folder in _folders(root):
        hits = sum(_inside(folder, name, root) is not None for name in names)
        if hits > most:
            best, most = folder, hits
    return best


def _folders(root: Path) -> Iterator[Path]:
    """The data root and the folders one level below it, where data sets are looked for."""
    if root.is_dir():
        yield root
        yield from folders_in(root)


def _inside(folder: Path, name: str, root: Path) -> Path | None:
    """The file of a recorded name; None if there is none, or one outside the data root."""
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts:
        return None
    try:
        path = (folder / plain).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return path if path.is_file() and path.is_relative_to(root.resolve()) else None
