"""ImageNet's ILSVRC 2012: class folders for training, the validation split with boxes as test.

The pictures lie in `train/<wnid>/` and `val/` (flat, or in folders of wnids), the boxes in
`Annotations/val/*.xml`; all of that directly in the folder or as the Kaggle archive packs it,
`ILSVRC/Data/CLS-LOC/` and `ILSVRC/Annotations/CLS-LOC/`, with `LOC_synset_mapping.txt` and
`LOC_val_solution.csv` beside. Any subset of the classes will do.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from dfm_viz.checkpoint.imagenet import short_names
from dfm_viz.layouts import files_in
from dfm_viz.types import Box, UserError
from training.data.annotation import Truth, read_truth
from training.data.base import DataSet, Item, Problem, find_root, short
from training.data.synsets import descriptions, is_id

LICENCE = (
    "Trained on ImageNet ILSVRC 2012 pictures: non-commercial research and education only, under "
    "ImageNet's terms of access; the pictures are not redistributed."
)


@dataclass(frozen=True)
class Places:
    """Where one copy keeps its parts; each may be absent."""

    train: Path
    val: Path
    annotations: Path
    lists: Path


def find_places(root: Path) -> Places | None:
    """The parts of a copy in either layout; None where there is neither train nor val."""
    for inner in (root, root / "ILSVRC"):
        for tail in ("", "Data/CLS-LOC"):
            train, val = inner / tail / "train", inner / tail / "val"
            flat = val.is_dir() and any(p.match("ILSVRC2012_val_*.*") for p in val.iterdir())
            if flat or _wnids(train) or _wnids(val):
                notes = inner / "Annotations"
                nested = notes / "CLS-LOC" / "val"
                return Places(train, val, nested if nested.is_dir() else notes / "val", root)
    return None


def load(data_root: Path) -> DataSet:
    """List the pictures and read the validation truths; the validation split becomes `test`.

    Class and boxes of a validation picture come from its XML, else from `LOC_val_solution.csv`,
    else (class only) from its folder. Classes are in the order of their wnids; their names come
    from `LOC_synset_mapping.txt`, else they are the wnids.

    Raises:
        UserError: no such layout, a damaged list.
    """
    root = find_root(data_root, lambda p: find_places(p) is not None, "ILSVRC 2012")
    places = find_places(root)
    assert places is not None
    problems: list[tuple[Problem, str]] = []
    train = [
        (path, wnid) for wnid in _wnids(places.train) for path in files_in(places.train / wnid)
    ]
    truths = _truths(places, problems)
    wnids = sorted(set(_wnids(places.train)) | {t.name for _, t in truths})
    index = {wnid: i for i, wnid in enumerate(wnids)}
    described = descriptions(root / "LOC_synset_mapping.txt")
    names = short_names({**{wnid: wnid for wnid in wnids}, **described})
    return DataSet(
        root,
        tuple(names[wnid] for wnid in wnids),
        tuple(Item(path, index[wnid]) for path, wnid in train),
        tuple(Item(path, index[truth.name], truth.boxes) for path, truth in truths),
        LICENCE,
        problems=tuple(problems),
    )


def load_halves(data_root: Path) -> DataSet:
    """`load`, with the labelled validation pictures cut in two: one half to choose on, one to test.

    In file order every second one is `val`, the others are `test`; training pictures stay whole.
    For those who choose settings by boxes, which training pictures do not have here.
    """
    whole = load(data_root)
    splits = (
        f"Of ILSVRC's {len(whole.test)} labelled validation pictures at hand, every second one in "
        f"file order is our validation split, the others are our test split."
    )
    return replace(whole, val=whole.test[1::2], test=whole.test[::2], splits=splits)


def _wnids(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if is_id(p.name) and p.is_dir())


def _truths(places: Places, problems: list[tuple[Problem, str]]) -> list[tuple[Path, Truth]]:
    """Every validation picture with its class and boxes; what does not fit goes to `problems`."""
    pictures = [(path, "") for path in files_in(places.val) if path.suffix.lower() != ".xml"]
    for wnid in _wnids(places.val):
        pictures += [(path, wnid) for path in files_in(places.val / wnid)]
    solution = _solution(places.lists / "LOC_val_solution.csv", problems)
    found = []
    for path, wnid in tqdm(
        pictures, desc="reading annotations", unit="", leave=False, disable=None
    ):
        truth = solution.get(path.stem, Truth(wnid, ())) if path.stem in solution or wnid else None
        note = places.annotations / f"{path.stem}.xml"
        if note.is_file():
            try:
                truth = read_truth(note)
            except ValueError as error:
                problems.append((Problem.ANNOTATION, f"{note.name}: {error}"))
                continue
        if truth is None:
            problems.append((Problem.ANNOTATION, f"{path.name}: no XML file and no line has it"))
        elif wnid and truth.name != wnid:
            told = f"{short(path)}: its annotation says {truth.name}"
            problems.append((Problem.ANNOTATION, told))
        else:
            found.append((path, truth))
    return found


def _solution(path: Path, problems: list[tuple[Problem, str]]) -> dict[str, Truth]:
    """Picture -> truth, from lines such as `ILSVRC2012_val_00000001,n01440764 1 2 30 40 `."""
    if not path.is_file():
        return {}
    found = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))[1:]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path.name} cannot be read ({error}); restore the file.") from None
    for number, row in enumerate(rows, start=2):
        words = row[1].split() if len(row) == 2 else []
        try:
            if not words or len(words) % 5 or not is_id(words[0]):
                raise ValueError
            boxes: list[Box] = []
            for at in range(0, len(words), 5):
                x0, y0, x1, y1 = (float(word) for word in words[at + 1 : at + 5])
                if words[at] == words[0]:
                    boxes.append((x0, y0, x1, y1))
        except ValueError:
            problems.append((Problem.ANNOTATION, f"{path.name} line {number}"))
            continue
        found[row[0]] = Truth(words[0], tuple(boxes))
    return found
