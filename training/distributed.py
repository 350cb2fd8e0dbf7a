"""One process or many: Lightning Fabric under `torchrun`, and what only the first process does."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

from dfm_viz.types import UserError

T = TypeVar("T")
DEVICES = ("auto", "cpu", "cuda")


class OneProcessError(UserError):
    """A wrong input that one process met alone: that process tells it, whichever it is."""


def local_processes() -> int:
    """How many processes `torchrun` started on this machine; 1 without it."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if dist.is_torchelastic_launched() else 1


def make_fabric(device: str = "auto") -> Fabric:
    """The engine: one process, or as many as `torchrun` started.

    Args:
        device: `cpu`, `cuda`, or `auto` (a GPU where there is one).

    Raises:
        UserError: no such device, or fewer GPUs than processes.
    """
    if device not in DEVICES:
        raise UserError(f"--device must be one of {', '.join(DEVICES)}, got {device!r}.")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda is not available here; use --device cpu.")
    local = local_processes()
    if device == "cuda" and torch.cuda.device_count() < local:
        raise UserError(
            f"torchrun started {local} processes here, but there are {torch.cuda.device_count()} "
            f"GPUs; lower --nproc-per-node or use --device cpu."
        )
    nodes = int(os.environ["WORLD_SIZE"]) // local if dist.is_torchelastic_launched() else 1
    many = local * nodes > 1
    fabric = Fabric(
        accelerator=device, devices=local, num_nodes=nodes, strategy="ddp" if many else "auto"
    )
    fabric.launch()
    return fabric


def on_first(action: Callable[[], T], share: bool = False) -> T | None:
    """Do something in the first process only, while the others wait.

    Args:
        action: what to do.
        share: give the result to every process (it travels as a pickle); otherwise None there.

    Raises:
        UserError: what `action` raised, in every process, so that all stop together.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return action()
    result, failure = None, ""
    if dist.get_rank() == 0:
        try:
            result = action()
        except UserError as error:
            failure = str(error)
    told: list[Any] = [failure, result if share else None]
    dist.broadcast_object_list(told)
    if told[0]:
        raise UserError(told[0])
    shared: T | None = told[1] if share else result
    return shared


def alone(action: Callable[[], T]) -> T:
    """Do something that may fail in this process alone, so that this process tells it."""
    try:
        return action()
    except UserError as error:
        raise OneProcessError(str(error)) from None


def is_first() -> bool:
    """Whether this is the only process or the first of all."""
    return not dist.is_torchelastic_launched() or os.environ["RANK"] == "0"


def tells(error: UserError) -> bool:
    """Whether this process should print the error: the first one, or the only one that met it."""
    return is_first() or isinstance(error, OneProcessError)


def leave() -> None:
    """End the group of processes, if there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
