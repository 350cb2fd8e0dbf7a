"""Pictures on which a checkpoint goes wrong, for its card: found by asking it, not by hand.

Only pictures that may be shown to anybody, of classes the checkpoint knows, are asked about: the
photographs that ship here or with installed packages, and generated scenes. They are asked about as
the page does, so the page shows the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dfm_viz import toy
from dfm_viz.checkpoint import write_card
from dfm_viz.checkpoint.card import KnownFailure, checkpoint_folders, place, read_card
from dfm_viz.examples import SHOWN, Example, pets, photographs, toy_example
from dfm_viz.files import subfolders
from dfm_viz.inspection import Family, Settings, load_family
from dfm_viz.inspection.result import MethodResult
from dfm_viz.localization import SIDE, ErrorType, error_type, resize_box, unit_map
from dfm_viz.types import Mode, UserError

KEPT = 3
"""So many failures stand on a card."""
SCENES = 24
"""So many generated scenes a family that knows them is asked about."""

_BOXES = {
    ErrorType.PART: "the box covers only a part of the object",
    ErrorType.MORE: "the box is far larger than the object",
    ErrorType.M_INS: "the box spans several objects",
    ErrorType.OTH: "the box fits the object neither in place nor in size",
}


@dataclass(frozen=True)
class _Found:
    """A failure with what decides whether it is told: its kind, and whether the class is known."""

    kind: str
    known: bool
    failure: KnownFailure


def find_failures(
    family: Family, pictures: Sequence[Example] | None = None, count: int = KEPT
) -> dict[str, tuple[KnownFailure, ...]]:
    """The most telling failures of every checkpoint of a family.

    Kinds of failure come before repetitions, pictures of what the family knows before others, low
    overlaps before high ones; no picture counts twice. DFM is asked with the module off and in
    mode `expected`, the others as they are, all at the usual threshold .2.

    Args:
        family: all of its checkpoints are asked.
        pictures: with their true boxes; None takes those that fit the family.
        count: at most so many for each checkpoint; there may be fewer.

    Returns:
        Checkpoint name -> its failures, the most telling first.

    Raises:
        UserError: a damaged checkpoint, a picture that cannot be read.
    """
    asked = pictures_for(family.info.classes) if pictures is None else pictures
    found: dict[str, list[_Found]] = {name: [] for name in family.checkpoints.cards}
    for example in asked:
        opened = family.open(example.read())
        for mode in (Mode.OFF, Mode.EXPECTED):
            result = family.inspect(opened, Settings(mode=mode), example.truths)
            size = (result.width, result.height)
            for name, told in found.items():
                if mode is Mode.OFF or family.checkpoints.method(name) == "dfm":
                    told += _judge(name, mode, example, size, family, result.methods[name])
    return {name: tuple(_choose(told, count)) for name, told in found.items()}


def pictures_for(classes: Sequence[str]) -> tuple[Example, ...]:
    """The pictures of its own classes that a family is asked about; none where none may be shown.

    What a family says of a picture of no class it knows tells nothing about its failures.
    """
    if set(toy.CLASSES) <= set(classes):
        return tuple(toy_example(seed) for seed in range(SCENES))
    known = set(classes)
    return tuple(one for one in (*pets(), *photographs()) if known.intersection(_shown(one)))


def write_failures(folder: Path, device: str = "auto") -> dict[Path, tuple[KnownFailure, ...]]:
    """Find the failures of a family, or of every family in a folder, and put them on the cards.

    A card is replaced as a whole, and only if its weights are still those that were asked.

    Returns:
        Folder of each checkpoint -> what its card tells now.

    Raises:
        UserError: no family there, a damaged one, a folder that cannot be written.
    """
    written: dict[Path, tuple[KnownFailure, ...]] = {}
    for path in families_under(folder):
        family = load_family(path.resolve(), device=device)
        for name, failures in find_failures(family).items():
            home = family.checkpoints.folders[name]
            card = read_card(home)
            if card.sha256 != family.checkpoints.cards[name].sha256:
                raise UserError(f"{place(home)} was replaced meanwhile; run the command again.")
            write_card(home, replace(card, known_failures=failures))
            written[home] = failures
    return written


def families_under(folder: Path) -> list[Path]:
    """The families that a folder is or holds; UserError if there is none."""
    if folder.is_dir():
        if checkpoint_folders(folder):
            return [folder]
        if found := [path for path in subfolders(folder) if checkpoint_folders(path)]:
            return found
    raise UserError(f"There is no family in {folder}; give the folder of one, or of several.")


def _judge(
    name: str,
    mode: Mode,
    example: Example,
    size: tuple[int, int],
    family: Family,
    result: MethodResult,
) -> Iterator[_Found]:
    """The failure in one answer, if it is one."""
    names = _shown(example)
    known = bool(set(names) & set(family.info.classes))
    truths = [resize_box(box, size, (SIDE, SIDE)) for box in example.truths]
    error = error_type(True, result.box_grid, truths)
    iou = result.iou or 0.0
    wrong = known and result.label not in names
    if not wrong and error is ErrorType.RIGHT and known:
        return
    title = example.title.partition(" (")[0]
    says = f"{title}: it says {result.label} (score {result.score:.2f})"
    if not known:
        says += f", though the picture shows none of its {len(family.info.classes)} classes"
    elif wrong:
        says += f", though it knows {' and '.join(n for n in names if n in family.info.classes)}"
    where, kind = _where(error, result, truths)
    settings = {"mode": str(mode), "threshold": Settings().threshold}
    yield _Found(
        "class" if wrong else kind,
        known,
        KnownFailure(
            sentence=f"{says}; {where} (IoU {iou:.2f}).",
            picture=example.id,
            method=name,
            settings=settings,
            label=result.label,
            score=round(result.score, 4),
            box=tuple(round(v, 2) for v in result.box),
            iou=round(iou, 4),
        ),
    )


def _where(
    error: ErrorType, result: MethodResult, truths: Sequence[tuple[int, int, int, int]]
) -> tuple[str, str]:
    """What is wrong with the box, in words, and the kind of failure that is."""
    if error is ErrorType.RIGHT:
        return "the box is right", "nothing"
    unit = unit_map(result.map)
    y, x = (int(v) for v in np.unravel_index(int(unit.argmax()), unit.shape))
    if not any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in truths):
        return "the map is highest beside the object", "peak"
    return _BOXES[error], str(error)


def _shown(example: Example) -> tuple[str, ...]:
    """Names under which a class list may have what a picture shows."""
    if example.path is None:
        return (toy.CLASSES[toy.scene(int(example.id.removeprefix("toy-"))).label],)
    return SHOWN.get(example.id, example.classes)


def _choose(found: Sequence[_Found], count: int) -> Iterator[KnownFailure]:
    """The most telling ones: of another kind each, while there are other kinds."""
    left = list(found)
    kinds: set[str] = set()
    for _ in range(count):
        if not left:
            return
        best = min(left, key=lambda f: (f.kind in kinds, not f.known, f.failure.iou))
        kinds.add(best.kind)
        left = [f for f in left if f.failure.picture != best.failure.picture]
        yield best.failure
