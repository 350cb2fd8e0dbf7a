"""What a killed run resumes from: one safetensors file that is replaced after every epoch."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from dfm_viz.backbones import Localizer
from dfm_viz.checkpoint import store
from dfm_viz.files import replacing_file
from dfm_viz.outputs import output_folder, strays
from dfm_viz.timeline import read_timeline
from dfm_viz.types import UserError
from training.timeline import TIMELINE

STATE = "state.safetensors"
_LOGS = "events.out.tfevents."


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        epochs: finished epochs.
        seconds: wall time they took.
        history: one row of numbers per finished epoch.
        best_epoch: whose weights are the best so far (1-based), or 0 where none are chosen.
        best_score: their score on the validation pictures.
    """

    epochs: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = 0.0


@dataclass
class Run:
    """Everything that a resumed run must get back.

    Attributes:
        model: the network that is trained.
        optimizer: with its momentum.
        average: the average of the weights, where the recipe asks for one.
        progress: how far it is.
        best: the weights chosen so far, by name; empty where the last ones are shipped.
    """

    model: Localizer
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None = None
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def shown(self) -> Localizer:
        """The network that is validated and shipped: the average, if there is one."""
        return self.model if self.average is None else self.average.module  # type: ignore[return-value]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor under one name each, on the CPU."""
        found = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            buffer = self.optimizer.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                found[f"momentum.{name}"] = buffer
        if self.average is not None:
            found |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        found |= {f"best.{k}": v for k, v in self.best.items()}
        return {k: v.detach().cpu().contiguous() for k, v in found.items()}

    def restore(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        self.progress = progress
        self.model.load_state_dict(part("model."))
        if self.average is not None:
            self.average.load_state_dict(part("average."))
        self.best = part("best.")
        momentum = part("momentum.")
        for name, parameter in self.model.named_parameters():
            if name in momentum:
                # In the memory format of the parameter, which momentum had.
                buffer = torch.empty_like(parameter).copy_(momentum[name])
                self.optimizer.state[parameter]["momentum_buffer"] = buffer


def run_folder(out: Path) -> Path:
    """Where a run keeps its state and logs: beside the checkpoint, which is replaced as a whole."""
    out = Path(os.path.realpath(out))
    return out.with_name(f"{out.name}.run")


def check_out(out: Path, *reads: Path | None) -> None:
    """UserError, before any work, if a checkpoint and its run may not be written there.

    Args:
        out: folder of the checkpoint to be.
        reads: what the run reads: data, initial weights, pictures.
    """
    output_folder(out, store.foreign, reads=reads)
    output_folder(run_folder(out), foreign, reads=reads, replaced=False)


def foreign(folder: Path) -> str | None:
    """Something in a run's folder that is not a run's, or None; see `outputs.Foreign`.

    Beside a state (`read_state` judges it) anything may lie: files are replaced one by one, and the
    names that a run writes are its own then. Before the first state there are only logs, and maps.
    """
    if (folder / STATE).exists():
        return None
    names = (STATE, TIMELINE)
    found = strays(folder, lambda name: name in names or name.startswith(_LOGS))
    if not found and (folder / TIMELINE).exists():
        try:
            read_timeline(folder / TIMELINE)
        except UserError:
            return TIMELINE
    return found[0] if found else None


def prepare(folder: Path) -> Path:
    """Make the folder before any work is done, and clear away what a killed run left half-written.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (STATE, TIMELINE):
            for unfinished in folder.glob(f".{name}.new-*"):  # see `files.replacing_file`
                unfinished.unlink()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"Nothing can be written to {folder} ({error.strerror}); choose another --out."
        ) from None
    return folder


def save_state(folder: Path, run: Run, identity: dict[str, Any]) -> None:
    """Write a run under a temporary name, then rename.

    `identity` is what a resumed run must have in common with this one (recipe and data).

    Raises:
        UserError: the folder cannot be written; the previous state is intact then.
    """
    header = {"progress": json.dumps(vars(run.progress)), "identity": json.dumps(identity)}
    try:
        with replacing_file(folder / STATE) as fresh:
            save_file(run.tensors(), fresh, metadata=header)
    except (UserError, safetensors.SafetensorError) as error:
        raise UserError(
            f"The run's state cannot be written to {folder} ({error}); free space or choose "
            f"another --out. The state of the epoch before, if any, is intact."
        ) from None


def read_state(folder: Path, identity: dict[str, Any]) -> tuple[Progress, dict[str, Tensor]] | None:
    """What `save_state` wrote last, or None if there is nothing to take up.

    Raises:
        UserError: the state is damaged, or belongs to another recipe or other data.
    """
    path = folder / STATE
    if not path.exists():
        return None
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
    return progress, tensors


def _differences(old: Any, new: Any, where: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        parts = [
            _differences(old.get(k), new.get(k), f"{where}.{k}" if where else str(k))
            for k in sorted(old.keys() | new.keys())
            if old.get(k) != new.get(k)
        ]
        return "; ".join(parts)
    return f"{where} ({old!r} there, {new!r} here)"
