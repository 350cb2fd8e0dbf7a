"""One annotation of ImageNet (Pascal VOC's XML): the object's class and boxes.

XML from elsewhere is read with Python's own parser, made safe: a file that declares a document
type, which is what entities and so entity bombs need, is refused, and so is one that is large.
"""

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

from dfm_viz.types import Box
from training.data.synsets import is_id

MAX_BYTES = 1_000_000
"""Largest annotation; real ones have a few kB."""
CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Truth(NamedTuple):
    """What is in a picture.

    Attributes:
        name: WordNet id of the class.
        boxes: One box per object of that class, x0, y0, x1, y1 in pixels.
    """

    name: str
    boxes: tuple[Box, ...]


def read_truth(path: Path) -> Truth:
    """Read one annotation; the class is that of its first object.

    Raises:
        ValueError: the file cannot be read, is no such XML, or has a box that is no four numbers;
            the text says which, without the file's name.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8 text") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES // 1000} kB")
    # The text is searched as it is parsed (a str, so no encoding can hide anything).
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("declares a document type, which no annotation needs")
    try:
        objects = ET.fromstring(text).findall("object")
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"is no XML ({error})") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    names = [(one.findtext("name") or "").strip() for one in objects]
    if not names or not is_id(names[0]):
        raise ValueError("names no object by a WordNet id")
    kept = [one for one, name in zip(objects, names, strict=True) if name == names[0]]
    return Truth(names[0], tuple(_box(one) for one in kept))


def _box(element: ET.Element) -> Box:
    try:
        x0, y0, x1, y1 = (float(element.findtext(f"bndbox/{c}") or "") for c in CORNERS)
    except ValueError:
        raise ValueError("has an object whose bndbox is not four numbers") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise ValueError("has an object whose bndbox is not finite")
    return x0, y0, x1, y1
