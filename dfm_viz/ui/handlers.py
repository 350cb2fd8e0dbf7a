"""What the Explore page asks of the server, as plain functions: no Gradio here."""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dfm_viz import toy
from dfm_viz.examples import Example, examples, local_examples, pets, toy_example
from dfm_viz.examples.lessons import first, lessons
from dfm_viz.inspection import (
    Colormap,
    Family,
    FamilyInfo,
    Opened,
    Settings,
    list_families,
    load_family,
)
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.lookup import pick_device
from dfm_viz.pictures import Picture
from dfm_viz.render.scales import colormap
from dfm_viz.types import UserError
from dfm_viz.ui import payload, words
from dfm_viz.ui.answers import Answer, sentence
from dfm_viz.ui.pictures import Pictures, preview, take_upload, thumbnail, upload
from dfm_viz.ui.records import Recorded

_EXAMPLE = "example/"
_RECORD = "record/"
_LOG = logging.getLogger(__name__)


class Explore:
    """The server side of the Explore page: families, examples and the pictures opened so far."""

    SERVER = ("start", "open", "inspect", "discard")
    """Methods that the page's script may call."""

    def __init__(
        self,
        families: Path | None = None,
        data_root: Path | None = None,
        device: str = "auto",
        uploads: Path | None = None,
        records: Path | None = None,
    ) -> None:
        """Remember where things are; nothing is loaded yet.

        Args:
            families: folder of checkpoint families, or None for the shipped one.
            data_root: folder of data sets whose pictures become examples too, or None.
            device: auto, cpu or cuda.
            uploads: folder that uploads are put into, or None: no uploads.
            records: folder of one's own evaluation records, or None.
        """
        self.root = families
        self.data_root = data_root
        self.device = device
        self.uploads = uploads
        self.records = records
        self.recorded: Callable[[str], Recorded] | None = None
        """How to open the picture behind a record; the Failures tab says so."""
        self.pictures = Pictures()
        self._opened = Cache(256 * 2**20)

    @functools.cached_property
    def families(self) -> tuple[FamilyInfo, ...]:
        """The families there are, the one for any picture first."""
        found = list_families(self.root)
        if not found:
            raise UserError("There are no checkpoints here; give their folder with --families.")
        return tuple(sorted(found, key=lambda f: (-len(f.classes), -len(f.trained))))

    @functools.cached_property
    def examples(self) -> dict[str, Example]:
        """Example id -> example: photographs, the toy scene, local pictures where there are any."""
        found = list(examples())
        if self.data_root is not None:
            there = {example.id for example in found}  # the pets may be in both
            found += [e for e in local_examples(self.data_root) if e.id not in there]
        return {example.id: example for example in found}

    def example(self, name: str) -> Example | None:
        """The example of that id, or any generated scene by its seed (`toy-7`), or None."""
        if name not in self.examples and (found := toy.parse_scene_id(name)) is not None:
            seed, world = found
            return toy_example(seed, world=world)
        return self.examples.get(name) or next((pet for pet in pets() if pet.id == name), None)

    @functools.lru_cache(maxsize=64)  # noqa: B019 - one Explore lives as long as the process
    def family(self, name: str) -> Family:
        """The family of that name; only names in the list are accepted."""
        if name not in {info.name for info in self.families}:
            known = ", ".join(info.name for info in self.families)
            raise UserError(f"There is no family {name!r}; there are: {known}.")
        return load_family(name, self.root, self.device)

    @functools.cached_property
    def _facts(self) -> Answer:
        family, first = self._first()
        return {
            "families": [_family(info) for info in self.families],
            "family": family,
            "examples": [_example(e, self.families) for e in self.examples.values()],
            "groups": words.groups(),
            "choices": words.choices(),
            "settings": words.default_settings(),
            "colormaps": [_colours(name) for name in Colormap],
            "view": {"example": first, "opacity": Settings().opacity},
        }

    def _first(self) -> tuple[str, str | None]:
        """Family and example to begin with: those of `first.json`, else what there is instead.

        An example of the family's own classes, if it has one.
        """
        wanted, example = first()
        names = [info.name for info in self.families]
        family = self.families[names.index(wanted) if wanted in names else 0]
        if family.name == wanted and example in self.examples:
            return wanted, example
        own = [e.id for e in self.examples.values() if e.families([family])]
        told = [lesson.example for lesson in lessons().get(family.name, ())]
        choice = (*(name for name in told if name in own), *own, *self.examples)
        return family.name, next(iter(choice), None)

    @sentence
    def start(self, query: Mapping[str, Any]) -> Answer:
        """Everything the page needs before the first picture."""
        return self._facts

    @sentence
    def open(self, query: Mapping[str, Any]) -> Answer:
        """Take a picture in: {"example": id} or {"upload": path, "name": file name}.

        With "stretch": true a dark upload of 16 bits is stretched.

        Or {"record": id}, where a row of the Failures tab says the id, `<set>/<number>`.
        """
        if "example" in query:
            example = self.example(str(query["example"]))
            if example is None:
                raise UserError("There is no such example; choose another.")
            token = _EXAMPLE + example.id
            picture = self.picture(token)
            title, boxes = example.title, [list(box) for box in example.truths]
        elif "record" in query and self.recorded is not None:
            found = self.recorded(str(query["record"]))
            token = _RECORD + str(query["record"])
            picture = self.pictures.get(token, lambda: found.picture)
            title, boxes = found.title, [list(box) for box in found.truths]
        elif "upload" in query and self.uploads is not None:
            stretch = query.get("stretch") is True
            picture = take_upload(query["upload"], query.get("name", ""), self.uploads, stretch)
            token = self.pictures.add(picture)
            title, boxes = str(query.get("name", "")) or "your picture", []
        else:
            raise UserError("Nothing to open; choose an example or a file.")
        return {
            "picture": token,
            "title": title,
            "width": picture.width,
            "height": picture.height,
            "boxes": boxes,
            "preview": preview(picture),
            "notes": list(picture.notes),
            "stretchable": picture.stretchable,
        }

    @sentence
    def discard(self, query: Mapping[str, Any]) -> Answer:
        """Delete {"upload": path}: the visitor chose something else while it was being sent."""
        if self.uploads is not None:
            with upload(query.get("upload"), self.uploads):
                pass
        return {}

    def picture(self, token: object) -> Picture:
        """The opened picture of a token; what is no upload is read again when it was dropped."""
        again: Callable[[], Picture] | None = None
        if isinstance(token, str) and token.startswith(_EXAMPLE):
            example = self.example(token.removeprefix(_EXAMPLE))
            again = example.read if example else None
        elif isinstance(token, str) and token.startswith(_RECORD) and self.recorded is not None:
            row, recorded = token.removeprefix(_RECORD), self.recorded

            def again() -> Picture:
                return recorded(row).picture

        return self.pictures.get(token, again)

    @sentence
    def inspect(self, query: Mapping[str, Any]) -> Answer:
        """Answer one view: what changed since the parts that the page says it has."""
        name = str(query.get("family", ""))
        family = self.family(name)
        opened = self.prepared(name, query.get("picture"))
        truths = query.get("truths") or []
        inspection = family.inspect(opened, _settings(query.get("settings")), truths)
        point = str(query.get("point"))
        if point not in inspection.points:
            point = list(inspection.points)[-1]
        maps = inspection.points[point]
        channel: Any = query.get("channel")
        if channel != payload.MEAN and not _is_index(channel, len(maps.C_A)):
            channel = payload.default_channel(maps)
        have, shown = query.get("have"), query.get("shown")
        seen = shown if isinstance(shown, list) else list(inspection.methods)
        fresh, gone = payload.parts(
            payload.arrays(inspection, point, channel, seen),
            have if isinstance(have, Mapping) else {},
        )
        info = payload.facts(
            inspection,
            picture=str(query["picture"]),
            truths=truths,
            point=point,
            channel=channel,
            trained=family.checkpoints.trained_params(),
            guess=query.get("guess"),
        )
        return {"info": info, "parts": fresh, "gone": gone}

    def prepared(self, family: str, token: object) -> Opened:
        """The picture prepared for a family's networks, kept for the next question."""
        picture = self.picture(token)

        def prepare() -> Opened:
            return self.family(family).open(picture)

        opened: Opened = self._opened.get((family, token), prepare, lambda o: o.nbytes)
        return opened

    def check(self) -> None:
        """Look at what was given at the start, before anybody visits; UserError if it is wrong."""
        pick_device(self.device)
        if self.records is not None and not self.records.is_dir():
            raise UserError(f"There is no folder of records {self.records}; see --records.")
        _ = self.families, self.examples

    def warm_up(self) -> None:
        """Ask what a first visitor's page asks, so that nobody waits for it; trouble is logged."""
        facts = self.start({})
        answer = facts
        if "error" not in facts and facts["view"]["example"]:
            answer = opened = self.open({"example": facts["view"]["example"]})
            if "error" not in opened:
                question = {"family": facts["family"], "settings": facts["settings"]}
                seen = {"picture": opened["picture"], "truths": opened["boxes"]}
                answer = self.inspect({**question, **seen})
        if "error" in answer:
            _LOG.warning("nothing is prepared for the first visitor: %s", answer["error"])


def _is_index(value: object, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


def _settings(values: object) -> Settings:
    if not isinstance(values, Mapping):
        raise UserError("The page sent no settings; reload it.")
    return Settings.parse(values)


def _family(info: FamilyInfo) -> Answer:
    return {
        "name": info.name,
        "title": info.title,
        "knows": _knows(info),
        "classes": list(info.classes),
        "limits": f"This family knows {info.knows} and always names one of them.",
        "without": "No picture of these classes may be shipped; start with --data-root and the "
        "folder of the data set.",
        "methods": [
            words.method(name, title) for name, title in zip(info.methods, info.titles, strict=True)
        ],
        "points": [{"name": name, "title": words.point_title(name)} for name in info.points],
    }


def _knows(info: FamilyInfo) -> str:
    if len(info.trained) < 2:
        weights = "One set of weights for all methods."
    elif len(info.trained) == len(info.methods):
        weights = "Each method has weights of its own."
    else:
        titles = [info.titles[info.methods.index(name)] for name in info.trained]
        weights = f"{', '.join(titles[:-1])} and {titles[-1]} have weights of their own."
    return f"{len(info.classes)} classes. {weights}"


def _example(example: Example, families: Sequence[FamilyInfo]) -> Answer:
    """One picture of the strip; `shows` and `caption` are those of its first family."""
    told = {
        name: {"place": place, "shows": lesson.shows, "caption": lesson.caption}
        for name, own in lessons().items()
        for place, lesson in enumerate(own)
        if lesson.example == example.id
    }
    names = example.families(families)
    usual = next((told[name] for name in names if name in told), {"shows": "", "caption": ""})
    return {
        "id": example.id,
        "title": example.title,
        "thumb": thumbnail(example.read()),
        "families": list(names),
        "shows": usual["shows"],
        "caption": usual["caption"],
        "lessons": told,
    }


def _colours(name: Colormap) -> Answer:
    table = colormap(name)
    return {
        "name": str(name),
        "title": str(name),
        "lut": payload.text(table.tobytes()),
    }
