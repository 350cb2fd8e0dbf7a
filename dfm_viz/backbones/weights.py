"""Reading a file of weights: safetensors only, nothing is ever unpickled."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from dfm_viz.types import UserError


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, as float32; UserError if the file is missing or is not safetensors."""
    if not path.is_file():
        raise UserError(f"There is no weights file {path}; give the path of a safetensors file.")
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{path.name} cannot be read as safetensors ({error}); other formats are refused "
            f"because they can run code."
        ) from None
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def is_ours(state: Mapping[str, Tensor] | None) -> bool:
    """Whether tensors have the names of a checkpoint of ours with one linear head."""
    names = state or {}
    return "fc.weight" in names and any(name.startswith("features.") for name in names)
