"""A recipe says everything that decides a training run; one TOML file per checkpoint or row."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfm_viz.backbones import default_params, get_backbone
from dfm_viz.methods import Drawn, Params, get_method
from dfm_viz.methods.params import Number
from dfm_viz.types import UserError
from training.fields import parse_text
from training.recipe_parts import (
    CLAIMS,
    PARTS,
    AugmentPart,
    DataPart,
    ModelPart,
    OptimPart,
    SelectPart,
    TeacherPart,
)

RECIPES = Path(__file__).parent / "recipes"
MAX_SEED = 2**63 - 1
"""The largest seed that every generator takes."""


@dataclass(frozen=True)
class Recipe:
    """The whole recipe. `params` are the method's own; missing ones take the paper's values."""

    title: str
    model: ModelPart = field(default_factory=ModelPart)
    params: Params | None = None
    data: DataPart = field(default_factory=DataPart)
    augment: AugmentPart = field(default_factory=AugmentPart)
    optim: OptimPart = field(default_factory=OptimPart)
    teacher: TeacherPart = field(default_factory=TeacherPart)
    select: SelectPart = field(default_factory=SelectPart)
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the parts against each other."""
        spec, method = get_backbone(self.model.backbone), get_method(self.model.method)
        if self.params is None:
            params = default_params(self.model.backbone, self.model.method)
            object.__setattr__(self, "params", params)
        if not isinstance(self.params, method.params):
            raise UserError(f"The parameters given are not those of the method {method.name!r}.")
        if method.module is None and self.model.points:
            raise UserError(f"points must be empty for {method.name}: it inserts nothing.")
        if method.module is not None and not self.model.points:
            points = spec.points[method.name]
            object.__setattr__(self, "model", dataclasses.replace(self.model, points=tuple(points)))
        drawn = method.module is not None and issubclass(method.module, Drawn)
        if not drawn and self.optim.settle_epochs:
            raise UserError(f"settle_epochs must be 0 for {method.name}: nothing in it is drawn.")
        if not drawn and self.optim.active != 1:
            raise UserError(f"active must be 1 for {method.name}: nothing in it is drawn.")
        if self.model.keep_head and (self.model.init == "none" or method.name == "acol"):
            raise UserError(
                "keep_head needs start weights and a method with their one head; set "
                "keep_head=false for init=none and for acol."
            )
        if self.model.plain and method.name != "cam":
            raise UserError(f"plain must be false for {method.name}: it is for cam only.")
        whole = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        if not whole or not 0 <= self.seed <= MAX_SEED:
            raise UserError(f"seed must be a whole number from 0 to {MAX_SEED}, got {self.seed!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; `from_dict` reads them back."""
        plain: dict[str, Any] = {"title": self.title, "seed": self.seed}
        for name in PARTS:
            plain[name] = dataclasses.asdict(getattr(self, name))
            plain[name] = {
                k: list(v) if isinstance(v, tuple) else v for k, v in plain[name].items()
            }
        plain["params"] = self.params.to_dict() if self.params else {}
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Make a recipe from nested plain values; UserError for anything unknown or wrong."""
        values = dict(values)
        known = [*PARTS, "title", "seed", "params"]
        for name in values:
            if name not in known:
                raise UserError(f"A recipe has no table or field {name!r}{_near(name, known)}.")
        parts: dict[str, Any] = {}
        for name, kind in PARTS.items():
            table = values.get(name, {})
            if not isinstance(table, Mapping):
                raise UserError(f"{name} must be a table of a recipe, got {table!r}.")
            allowed = [f.name for f in dataclasses.fields(kind)]
            for key in table:
                if key not in allowed:
                    raise UserError(f"[{name}] has no field {key!r}{_near(key, allowed)}.")
            parts[name] = kind(**table)
        model: ModelPart = parts["model"]
        params = default_params(model.backbone, model.method).to_dict()
        changed = get_method(model.method).params.from_dict(
            {**params, **dict(values.get("params", {}))}
        )
        title = values.get("title", f"{model.backbone} {model.method} on {parts['data'].short}")
        return cls(title=title, params=changed, seed=values.get("seed", 0), **parts)


def _near(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"


def find_recipe(name: str) -> Path:
    """The file of a recipe, given its path or the name of one of ours."""
    for path in (Path(name), RECIPES / name, RECIPES / f"{name}.toml"):
        if path.is_file():
            return path
    ours = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
    raise UserError(f"There is no recipe {name!r}; give the path of a TOML file or one of {ours}.")


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `field=value` overrides.

    Args:
        path: a TOML file, or the name of a recipe that comes with the project.
        overrides: `lr=.02`, `optim.lr=.02` or `tau=.5`; a bare name must belong to one table only.
            `name=folder` points it at other data; what it said of its own is forgotten then.

    Raises:
        UserError: no such file, not TOML, unknown field, value of the wrong kind or out of range.
    """
    values = _read(find_recipe(str(path)))
    written = dict(values), dict(values.get("data", {}))
    for text in overrides:
        _override(values, text)
    if values.get("data", {}).get("name") != written[1].get("name"):
        _forget(values, *written)
    return Recipe.from_dict(values)


def _forget(values: dict[str, Any], old: Mapping[str, Any], old_data: Mapping[str, Any]) -> None:
    """Drop what a recipe says of its data once it is pointed at others, but for what is new."""
    for table, before, names in ((values, old, ("title",)), (values["data"], old_data, CLAIMS)):
        for name in names:
            if name in before and table.get(name) == before[name]:
                del table[name]


def _read(file: Path, may_extend: bool = True) -> dict[str, Any]:
    """The tables of a file, on top of those of the recipe it extends."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:  # no TOML, no UTF-8, a number of thousands of digits
        raise UserError(f"{file.name} cannot be read as TOML ({error}).") from None
    base = values.pop("extends", None)
    if base is None:
        return values
    if not may_extend or not isinstance(base, str):
        raise UserError(
            f"{file.name} extends {base!r}: extends must name one recipe that extends none itself."
        )
    beside = file.with_name(f"{base}.toml")
    found = _read(beside if beside.is_file() else find_recipe(base), may_extend=False)
    for name, table in values.items():
        if isinstance(table, dict) and isinstance(found.get(name), dict):
            if name == "model" and table.keys() & {"method", "backbone"}:
                # Points and parameters belong to the method on the backbone.
                found["model"].pop("points", None)
                found.pop("params", None)
            if name == "data" and table.get("name") not in (None, found[name].get("name")):
                found[name] = {k: v for k, v in found[name].items() if k not in CLAIMS}
                if "title" not in values:
                    found.pop("title", None)
            found[name] = found[name] | table
        else:
            found[name] = table
    return found


def _override(values: dict[str, Any], text: str) -> None:
    name, equals, given = text.partition("=")
    if not equals:
        raise UserError(f"An override must look like field=value, got {text!r}.")
    if name in ("seed", "title"):
        values[name] = parse_text(given, int if name == "seed" else str, name)
        return
    table, _, key = name.rpartition(".")
    method = str(values.get("model", {}).get("method", "cam"))
    kinds: dict[str, dict[str, Any]] = {
        part: {f.name: f.type for f in dataclasses.fields(kind)} for part, kind in PARTS.items()
    }
    kinds["params"] = {
        k: float if isinstance(v, Number) else str
        for k, v in get_method(method).params.kinds().items()
    }
    homes = [part for part in kinds if key in kinds[part] and table in ("", part)]
    if not homes:
        known = [k for part in kinds.values() for k in part] + ["seed", "title"]
        raise UserError(f"A recipe has no field {name!r}{_near(key, known)}.")
    if len(homes) > 1:
        choices = " or ".join(f"{home}.{key}=..." for home in homes)
        raise UserError(f"{key!r} is in several tables; write {choices} instead.")
    values.setdefault(homes[0], {})[key] = parse_text(given, kinds[homes[0]][key], key)
