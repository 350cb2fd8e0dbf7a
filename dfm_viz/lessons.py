"""Which pictures a family shows, and what is to be seen on each: found by asking it, not by hand.

The rule. Every picture of a family's own classes with true boxes is asked about as the page does
at first sight (DFM in mode `expected`, threshold .2); checkpoints that were not trained say
nothing. On each picture a kind of lesson holds if its condition does, and the stronger, the better:

- `dfm_best`, `method_best`: CAM's IoU is < .5, the best other method's >= .5. Stronger: gain.
- `part_only`: CAM's IoU < .5, more than half of its box lies on the object, and it covers less than
  .7 of that. Stronger: less IoU.
- `spills`: an erasing method's IoU is < .5 and below CAM's, though its box covers .7 of it.
  Stronger: loss on CAM.
- `threshold_decides`: CAM's IoU is < .5 at .2 and >= .5 at its best threshold, there above
  the whole picture's by .05. Stronger: gain.
- `cam_right`: CAM's IoU is >= .5 and no other's higher by .05. Stronger: gain on the whole picture.
- `all_fail`: every method's IoU is < .5, CAM's at every threshold. Stronger: less IoU.

But for `all_fail`, CAM's class has to be right. Kinds take turns in this order, each taking the
picture where it is strongest among those left, until `WANTED` are chosen. A family with fewer
pictures than that shows all; where no kind holds, the caption gives the numbers alone. Only
pictures with one true box are chosen where there are enough. Where a family has records of its
pictures (`records/` in its folder), the rule narrows them down to twice as many by these first, and
asks the networks about those alone: seconds instead of minutes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from dfm_viz import toy
from dfm_viz.box_sweep import sweep
from dfm_viz.boxes import SIDE, GridBox, best_iou, iog, iop, resize_box
from dfm_viz.examples import Example, pets, photographs, toy_example
from dfm_viz.examples.lessons import LESSONS, scenes
from dfm_viz.files import write_file
from dfm_viz.inspection import Family, Settings, load_family
from dfm_viz.known_failures import families_under
from dfm_viz.records.format import read_records
from dfm_viz.types import Mode

SHOWS = (
    *("dfm_best", "method_best", "part_only", "spills"),
    *("threshold_decides", "cam_right", "all_fail"),
)
"""The kinds of lesson, in the order in which they take turns."""
WANTED = 12
"""So many pictures a family shows, if it has them."""
RIGHT = 0.5
COVERED = 0.7
_WHOLE = (0, 0, SIDE - 1, SIDE - 1)
_COLUMNS = (
    *("picture", "mode", "correct", "iou", "iop", "iog", "curve_own"),
    *("truths", "width", "height"),
)
_SEEDS = range(9000, 9024)
"""Scenes a family of the toy world is asked about."""


@dataclass(frozen=True)
class Seen:
    """What one method makes of one picture.

    Attributes:
        title: What people call the method.
        right: Whether it names a class that the picture shows.
        iou: With the true box it overlaps best, at the usual threshold.
        on: Share of its box that lies on the object.
        covers: Share of the object that its box covers.
        best: The highest IoU of any threshold.
        at: That threshold, the lowest there is.
        whole: What a box around the whole picture would score.
    """

    title: str
    right: bool
    iou: float
    on: float
    covers: float
    best: float
    at: float
    whole: float


Answers = Mapping[str, Seen]
"""Method -> what it makes of a picture; CAM's is among them."""


def strength(kind: str, seen: Answers) -> float | None:
    """How strongly a kind of lesson shows on a picture; None where it does not hold."""
    cam = seen["cam"]
    others = {name: answer for name, answer in seen.items() if name != "cam"}
    if kind != "all_fail" and not cam.right:
        return None
    if kind in ("dfm_best", "method_best"):
        best = max(others, key=lambda name: others[name].iou, default="")
        if not best or cam.iou >= RIGHT or others[best].iou < RIGHT:
            return None
        mine = best.partition("_")[0] == "dfm"
        return others[best].iou - cam.iou if mine == (kind == "dfm_best") else None
    if kind == "part_only":
        holds = cam.iou < RIGHT and cam.on > 0.5 and cam.covers < COVERED
        return 1 - cam.iou if holds else None
    if kind == "spills":
        worst = _spilling(seen)
        return None if worst is None else cam.iou - seen[worst].iou
    if kind == "threshold_decides":
        decides = cam.iou < RIGHT <= cam.best and cam.best > cam.whole + 0.05
        return cam.best - cam.iou if decides else None
    if kind == "cam_right":
        best_other = max((answer.iou for answer in others.values()), default=0.0)
        return cam.iou - cam.whole if cam.iou >= RIGHT and best_other < cam.iou + 0.05 else None
    fails = cam.best < RIGHT and all(answer.iou < RIGHT for answer in seen.values())
    return 1 - max(answer.iou for answer in seen.values()) if fails else None


def caption(kind: str, seen: Answers) -> str:
    """What is to be seen, in a sentence; every number in it is measured on this picture."""
    cam = seen["cam"]
    rest = [f"{answer.title} {_share(answer.iou)}" for n, answer in seen.items() if n != "cam"]
    others = f" ({', '.join(rest)})" if rest else ""
    if kind in ("dfm_best", "method_best"):
        best = max((n for n in seen if n != "cam"), key=lambda n: seen[n].iou)
        left = [f"{a.title} {_share(a.iou)}" for n, a in seen.items() if n != best]
        won = seen[best]
        return f"{won.title} finds the object: IoU {_share(won.iou)}, against {', '.join(left)}."
    if kind == "part_only":
        return (
            f"Only a part: CAM's box covers {cam.covers:.0%} of the object, IoU "
            f"{_share(cam.iou)}{others}."
        )
    if kind == "spills":
        worst = _spilling(seen)
        assert worst is not None
        spilt = seen[worst]
        return (
            f"{spilt.title} spills: {1 - spilt.on:.0%} of its box lies beside the object, IoU "
            f"{_share(spilt.iou)}; CAM {_share(cam.iou)}."
        )
    if kind == "threshold_decides":
        return (
            f"The threshold decides: CAM's box has IoU {_share(cam.iou)} at .2 and "
            f"{_share(cam.best)} at {_share(cam.at)}; move the slider."
        )
    if kind == "cam_right":
        return f"CAM is right: IoU {_share(cam.iou)}{others}."
    if kind == "all_fail":
        return f"All fail: CAM's box has IoU {_share(cam.iou)}{others}; .5 would be right."
    return f"IoU with the true box at threshold .2: CAM {_share(cam.iou)}{others}."


def choose(pictures: Mapping[str, Answers], count: int = WANTED) -> list[tuple[str, str]]:
    """The pictures that are shown, as (id, kind), by the rule above; "" where no kind holds."""
    chosen: list[tuple[str, str]] = []
    left = dict(pictures)
    while left and len(chosen) < count:
        before = len(chosen)
        for kind in SHOWS:
            found = {
                name: value
                for name, seen in left.items()
                if (value := strength(kind, seen)) is not None
            }
            if found and len(chosen) < count:
                best = max(found, key=lambda name: (found[name], name))
                chosen.append((best, kind))
                del left[best]
        if len(chosen) == before:
            break
    if len(pictures) <= count:
        chosen += [(name, "") for name in left]
    return chosen


def look(family: Family, example: Example) -> Answers:
    """Ask a family's trained checkpoints about one picture, as the page does at first sight.

    Raises:
        UserError: A damaged checkpoint or picture.
    """
    result = family.inspect(family.open(example.read()), Settings(), example.truths)
    size = (result.width, result.height)
    truths = [resize_box(box, size, (SIDE, SIDE)) for box in example.truths]
    seen = {}
    for name, method in result.methods.items():
        if name in family.checkpoints.cards and method.trained:
            curve, _ = sweep(method.grid).curves(truths)
            level = int(curve.argmax())
            peak = max(int(method.grid.max()), 1)
            seen[name] = Seen(
                title=method.title,
                right=method.label in example.classes,
                iou=best_iou(method.box_grid, truths),
                on=max(iop(method.box_grid, box) for box in truths),
                covers=max(iog(method.box_grid, box) for box in truths),
                best=float(curve[level]),
                at=float(np.ceil(100 * level / peak)) / 100,
                whole=best_iou(_WHOLE, truths),
            )
    return seen


def recorded(family: Family, asked: Mapping[str, Example]) -> dict[str, Answers]:
    """What the records in a family's folder say about pictures; {} unless they say it of all.

    Args:
        family: Its trained checkpoints must all have records.
        asked: Examples by id; files are found by their name.

    Raises:
        UserError: Damaged records.
    """
    ids = {e.path.name: name for name, e in asked.items() if e.path is not None}
    found: dict[str, dict[str, Seen]] = {name: {} for name in asked}
    for method, card in family.checkpoints.cards.items():
        path = family.checkpoints.folder / "records" / f"{method}.parquet"
        if not card.trained or not path.is_file():
            return {}
        about, table = read_records(path, _COLUMNS)
        mode = str(Mode.EXPECTED if Mode.EXPECTED in about.modes else Mode.OFF)
        for row in table.filter(pc.equal(table["mode"], mode)).to_pylist():
            if name := ids.get(row["picture"].rpartition("/")[2]):
                curve = np.asarray(row["curve_own"])
                found[name][method] = Seen(
                    title=family.checkpoints.title(method),
                    right=row["correct"],
                    iou=row["iou"],
                    on=row["iop"],
                    covers=row["iog"],
                    best=float(curve.max()),
                    at=float(curve.argmax()) / 255,
                    whole=best_iou(_WHOLE, _truths(row)),
                )
    whole = all(set(seen) == set(family.checkpoints.cards) for seen in found.values())
    return dict(found) if whole and found else {}


def _truths(row: Mapping[str, Any]) -> list[GridBox]:
    size = (row["width"], row["height"])
    return [resize_box(box, size) for box in row["truths"]]


def candidates(family: Family) -> tuple[Example, ...]:
    """The pictures of a family's own classes that may be shown to anybody."""
    info = family.info
    own = [e for e in (*photographs(), *pets()) if e.families([info])]
    single = [example for example in own if len(example.truths) == 1]
    if not own and set(toy.CLASSES) <= set(info.classes):
        return tuple(toy_example(seed) for seed in _SEEDS)
    return tuple(single if len(single) >= WANTED else own)


def find_lessons(family: Family) -> list[dict[str, Any]]:
    """The rows of `lessons.json` for a family: example, shows, caption, and IoU by method.

    Raises:
        UserError: A damaged checkpoint or picture.
    """
    asked = {example.id: example for example in candidates(family)}
    if known := recorded(family, asked):
        asked = {name: asked[name] for name, _ in choose(known, 2 * WANTED)}
    pictures = {name: look(family, example) for name, example in asked.items()}
    return [
        {
            "example": name,
            "shows": kind,
            "caption": caption(kind, pictures[name]),
            "iou": {method: round(seen.iou, 4) for method, seen in pictures[name].items()},
        }
        for name, kind in choose(pictures)
    ]


def write_lessons(
    folder: Path, device: str = "auto", out: Path = LESSONS
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Find the lessons of a family, or of every family in a folder, and keep them.

    What is known of other families stays, unless their folder is no longer beside these. Families
    that `scenes.json` has scenes for are left out: their words come from there.

    Yields:
        Family name and its rows.

    Raises:
        UserError: No family there, a damaged one, a file that cannot be written.
    """
    paths = families_under(folder)
    told = {name for scene in scenes() for name in scene["families"]}
    known = json.loads(out.read_text(encoding="utf-8"))["families"] if out.is_file() else {}
    if folder not in paths:
        known = {name: rows for name, rows in known.items() if name in {p.name for p in paths}}
    for path in paths:
        known.pop(path.name, None)
        if path.name not in told:
            family = load_family(path.resolve(), device=device)
            weights = {name: card.sha256[:16] for name, card in family.checkpoints.cards.items()}
            rows = find_lessons(family)
            known[path.name] = {"weights": weights, "pictures": rows}
            yield path.name, rows
    text = json.dumps({"families": dict(sorted(known.items()))}, indent=1, ensure_ascii=False)
    write_file(out, text + "\n")


def _spilling(seen: Answers) -> str | None:
    """The erasing method that spills worst, if CAM does better."""
    found = [
        name
        for name, answer in seen.items()
        if name != "cam"
        and answer.iou < RIGHT
        and answer.covers >= COVERED
        and answer.iou < seen["cam"].iou
    ]
    return min(found, key=lambda name: seen[name].iou, default=None)


def _share(value: float) -> str:
    """A share as the page writes it: .41, 1.00."""
    return f"{value:.2f}".removeprefix("0")
