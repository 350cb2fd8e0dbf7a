"""Files of weights: safetensors only, nothing is ever unpickled, and nothing is dropped in silence.

A file has the library's key names, or those of a checkpoint made here.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn

from dfm_viz.types import UserError

WEIGHTS, CARD = "model.safetensors", "card.json"
_FEATURES, _INSERTED = "features.", "features.insertions."
_COUNTER = "num_batches_tracked"
"""PyTorch's batch norms count their batches; older files do not, and no answer depends on it."""
_SHOWN = 3


class MisfitError(UserError):
    """Weights do not fit a network; says which names."""


@dataclass(frozen=True)
class Start:
    """Weights to start from.

    Attributes:
        tensors: by name, as float32.
        stages: whether the names are those of a checkpoint made here.
        backbone: key in `BACKBONES` of that checkpoint; empty where nothing tells.
        options: how its backbone was built.
    """

    tensors: Mapping[str, Tensor]
    stages: bool = False
    backbone: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def weights_file(path: Path) -> Path:
    """The file itself: a checkpoint's folder stands for the weights in it."""
    return path / WEIGHTS if path.is_dir() else path


def read_start(path: Path) -> Start:
    """Weights and, if they are a checkpoint's, what its card says about the network.

    Args:
        path: a safetensors file, or the folder of a checkpoint.

    Raises:
        UserError: as `read_weights`.
    """
    path = weights_file(path)
    tensors = read_weights(path)
    if not any(re.match(r"features\.[a-z]", name) for name in tensors):  # torchvision counts them
        return Start(tensors)
    try:
        card = json.loads((path.parent / CARD).read_text(encoding="utf-8"))
        # How answers are computed; `plain` and `dense` show in the names, or change strides only.
        options = {k: v for k, v in card["backbone_options"].items() if k == "convention"}
        return Start(tensors, True, str(card["backbone"]), options)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Start(tensors, True)  # weights without their card


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, as float32; UserError if the file is missing or is not safetensors."""
    if not path.is_file():
        raise UserError(f"There is no weights file {path}; give the path of a safetensors file.")
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        # Words for a person, who knows where the file is from; a test forbids the call in our code.
        read = f'torch.{"load"}({str(path)!r}, map_location="cpu", weights_only=True)'
        raise UserError(
            f"{path.name} cannot be read as safetensors ({error}), and other formats are refused "
            f"because they can run code; {_recipe(path, read)}."
        ) from None
    if tensors and all(name.startswith("module.") for name in tensors):
        read = f"safetensors.torch.load_file({str(path)!r})"
        raise UserError(
            f"The names in {path.name} all begin with 'module.', as DataParallel writes them; "
            f"{_recipe(path, read)}."
        )
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def take(module: nn.Module, given: Mapping[str, Tensor]) -> None:
    """Load weights into a module, all of them; MisfitError names those that do not fit."""
    wanted = module.state_dict()
    _compare({k: v for k, v in wanted.items() if _COUNTER not in k or k in given}, given)
    module.load_state_dict(dict(given), strict=False)


def take_stages(
    model: nn.Module, given: Mapping[str, Tensor], head_stages: Iterable[str] = ()
) -> None:
    """Load the weights of a checkpoint made here into a whole network.

    A head for another number of classes or of another method is left out: the network keeps its
    new one. So are modules that the file never had.

    Args:
        model: a `Localizer`.
        given: under the names of a `Localizer`.
        head_stages: stages that belong to the head.

    Raises:
        MisfitError: anything else that does not fit.
    """
    ends = tuple(f"{_FEATURES}{name}." for name in head_stages)

    def is_head(name: str) -> bool:
        return not name.startswith(_FEATURES) or name.startswith(ends)

    wanted, given = dict(model.state_dict()), dict(given)
    head = "fc.weight"
    if head in given and given[head].shape != wanted[head].shape:
        given = {k: v for k, v in given.items() if not is_head(k)}
        wanted = {k: v for k, v in wanted.items() if not is_head(k)}
    if not any(name.startswith(_INSERTED) for name in given):
        wanted = {k: v for k, v in wanted.items() if not k.startswith(_INSERTED)}
    _compare(wanted, given)
    model.load_state_dict(given, strict=False)


def _compare(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    lacking = [k for k in wanted if k not in given]
    unknown = [k for k in given if k not in wanted]
    other = [
        f"{k} is {_size(given[k])}, not {_size(v)}"
        for k, v in wanted.items()
        if k in given and given[k].shape != v.shape
    ]
    said = [
        f"{what}{_some(names)}"
        for what, names in (("it lacks ", lacking), ("it has unknown ", unknown), ("", other))
        if names
    ]
    if said:
        raise MisfitError("; ".join(said))


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _recipe(path: Path, read: str) -> str:
    """Two lines of Python that make a plain safetensors file of another one."""
    plain = "-plain" if path.suffix == ".safetensors" else ""
    out = path.with_name(f"{path.name.split('.')[0]}{plain}.safetensors")
    return (
        f"convert a file that you trust with two lines of Python: "
        f"`import torch, safetensors.torch; t = {read}` and then "
        f'`safetensors.torch.save_file({{k.removeprefix("module."): v.contiguous() '
        f'for k, v in t.get("state_dict", t).items()}}, {str(out)!r})`'
    )
