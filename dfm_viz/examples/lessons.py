"""What is to be seen on which picture under which family: the words beside the examples.

`lessons.json` is written by `python -m dfm_viz lessons` (`dfm_viz.lessons` has the rule), never by
hand; `scenes.json`, where it is there, has generated scenes with words of their own. `first.json`
says what the page begins with: the one place to change it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LESSONS = Path(__file__).with_name("lessons.json")
SCENES = Path(__file__).with_name("scenes.json")
FIRST = Path(__file__).with_name("first.json")


@dataclass(frozen=True)
class Lesson:
    """One picture under one family.

    Attributes:
        example: Id of the picture.
        shows: What is to be seen (`dfm_viz.lessons.SHOWS`), or "" for nothing in particular.
        caption: In a sentence.
    """

    example: str
    shows: str
    caption: str


@cache
def lessons() -> dict[str, tuple[Lesson, ...]]:
    """Family name -> its own pictures, in the order in which they are offered."""
    found = {
        name: tuple(Lesson(p["example"], p["shows"], p["caption"]) for p in family["pictures"])
        for name, family in _read(LESSONS, {"families": {}})["families"].items()
    }
    for scene in scenes():
        told = Lesson(scene_id(scene), scene["shows"], scene["caption"])
        for name in scene["families"]:
            others = (lesson for lesson in found.get(name, ()) if lesson.example != told.example)
            found[name] = (*others, told)
    return found


@cache
def scenes() -> tuple[dict[str, Any], ...]:
    """The rows of `scenes.json`: world, seed, families, shows, title, caption."""
    return tuple(_read(SCENES, []))


def scene_id(scene: dict[str, Any]) -> str:
    """What a row of `scenes.json` is called as an example."""
    prefix = "toy" if scene["world"] == "context" else scene["world"]
    return f"{prefix}-{scene['seed']}"


def first() -> tuple[str, str]:
    """Family and example that the page begins with, where both are there."""
    chosen = _read(FIRST, {})
    return chosen.get("family", ""), chosen.get("example", "")


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else otherwise
