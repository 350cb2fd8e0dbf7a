"""The look at a whole data set before training starts: everything wrong is told at once."""

import filecmp
import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from dfm_viz.picture_headers import SUPPORTED
from dfm_viz.pictures import MAX_BYTES, MAX_PIXELS, read_picture
from dfm_viz.types import UserError
from training.data.base import DataSet, Item, Problem, complain, faults, short, told

DECODE_UP_TO = 20_000
"""Up to so many pictures every pixel is decoded; of larger sets only the headers are read."""
_ORIENTATION = 0x0112


def check_dataset(data: DataSet, *, decode: bool | None = None) -> None:
    """Look at every picture and annotation of all splits.

    - Files that the lists name are there, and each is a picture that `dfm_viz.pictures` reads.
      With `decode` every pixel is decoded, so a file that was cut off is found; without, only the
      headers are read (kind and size), which is enough for a set of known origin and takes a
      fraction of a millisecond per picture. The default decodes up to 20 000 pictures.
    - Boxes are finite, not negative, not swapped, and end at most one pixel beyond the last one
      (data sets that count from 1, or add the width to the corner, reach that). Nothing is ever
      clipped: a box farther out means that it belongs to another picture or another size.
    - Every class that is tested or validated has training pictures, and so has every class of the
      list. Classes without test pictures are fine: the scores then say nothing about them.
    - No picture is in two splits: neither the same file nor one of the same name and bytes.

    Args:
        data: what `open_dataset` gave.
        decode: whether to decode all pixels; None decides by the number of pictures.

    Raises:
        UserError: what was found, per kind the count and up to five names.
    """
    splits = {"train": data.train, "val": data.val or (), "test": data.test}
    items = [item for chosen in splits.values() for item in chosen]
    found = [*data.problems, *faults(items)]
    trained = Counter(item.label for item in data.train)
    found += [(Problem.CLASS, name) for i, name in enumerate(data.classes) if not trained[i]]
    found += _twice(splits.values())
    found += _pictures(items, len(items) <= DECODE_UP_TO if decode is None else decode)
    complain(data.root.name, found)


def _pictures(items: list[Item], decode: bool) -> list[tuple[Problem, str]]:
    """Open every picture that is there, several at a time."""

    def look(item: Item) -> list[tuple[Problem, str]]:
        if not item.path.is_file():
            return []
        try:
            width, height = _size(item.path, decode)
        except UserError as error:
            found = str(error).partition(". ")[0].rstrip(".")
            return [(Problem.UNREADABLE, f"{item.path.parent.name}/{found}")]
        return [
            (Problem.OUTSIDE, f"{told(item, box)} in {width} x {height}")
            for box in item.boxes
            if box[2] > width or box[3] > height
        ]

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        looked = tqdm(
            pool.map(look, items),
            total=len(items),
            desc="checking pictures",
            unit="",
            leave=False,
            disable=None,
        )
        return [problem for problems in looked for problem in problems]


def _size(path: Path, decode: bool) -> tuple[int, int]:
    """Width and height of the upright picture; UserError if it is none."""
    if not decode:
        # Pillow raises OSError, SyntaxError and more on damage: whatever is odd, the guarded reader
        # below says what it is.
        with suppress(Exception), Image.open(path, formats=SUPPORTED) as image:
            turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
            width, height = image.size  # nothing is decoded
            if path.stat().st_size <= MAX_BYTES and width * height <= MAX_PIXELS:
                return (height, width) if turned else (width, height)
    picture = read_picture(path)
    if not picture.whole:
        raise UserError(
            f"{path.name} is a JPEG that is cut off. Save or send it again, or leave it out."
        )
    return picture.width, picture.height


def _twice(splits: Iterable[Iterable[Item]]) -> list[tuple[Problem, str]]:
    """Pictures of one split that are, as a file or as a copy of the same name, in another."""
    found = []
    seen: dict[tuple[str, int], list[tuple[int, Path]]] = {}
    for number, items in enumerate(splits):
        for path in {item.path: None for item in items}:
            if not path.is_file():
                continue
            alike = seen.setdefault((path.name, path.stat().st_size), [])
            for other, twin in alike:
                if other != number and filecmp.cmp(path, twin, shallow=False):
                    both = short(path) if path == twin else f"{short(twin)} = {short(path)}"
                    found.append((Problem.TWICE, both))
            alike.append((number, path))
    return found
