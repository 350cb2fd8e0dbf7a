"""What the Failures tab asks of the server: pages of rows, counts, charts and small pictures."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import plotly

from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.lookup import default_root
from dfm_viz.methods import METHODS
from dfm_viz.methods.params import Number
from dfm_viz.records.failures import PAGE, Wanted, counts, error_counts, find, matching, parse
from dfm_viz.records.sets import ERRORS, RecordFile, RecordSet
from dfm_viz.render.failure_charts import error_bars, iou_scatter
from dfm_viz.types import UserError
from dfm_viz.ui.answers import Answer, sentence
from dfm_viz.ui.failure_words import COMMANDS, ERROR_WORDS, FLAGS, ORDERS, error
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.pictures import preview
from dfm_viz.ui.records import Recorded, Shelf, Shelved

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
"""The one file that the page may load: plotly.js as the installed package ships it."""
TILE_SIDE = 320
"""Longest side of a picture in the gallery, px."""


class Failures:
    """The server side of the Failures tab."""

    SERVER = ("failures_start", "failures_find", "failures_charts", "failures_pictures")
    """Methods that the page's script may call."""

    def __init__(self, explore: Explore) -> None:
        """Share the families of `explore`, which learns to open recorded pictures."""
        self.explore = explore
        self.shelf = Shelf(explore.root or default_root(), explore.records, explore.data_root)
        self._tiles = Cache(64 * 2**20)
        explore.recorded = self.recorded

    @sentence
    def failures_start(self, query: Mapping[str, Any]) -> Answer:
        """The sets of records there are, what is wrong with others, and the words of the tab."""
        sets, problems = self.shelf.look()
        return {
            "sets": [self._set(one) for one in sets],
            "problems": problems,
            "errors": [error(name) for name in ERROR_WORDS],
            "orders": [{"name": str(n), "title": t} for n, t in ORDERS.items()],
            "commands": list(COMMANDS),
            "plotly": PLOTLY.as_posix(),
        }

    def _set(self, one: RecordSet) -> Answer:
        about = one.about
        homes = {self._home(file)[0] for file in one.files.values()}
        info = next((f for f in self.explore.families if {f.name} == homes), None)
        kinds = {"train": "training pictures", "val": "validation pictures"}
        return {
            "id": one.id,
            "title": info.title if info else one.place,
            "families": sorted(home for home in homes if home),
            "about": f"{about.pictures:,} {kinds.get(about.split, 'test pictures')}".replace(
                ",", "\u202f"
            ),
        }

    @sentence
    def failures_find(self, query: Mapping[str, Any]) -> Answer:
        """One page of the pictures that a question is about, and the count of every choice.

        `query` has `set`, what `failures.parse` reads, and `page` (from 0) or `show`, the number of
        a picture whose page is wanted.
        """
        shelved = self.shelf.take(query.get("set"))
        study = shelved.study
        wanted, ignored = parse(query, study)
        numbers = find(study, wanted)
        pages = max(1, -(-len(numbers) // PAGE))
        page = min(max(_whole(query.get("page")), 0), pages - 1)
        found = np.flatnonzero(numbers == _whole(query.get("show"), -1))
        if len(found):
            page = int(found[0]) // PAGE
        here = numbers[page * PAGE : (page + 1) * PAGE].tolist()
        return {
            "question": _plain(wanted, shelved),
            "ignored": ignored,
            "total": len(study.first.pictures),
            "count": len(numbers),
            "page": page,
            "pages": pages,
            "first": page * PAGE,
            "rows": [self._row(shelved, wanted, number) for number in here],
            "counts": counts(study, wanted),
            "methods": self._methods(shelved),
            "columns": [{"key": k, "title": self._column(shelved, k)} for k in study.columns],
            "flags": [
                {"name": str(flag), "title": title, "hint": hint, "able": study.can(flag)}
                for flag, (title, hint) in FLAGS.items()
            ],
            "pictures": shelved.pictures.there,
            "problems": list(shelved.problems),
            "notes": self._notes(shelved),
            "opens": self._opens(shelved, wanted),
        }

    def _methods(self, shelved: Shelved) -> list[Answer]:
        rows = shelved.study.rows
        return [
            {"name": n, "title": self._title(shelved, n), "modes": list(r.modes)}
            for n, r in rows.items()
        ]

    def _notes(self, shelved: Shelved) -> list[str]:
        """What a visitor must know about these records beside what is wrong with them."""
        notes = []
        if self.shelf.beside(shelved.set):
            notes.append(
                "Some records here are about other pictures (another split or version of the "
                "data). They are not mixed: choose them under Records."
            )
        bare = not shelved.study.first.about.truths
        if not shelved.pictures.there:
            notes.append(
                f"The photographs are not here, so only the {'predicted ' * bare}boxes are drawn. "
                f"To see them{' and the true boxes' * bare}, start the app with --data-root and "
                f"the folder of the data set."
            )
        if bare and not shelved.pictures.listed:
            notes.append(
                "The data set's terms do not let us hand on its true boxes: every number here was "
                "measured with them, but a dashed true box is drawn only where the data set is. "
                "Other thresholds need it too; these records hold .2."
            )
        return notes

    def _row(self, shelved: Shelved, wanted: Wanted, number: int) -> Answer:
        study, first = shelved.study, shelved.study.first
        judged = study.judged(wanted.method, wanted.mode)
        size = [int(first.width[number]), int(first.height[number])]
        peak = judged.peak[number]
        return {
            "number": number,
            "name": _name(first.pictures[number]),
            "class": first.classes[first.label[number]],
            "said": judged.said[number],
            "score": float(judged.score[number]),
            "correct": bool(judged.correct[number]),
            "iou": float(judged.iou[number]),
            "error": ERRORS[judged.error[number]],
            "box": judged.box[number].tolist(),
            "peak": None if np.isnan(peak).any() else ((peak + 0.5) / 224 * size).tolist(),
            "truths": [list(box) for box in shelved.pictures.true_boxes(first, number)],
            "objects": int(first.objects[number]),
            "width": size[0],
            "height": size[1],
            "ious": {key: float(study.column(key).iou[number]) for key in study.columns},
            "record": f"{shelved.set.id}/{number}",
        }

    @sentence
    def failures_charts(self, query: Mapping[str, Any]) -> Answer:
        """Both charts for a question; `x` and `y` name the columns of the scatter."""
        shelved = self.shelf.take(query.get("set"))
        study = shelved.study
        wanted, _ = parse(query, study)
        x, y = self._axes(query, shelved, wanted)
        match = matching(study, wanted)
        titles = (self._column(shelved, x), self._column(shelved, y))
        scatter, drawn = iou_scatter(
            study.column(x).iou,
            study.column(y).iou,
            study.judged(wanted.method, wanted.mode).error,
            match,
            name=lambda number: _name(study.first.pictures[number]),
            titles=titles,
            errors=[ERROR_WORDS[kind][0] for kind in ERRORS],
        )
        found = error_counts(study, wanted)
        order = [ERRORS.index(kind) for kind in ERROR_WORDS]
        bars = error_bars(
            {name: [numbers[i] for i in order] for name, numbers in found.items()},
            titles={name: self._title(shelved, name) for name in found},
            errors={kind: title for kind, (title, _) in ERROR_WORDS.items()},
        )
        above = int((match & (study.column(y).iou > study.column(x).iou)).sum())
        listed = found[wanted.method]
        return {
            "scatter": scatter.to_json(),
            "bars": bars.to_json(),
            "x": x,
            "y": y,
            "drawn": drawn,
            "count": int(match.sum()),
            "scatter_text": f"IoU of {titles[0]} against {titles[1]}: {int(match.sum())} pictures; "
            f"{titles[1]} has the higher IoU in {above} of them.",
            "bars_text": f"Error types of {self._title(shelved, wanted.method)}: "
            + ", ".join(f"{t} {listed[ERRORS.index(k)]}" for k, (t, _) in ERROR_WORDS.items())
            + ".",
        }

    def _axes(self, query: Mapping[str, Any], shelved: Shelved, wanted: Wanted) -> tuple[str, str]:
        """The two columns asked for; by default CAM's and the listed method's."""
        study = shelved.study

        def column(name: str) -> str:
            return f"{name}/{study.mode_of(name, wanted.mode)}"

        before = study.slot("cam", wanted) or next(iter(study.rows))
        after = wanted.method if wanted.method != before else study.favourite
        x, y = query.get("x"), query.get("y")
        return (
            x if x in study.columns else column(before),
            y if y in study.columns else column(after),
        )

    @sentence
    def failures_pictures(self, query: Mapping[str, Any]) -> Answer:
        """Small pictures by number, as data URLs, or a sentence each; at most one page of them."""
        shelved = self.shelf.take(query.get("set"))
        asked = query.get("numbers")
        listed = asked[:PAGE] if isinstance(asked, list) else []
        numbers = [n for n in listed if _whole(n, -1) >= 0]
        found: dict[str, Answer] = {}
        for number in numbers:
            try:
                found[str(number)] = {"url": self._tile(shelved, _number(shelved, number))}
            except UserError as error:
                found[str(number)] = {"error": str(error)}
        return {"pictures": found}

    def _tile(self, shelved: Shelved, number: int) -> str:
        def draw() -> str:
            picture = shelved.pictures.read(shelved.study.first, number)
            return preview(picture, TILE_SIDE)

        key = (shelved.set.id, number, shelved.pictures)
        tile: str = self._tiles.get(key, draw, len)
        return tile

    def recorded(self, token: object) -> Recorded:
        """The picture behind the `record` of a row, with its true boxes, for Explore.

        Raises:
            UserError: no such row, or its picture is not at hand.
        """
        name, _, text = str(token)[:400].rpartition("/")
        shelved = self.shelf.take(name)
        rows = shelved.study.first
        number = _number(shelved, int(text) if text.isdecimal() and len(text) < 9 else None)
        picture = shelved.pictures.read(rows, number)
        title = f"{rows.classes[rows.label[number]]}, {_name(rows.pictures[number])}"
        return Recorded(title, shelved.pictures.true_boxes(rows, number), picture)

    def _opens(self, shelved: Shelved, wanted: Wanted) -> Answer:
        """With what Explore opens a row: family, method and settings; or why it cannot."""
        file = shelved.set.files[wanted.method]
        family, name = self._home(file)
        if family is None:
            return {
                "error": f"The checkpoint {file.about.name} that these records are about is not "
                f"among the app's; start it with --families and the folder around its family."
            }
        trained = self.explore.family(family).checkpoints.trained_params()
        numbers = [n for n, kind in trained.kinds().items() if isinstance(kind, Number)]
        values = {name: getattr(trained, name) for name in numbers}
        return {
            "family": family,
            "method": name,
            "settings": {**values, "mode": wanted.mode, "threshold": 0.2},
        }

    def _home(self, file: RecordFile) -> tuple[str | None, str]:
        """The family and the name in it of the very checkpoint that was evaluated."""
        return self._by_hash.get(file.about.checkpoint, (None, file.name))

    @functools.cached_property
    def _by_hash(self) -> dict[str, tuple[str | None, str]]:
        return {
            card.sha256: (info.name, name)
            for info in reversed(self.explore.families)
            for name, card in self.explore.family(info.name).checkpoints.cards.items()
        }

    def _title(self, shelved: Shelved, name: str) -> str:
        """A method as people write it."""
        file = shelved.set.files[name]
        family, there = self._home(file)
        info = next((f for f in self.explore.families if f.name == family), None)
        if info is not None and there in info.methods:
            return info.titles[info.methods.index(there)]
        known = METHODS.get(file.about.method)
        title = known.title if known else file.about.method
        return title if name == file.about.method else f"{title} ({name})"

    def _column(self, shelved: Shelved, key: str) -> str:
        name, _, mode = key.rpartition("/")
        title = self._title(shelved, name)
        return title if len(shelved.study.rows[name].modes) == 1 else f"{title} {mode}"


def _plain(wanted: Wanted, shelved: Shelved) -> Answer:
    """A question as the page sends it."""
    outline = wanted.outline
    return {
        "set": shelved.set.id,
        "method": wanted.method,
        "mode": wanted.mode,
        "errors": sorted(wanted.errors),
        "class": wanted.label,
        "iou": [wanted.low, wanted.high],
        "flags": sorted(map(str, wanted.flags)),
        "lasso": outline
        and {"x": outline.x, "y": outline.y, "corners": [list(c) for c in outline.corners]},
        "order": str(wanted.order),
    }


def _name(picture: str) -> str:
    """A recorded file without its folders."""
    return picture.rpartition("/")[2]


def _whole(value: object, otherwise: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _number(shelved: Shelved, value: object) -> int:
    number = _whole(value, -1)
    if not 0 <= number < len(shelved.study.first.pictures):
        raise UserError("There is no such picture in these records; choose another.")
    return number
