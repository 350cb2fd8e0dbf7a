"""A recipe says everything that decides a training run; one TOML file per shipped checkpoint."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dfm_viz.backbones import default_params, get_backbone
from dfm_viz.methods import Params, get_method
from dfm_viz.methods.params import Number
from dfm_viz.types import UserError
from training.fields import Part, parse_text, ranged

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class ModelPart(Part):
    """What is trained.

    Attributes:
        backbone: key in `BACKBONES`.
        method: key in `METHODS`.
        points: insertion points; empty takes the backbone's list for the method.
        init: `none`, `imagenet` (the library's download) or `file` (needs `--init-weights`).
        freeze_through: last stage that stays as initialised, batch statistics included; empty
            trains everything.
    """

    backbone: str = "mobilenetv1"
    method: str = "cam"
    points: tuple[str, ...] = ()
    init: Literal["none", "imagenet", "file"] = "file"
    freeze_through: str = ""


@dataclass(frozen=True)
class DataPart(Part):
    """What it is trained on.

    Attributes:
        name: key in `training.data.DATASETS`.
        family: short name of the data set as checkpoints and families carry it, as `cub27`.
        knows: what the network can tell apart, in words.
        hold_out_every: every n-th training picture of a class becomes validation; 0 holds out none.
        image_size: side of the network's input, px.
        decode_side: side of the squares that training pictures are kept as in memory, px.
        notes: what the card must say about these data.
    """

    name: str = "cub"
    family: str = "cub"
    knows: str = ""
    hold_out_every: int = ranged(10, 0, 1000, "0 trains on every training picture")
    image_size: int = ranged(224, 32, 1024, "side of the input in pixels")
    decode_side: int = ranged(288, 32, 1024, "side of the stored training pictures in pixels")
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AugmentPart(Part):
    """How training pictures vary. `scale` is the smallest share of the area a crop keeps."""

    scale: float = ranged(0.35, 0.01, 1, "smallest share of the picture's area in a crop")
    flip: float = ranged(0.5, 0, 1, "chance of a mirror image")
    jitter: float = ranged(0.2, 0, 1, "strength of brightness, contrast and saturation changes")
    mixup: float = ranged(0.0, 0, 10, "alpha of mixup's beta distribution; 0 is off")


@dataclass(frozen=True)
class OptimPart(Part):
    """Stochastic gradient descent with momentum, warm-up, then half a cosine.

    Attributes:
        settle_epochs: so many last epochs run with the inserted modules off, so that batch
            statistics and head fit the network as it is evaluated.
        precision: `bfloat16` computes convolutions in bfloat16 (autocast), weights stay float32.
    """

    epochs: int = ranged(20, 1, 10_000, "passes over the training pictures")
    batch: int = ranged(32, 1, 65_536, "pictures per step")
    lr: float = ranged(0.01, 0, 100, "peak rate of the base")
    head_rate: float = ranged(1.0, 0, 1000, "the head's rate, as a multiple of lr")
    last_stage_rate: float = ranged(1.0, 0, 1000, "the last stage's rate, as a multiple of lr")
    momentum: float = ranged(0.9, 0, 0.9999, "Nesterov momentum")
    weight_decay: float = ranged(1e-4, 0, 1, "L2 penalty")
    warmup_epochs: float = ranged(1.0, 0, 1000, "epochs of linear warm-up")
    label_smoothing: float = ranged(0.1, 0, 0.99, "share of the target spread over all classes")
    settle_epochs: int = ranged(0, 0, 10_000, "last epochs with the inserted modules off")
    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Recipe:
    """The whole recipe. `params` are the method's own; missing ones take the paper's values."""

    title: str
    model: ModelPart = field(default_factory=ModelPart)
    params: Params | None = None
    data: DataPart = field(default_factory=DataPart)
    augment: AugmentPart = field(default_factory=AugmentPart)
    optim: OptimPart = field(default_factory=OptimPart)
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
        if method.module is None and self.optim.settle_epochs:
            raise UserError(f"settle_epochs must be 0 for {method.name}: it inserts nothing.")
        if self.optim.settle_epochs > self.optim.epochs:
            raise UserError(
                f"settle_epochs ({self.optim.settle_epochs}) must not exceed epochs "
                f"({self.optim.epochs})."
            )
        if self.optim.warmup_epochs > self.optim.epochs:
            raise UserError(
                f"warmup_epochs ({self.optim.warmup_epochs:g}) must not exceed epochs "
                f"({self.optim.epochs})."
            )
        if self.data.hold_out_every == 1:
            raise UserError("hold_out_every must be 0 or at least 2: 1 leaves nothing to train on.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise UserError(f"seed must be a whole number of at least 0, got {self.seed!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; `from_dict` reads them back."""
        plain: dict[str, Any] = {"title": self.title, "seed": self.seed}
        for name, _ in _parts():
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
        known = [name for name, _ in _parts()] + ["title", "seed", "params"]
        for name in values:
            if name not in known:
                raise UserError(f"A recipe has no table or field {name!r}{_near(name, known)}.")
        parts: dict[str, Any] = {}
        for name, kind in _parts():
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
        title = values.get("title", f"{model.backbone} {model.method} on {parts['data'].family}")
        return cls(title=title, params=changed, seed=values.get("seed", 0), **parts)


def _parts() -> tuple[tuple[str, type[Part]], ...]:
    return (
        ("model", ModelPart),
        ("data", DataPart),
        ("augment", AugmentPart),
        ("optim", OptimPart),
    )


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

    Raises:
        UserError: no such file, not TOML, unknown field, value of the wrong kind or out of range.
    """
    file = find_recipe(str(path))
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{file.name} cannot be read as TOML ({error}).") from None
    for text in overrides:
        _override(values, text)
    return Recipe.from_dict(values)


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
        part: {f.name: f.type for f in dataclasses.fields(kind)} for part, kind in _parts()
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
        raise UserError(f"{key!r} is in several tables; write {homes[0]}.{key}=... instead.")
    values.setdefault(homes[0], {})[key] = parse_text(given, kinds[homes[0]][key], key)
