"""What a killed run resumes from: one safetensors file that is replaced after every epoch."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file

from dfm_viz.backbones import Localizer
from dfm_viz.types import UserError

STATE = "state.safetensors"


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        epochs: finished epochs.
        seconds: wall time they took.
        history: one row of numbers per finished epoch.
    """

    epochs: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def prepare(folder: Path) -> Path:
    """Make the folder before any work is done; UserError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise UserError(
            f"Nothing can be written to {folder} ({error.strerror}); choose another --out."
        ) from None
    return folder


def save_state(
    folder: Path,
    model: Localizer,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    identity: dict[str, Any],
) -> None:
    """Write weights, momentum and progress under a temporary name, then rename.

    `identity` is what a resumed run must have in common with this one (recipe and data).

    Raises:
        UserError: the folder cannot be written; the previous state is intact then.
    """
    tensors = {f"model.{k}": v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        buffer = optimizer.state.get(parameter, {}).get("momentum_buffer")
        if buffer is not None:
            tensors[f"momentum.{name}"] = buffer.detach().cpu().contiguous()
    header = {"progress": json.dumps(vars(progress)), "identity": json.dumps(identity)}
    fresh = folder / f"{STATE}.tmp"
    try:
        save_file(tensors, fresh, metadata=header)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(folder / STATE)
    except (OSError, safetensors.SafetensorError) as error:
        fresh.unlink(missing_ok=True)
        raise UserError(
            f"The run's state cannot be written to {folder} ({error}); free space or choose "
            f"another --out. The state of the epoch before, if any, is intact."
        ) from None


def load_state(
    folder: Path,
    model: Localizer,
    optimizer: torch.optim.Optimizer,
    identity: dict[str, Any],
) -> Progress:
    """Take up a run where it stopped; a fresh `Progress` if there is nothing to take up.

    Raises:
        UserError: the state is damaged, or belongs to another recipe or other data.
    """
    path = folder / STATE
    if not path.exists():
        return Progress()
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        saved = json.loads(header["identity"])
        progress = Progress(**json.loads(header["progress"]))
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); delete {folder} to start again."
        ) from None
    if saved != identity:
        raise UserError(
            f"{folder} holds a run that differs in {_differences(saved, identity)}; use its recipe "
            f"and data, choose another --out, or delete the folder to start again."
        )
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    for name, parameter in model.named_parameters():
        if f"momentum.{name}" in tensors:
            buffer = tensors[f"momentum.{name}"].to(parameter.device)
            optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(
                buffer
            )
    return progress


def _differences(old: Any, new: Any, where: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        parts = [
            _differences(old.get(k), new.get(k), f"{where}.{k}" if where else str(k))
            for k in sorted(old.keys() | new.keys())
            if old.get(k) != new.get(k)
        ]
        return "; ".join(parts)
    return f"{where} ({old!r} there, {new!r} here)"
