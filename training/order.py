"""Which pictures every step takes, and every random number of a run as a function of its seed.

The plan of an epoch depends on (seed, epoch) alone, never on how many processes, workers or batches
carry it out; the processes share one global batch in contiguous parts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Beta

from dfm_viz.types import UserError


def derive(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for one purpose, as `derive(seed, epoch, "order")`."""
    text = "/".join(str(word) for word in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A generator on the CPU that starts from `derive(seed, *purpose)`."""
    return torch.Generator().manual_seed(derive(seed, *purpose))


@dataclass(frozen=True)
class Mixup:
    """How a global batch is blended: every picture with `partner`, keeping `share` of itself."""

    share: float
    partner: Tensor


@dataclass(frozen=True)
class Step:
    """One step as one process sees it.

    Attributes:
        chosen: indices of the pictures of the global batch, (n,).
        first: where this process's part begins in it.
        last: where it ends (exclusive).
        mixup: how the global batch is blended, or None.
    """

    chosen: Tensor
    first: int
    last: int
    mixup: Mixup | None = None

    @property
    def own(self) -> slice:
        """This process's part of the global batch."""
        return slice(self.first, self.last)

    @property
    def positions(self) -> Tensor:
        """Positions in the global batch that this process must load: its own and their partners."""
        own = torch.arange(self.first, self.last)
        return own if self.mixup is None else torch.cat([own, self.mixup.partner[own]]).unique()  # type: ignore[no-untyped-call]


def check_batch(batch: int, processes: int) -> None:
    """UserError if the processes cannot share a batch evenly."""
    if batch % processes:
        raise UserError(
            f"batch is for all processes together, but {processes} do not divide {batch}; "
            f"override it as batch={-(-batch // processes) * processes}."
        )


def plan(
    count: int,
    batch: int,
    *,
    seed: int,
    epoch: int,
    process: int = 0,
    processes: int = 1,
    alpha: float = 0.0,
) -> list[Step]:
    """The steps of one epoch for one process.

    One permutation of all pictures is cut into global batches. A last, incomplete one is cut to a
    multiple of the processes, and left out if that leaves fewer than two pictures for each (batch
    statistics need company): these pictures rest for this epoch.

    Args:
        count: number of training pictures.
        batch: pictures per global batch, a multiple of `processes`.
        seed: the recipe's.
        epoch: from 0.
        process: which one, from 0.
        processes: how many.
        alpha: of mixup's beta distribution; 0 blends nothing.

    Raises:
        UserError: the processes cannot share a batch evenly, or there are too few pictures.
    """
    check_batch(batch, processes)
    order = torch.randperm(count, generator=generator(seed, epoch, "order"))
    batches = list(torch.split(order, batch))
    rest = len(batches[-1])
    if rest < batch:
        kept = rest - rest % processes
        alone = kept < 2 * processes and not (len(batches) == 1 and kept)
        batches[-1:] = [] if alone else [batches[-1][:kept]]
    if not batches:
        raise UserError(f"{count} training pictures are too few for {processes} processes.")
    return [
        Step(
            chosen,
            process * len(chosen) // processes,
            (process + 1) * len(chosen) // processes,
            _mixup(len(chosen), alpha, seed, epoch, number) if alpha else None,
        )
        for number, chosen in enumerate(batches)
    ]


def _mixup(count: int, alpha: float, seed: int, epoch: int, number: int) -> Mixup:
    with torch.random.fork_rng(devices=[]):  # torch's distributions take no generator
        torch.default_generator.manual_seed(derive(seed, epoch, number, "mixup"))
        return Mixup(float(Beta(alpha, alpha).sample()), torch.randperm(count))


def keys(steps: Sequence[Step], epoch: int) -> list[list[tuple[int, int]]]:
    """What the loader is asked for: per step, (epoch, index of a picture)."""
    return [[(epoch, int(i)) for i in step.chosen[step.positions]] for step in steps]
