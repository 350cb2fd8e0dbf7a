"""The sweep `methods`: the recipes of a family as rows, so that what ships gets a spread.

Other sweeps give every row the base recipe unchanged; here a row is the base recipe or one that
extends it, with what it says: a method's own numbers, settling, a rate of its own.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfm_viz.methods import METHODS
from dfm_viz.types import UserError
from training.recipe import find_recipe, load_recipe
from training.sweep.plans import Plan, Row

NAME = "methods"


def methods_plan(base: str) -> Plan:
    """One row for a recipe and each that extends it with the same backbone.

    Args:
        base: name or path of the recipe that the others extend, as `mobilenetv1_cub50_cam`. Rows
            are named by what follows the part of the names that all share.

    Raises:
        UserError: no such recipe, or none beside it extends it.
    """
    file = find_recipe(base)
    backbone = load_recipe(file).model.backbone
    found = [
        path
        for path in file.parent.glob("*.toml")
        if _read(path).get("extends") == file.stem and load_recipe(path).model.backbone == backbone
    ]
    if not found:
        raise UserError(f"No recipe extends {file.stem}, so it has no methods to compare.")
    order = list(METHODS)
    found.sort(key=lambda path: (order.index(load_recipe(path).model.method), path.stem))
    rows = [_row(path, file.stem) for path in (file, *found)]
    return Plan(NAME, "Methods: every recipe of the family", tuple(rows))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path.name} cannot be read as TOML ({error}).") from None


def _row(path: Path, base: str) -> Row:
    family = base.rpartition("_")[0]
    words = tuple(_overrides(_read(path))) if path.stem != base else ()
    title = load_recipe(path).title
    return Row(path.stem.removeprefix(f"{family}_"), _short(title), words)


def _short(title: str) -> str:
    """`ADL` of `MobileNetV1, ADL, CUB-50`; a title of another form stays."""
    parts = title.split(", ")
    return ", ".join(parts[1:-1]) or title


def _overrides(values: Mapping[str, Any]) -> Iterator[str]:
    """What a recipe changes of the one it extends, as `field=value`; the method comes first."""
    if "title" in values:
        yield f"title={values['title']}"
    tables = {name: table for name, table in values.items() if isinstance(table, Mapping)}
    for name in sorted(tables, key=lambda name: name != "model"):
        for field, value in sorted(tables[name].items(), key=lambda item: item[0] != "method"):
            told = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{name}.{field}={told.lower() if isinstance(value, bool) else told}"
