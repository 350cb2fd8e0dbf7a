"""Pictures to start with: photographs from installed packages, of three pet breeds, and scenes.

What is to be learned on which of them under which family is found by `dfm_viz.lessons`.
Nothing is downloaded. A photograph that the installed version of its package does not ship, or
ships in another size than the one its boxes were drawn on, is left out.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dfm_viz import toy
from dfm_viz.examples.lessons import lessons, scenes
from dfm_viz.examples.local import local_pictures
from dfm_viz.picture_headers import read_header
from dfm_viz.pictures import Picture, read_picture
from dfm_viz.types import Box, UserError

_PETS = Path(__file__).with_name("pets")
_GRADIO = ("shipped with Gradio; photographer not named", "Apache-2.0 (Gradio)")


class FamilyClasses(Protocol):
    """What this module asks of a family."""

    @property
    def name(self) -> str:
        """Of its folder."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""
        ...


@dataclass(frozen=True)
class Example:
    """One picture with its truth.

    Attributes:
        id: Short name, usable in links.
        title: What is to be seen.
        truths: True boxes (x0, y0, x1, y1) in upright pixels, one per instance.
        credit: Who made it.
        licence: Under which terms.
        path: The file, or None for a generated picture.
        generate: Makes (H, W, 3) uint8, or None for a file.
        classes: What it shows, by the names that class lists may have for it.
    """

    id: str
    title: str
    truths: tuple[Box, ...]
    credit: str
    licence: str
    path: Path | None = None
    generate: Callable[[], NDArray[np.uint8]] | None = None
    classes: tuple[str, ...] = ()

    def families(self, known: Iterable[FamilyClasses]) -> tuple[str, ...]:
        """Names of the families, out of those given, to whose classes this picture belongs."""
        return tuple(f.name for f in known if not set(self.classes).isdisjoint(f.classes))

    def read(self) -> Picture:
        """Read or generate the picture.

        Raises:
            UserError: The file has gone or is damaged.
        """
        if self.generate is not None:
            return read_picture(self.generate(), self.title)
        if self.path is None:
            raise UserError(f"The example {self.id} has neither a file nor a generator.")
        return read_picture(self.path)


# id, title, package, places inside it (first that exists), credit, licence
_PHOTOGRAPHS = (
    ("lion", "Lion and lioness", "gradio", ("media_assets/images/lion.jpg",), *_GRADIO),
    ("cheetah", "Running cheetah", "gradio", ("media_assets/images/cheetah.jpg",), *_GRADIO),
    ("cheetah-face", "Cheetah", "gradio", ("media_assets/images/cheetah1.jpg",), *_GRADIO),
    ("cheetah-cub", "Cheetah cub", "gradio", ("test_data/cheetah2.jpg",), *_GRADIO),
    ("chelsea", "Chelsea the cat", "skimage", ("data/chelsea.png",), "Stefan van der Walt", "CC0"),
    ("coffee", "Espresso", "skimage", ("data/coffee.png",), "Rachel Michetti", "CC0"),
    (
        "motorcycle",
        "Motorcycle",
        "skimage",
        ("data/motorcycle_left.png",),
        "Middlebury stereo benchmark 2014 (Scharstein et al.), shipped with scikit-image",
        "terms of the benchmark and of scikit-image (BSD-3-Clause)",
    ),
    ("tower", "Eiffel tower", "gradio", ("media_assets/images/tower.jpg",), *_GRADIO),
    (
        "rocket",
        "Falcon 9 before launch",
        "skimage",
        ("data/rocket.jpg",),
        "SpaceX",
        "public domain",
    ),
    ("tripod", "A tripod", "skimage", ("data/camera.png",), "Lav Varshney", "CC0"),
    (
        "shuttle",
        "Model of a space shuttle, behind an astronaut",
        "skimage",
        ("data/astronaut.png",),
        "NASA",
        "public domain",
    ),
)
SHOWN: Mapping[str, tuple[str, ...]] = {
    "lion": ("lion",),
    "cheetah": ("cheetah",),
    "cheetah-face": ("cheetah",),
    "cheetah-cub": ("cheetah",),
    "chelsea": ("Egyptian cat", "tabby", "tiger cat"),
    "coffee": ("espresso", "cup", "coffee mug"),
    "rocket": ("missile", "projectile"),
    "tripod": ("tripod",),
    "shuttle": ("space shuttle",),
}
"""What the photographs show, by the names that class lists have for it; others have none."""
_TOY_SCENES = (
    (9020, "Toy scene: only the head is found"),
    (9103, "Toy scene: erasing spills over the background"),
    (9010, "Toy scene: erasing leads ADL astray, DFM stays"),
)
"""Scenes on which the shipped toy family does what the words say (tested there)."""


def examples() -> tuple[Example, ...]:
    """List the pictures to start with: photographs, those of the pets that are chosen, scenes.

    Chosen are those that `lessons` names.
    """
    chosen = {lesson.example for told in lessons().values() for lesson in told}
    titles = dict(_scenes())
    for name in chosen:
        if (found := toy.parse_scene_id(name)) is not None:
            titles.setdefault(found, "")
    return (
        *photographs(),
        *(pet for pet in pets() if pet.id in chosen),
        *(toy_example(seed, title, world) for (seed, world), title in titles.items()),
    )


def photographs() -> tuple[Example, ...]:
    """The photographs that installed packages have, the best one to begin with first."""
    found = (_photograph(*row) for row in _PHOTOGRAPHS)
    return tuple(example for example in found if example is not None)


def _scenes() -> Iterator[tuple[tuple[int, toy.World], str]]:
    """Seed and world of the scenes with titles of their own; those of `scenes.json` win."""
    for seed, title in _TOY_SCENES:
        yield (seed, toy.World.CONTEXT), title
    for row in scenes():
        yield (row["seed"], toy.World(row["world"])), row["title"]


@cache
def pets() -> tuple[Example, ...]:
    """The 96 photographs of `pets/`, with the names that the data set has for them."""
    rows: list[dict[str, Any]] = json.loads((_PETS / "boxes.json").read_text("utf-8"))["pictures"]
    return tuple(
        Example(
            id=f"pets-{Path(row['picture']).stem}",
            title=row["class"],
            truths=tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in row["boxes"]),
            credit="Oxford-IIIT Pet (Parkhi et al.), written again as JPEG",
            licence="CC BY-SA 4.0",
            path=_PETS / row["picture"],
            classes=(row["class"],),
        )
        for row in rows
    )


def find_example(example_id: str) -> Example:
    """Return the example of that id.

    Raises:
        UserError: There is none; the text lists those there are.
    """
    known = {example.id: example for example in (*examples(), *pets())}
    if example_id not in known:
        names = ", ".join(example.id for example in examples())
        raise UserError(f"There is no example {example_id!r}: choose one of {names}.")
    return known[example_id]


def toy_example(seed: int, title: str = "", world: toy.World | str = toy.World.CONTEXT) -> Example:
    """Wrap a generated scene with its exact box; without a title, its class is named."""
    made = toy.scene(seed, world=world)
    x0, y0, x1, y1 = made.box
    return Example(
        id=toy.scene_id(seed, world),
        title=title or f"Toy scene, {toy.WORLDS[toy.World(world)][made.label]} (exact truth)",
        truths=((float(x0), float(y0), float(x1), float(y1)),),
        credit="generated by dfm_viz.toy",
        licence="MIT",
        generate=lambda: toy.scene(seed, world=world).rgb,
        classes=(toy.WORLDS[toy.World(world)][made.label],),
    )


def local_examples(data_root: str | Path, count: int = 8) -> tuple[Example, ...]:
    """Take a few test pictures with their true boxes from data sets on this machine.

    Args:
        data_root: A folder in the layout of CUB-200-2011 or of Oxford-IIIT Pet, or a folder that
            holds such folders.
        count: Pictures per data set, spread over its classes.

    Returns:
        The examples; none if no known layout is found.

    Raises:
        UserError: ``data_root`` is not a folder.
    """
    root = Path(data_root)
    if not root.is_dir():
        raise UserError(f"The data root {root} is not a folder: give one that exists.")
    return tuple(
        Example(
            row.id,
            row.title,
            row.truths,
            row.credit,
            row.licence,
            path=row.path,
            classes=(row.title,),
        )
        for row in local_pictures(root, count)
    )


@cache
def _truths() -> tuple[dict[str, list[int]], dict[str, list[list[float]]]]:
    data = json.loads(Path(__file__).with_name("boxes.json").read_text(encoding="utf-8"))
    return data["size"], data["boxes"]


def _photograph(
    name: str, title: str, package: str, places: tuple[str, ...], credit: str, licence: str
) -> Example | None:
    spec = importlib.util.find_spec(package)  # finds the folder without importing the package
    if spec is None or spec.origin is None:
        return None
    sizes, boxes = _truths()
    for place in places:
        path = Path(spec.origin).parent / place
        if path.is_file():
            header = read_header(path.read_bytes())
            if header is not None and [header.width, header.height] == sizes[name]:
                truths = tuple(
                    (float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in boxes[name]
                )
                shown = SHOWN.get(name, ())
                return Example(name, title, truths, credit, licence, path=path, classes=shown)
    return None
