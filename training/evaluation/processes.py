"""One process or several (`torchrun`): who does what, and how the rows come together."""

import os
from dataclasses import dataclass
from typing import Any, TypeVar

import torch.distributed as dist

from dfm_viz.types import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The group of processes that share an evaluation; rank 0 collects, computes and writes."""

    rank: int = 0
    count: int = 1
    group: Any = None

    @property
    def first(self) -> bool:
        """Whether this process collects."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Every process's value, in the order of ranks, in the first process; [] elsewhere."""
        if self.count == 1:
            return [value]
        found: list[Any] | None = [None] * self.count if self.first else None
        dist.gather_object(value, found, dst=0, group=self.group)
        return found or []

    def share(self, value: T) -> T:
        """The first process's value, in every process."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.group)
        return box[0]

    def agree(self, error: UserError | None) -> None:
        """Raise in every process what one of them met, so that none waits for ever."""
        if self.count == 1:
            told = [error]
        else:
            told = [None] * self.count
            dist.all_gather_object(told, error, group=self.group)
        for found in told:
            if found is not None:
                raise found


def find_processes(start: bool = False) -> Processes:
    """The group this process belongs to; with `start`, started here if `torchrun` asks for one.

    Every process of the group must call it, and evaluate the same checkpoint. Without a group (one
    that training had and has left, for example) a process evaluates alone.
    """
    if not dist.is_available():
        return Processes()
    if not dist.is_initialized():
        asked = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ
        if not (start and asked):
            return Processes()
        dist.init_process_group("gloo")
    if dist.get_world_size() == 1:
        return Processes()
    # Rows are plain objects: they travel over the CPU, whatever training uses.
    group = None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
    return Processes(dist.get_rank(), dist.get_world_size(), group)


def leave_processes() -> bool:
    """End the group of processes, if there is one; whether this was the first of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return True
    first = dist.get_rank() == 0
    dist.destroy_process_group()
    return first
