"""Pictures for training: squashed once to small squares, kept in memory where they fit.

What a picture looks like in an epoch depends on (seed, epoch, index) alone: neither the cache nor
the number of workers changes a result.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dfm_viz.pictures import read_picture
from dfm_viz.types import UserError
from training.augment import Augment
from training.data.base import Item
from training.recipe_parts import DataPart

CACHE_LIMIT = 4 * 2**30
"""`cache = "auto"` keeps squares in memory up to so many bytes in each process."""

Key = tuple[int, int]
"""Epoch and index of a picture."""


def read_square(item: Item, side: int) -> tuple[Tensor, tuple[int, int]]:
    """A picture squashed to side x side, as the app's preprocessing does, and its own size.

    Returns:
        uint8 (3, side, side) and (width, height) of the upright picture.

    Raises:
        UserError: a picture that cannot be read, by name.
    """
    picture = read_picture(item.path)
    if not picture.whole:  # shown to people with a note, but never learnt from
        raise UserError(
            f"{item.path.name} is a JPEG that is cut off: save or send it again, or leave it out."
        )
    square = Image.fromarray(picture.rgb).resize((side, side), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1), (picture.width, picture.height)


class Squares(Dataset[tuple[Tensor, tuple[int, int]]]):
    """The pictures of a split as uint8 squares, from memory or decoded when asked."""

    def __init__(self, items: Sequence[Item], side: int, cache: str, quiet: bool = False) -> None:
        """Decode everything now if it is to be kept in memory (`DataPart.cache`).

        `quiet` shows no progress bar.
        """
        self.items = items
        self.side = side
        self.kept: Tensor | None = None
        self.sizes: list[tuple[int, int]] = []
        if cache == "memory" or (cache == "auto" and len(items) * 3 * side**2 <= CACHE_LIMIT):
            kept = torch.empty(len(items), 3, side, side, dtype=torch.uint8)
            bar = tqdm(items, "reading pictures", unit="", leave=False, disable=quiet or None)
            for n, item in enumerate(bar):
                kept[n], size = read_square(item, side)
                self.sizes.append(size)
            self.kept = kept

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[int, int]]:
        """One square, uint8 (3, side, side), and (width, height) of its picture."""
        if self.kept is None:
            return read_square(self.items[index], self.side)
        return self.kept[index], self.sizes[index]


class _Augmented(Dataset[Tensor]):
    """Squares as an epoch changes them; torch asks for a whole batch of keys at once."""

    def __init__(self, squares: Squares, augment: Augment) -> None:
        self.squares = squares
        self.augment = augment

    def __getitems__(self, keys: Sequence[Key]) -> list[Tensor]:
        with torch.random.fork_rng(devices=[]):
            return [self.augment(self.squares[i][0], epoch, i) for epoch, i in keys]


class Loader:
    """Batches of changed pictures, in the order asked for."""

    def __init__(self, squares: Squares, augment: Augment, workers: int, pinned: bool) -> None:
        """Start with `workers` processes; `pinned` batches reach a GPU faster."""
        self.squares, self.workers = squares, workers
        self._keys: list[list[Key]] = []
        self._loader: DataLoader[Tensor] = DataLoader(
            _Augmented(squares, augment),
            batch_sampler=_Asked(self._keys),
            collate_fn=torch.stack,
            num_workers=workers,
            pin_memory=pinned,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # so that torch's default generator is left alone
        )

    def batches(self, keys: list[list[Key]]) -> Iterator[Tensor]:
        """uint8 (n, 3, size, size) for every list of keys."""
        self._keys[:] = keys
        return iter(self._loader)


class _Asked:
    """The batch sampler: whatever was put into the list."""

    def __init__(self, keys: list[list[Key]]) -> None:
        self.keys = keys

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(list(self.keys))

    def __len__(self) -> int:
        return len(self.keys)


WORTH_A_WORKER = 128
"""With fewer pictures, starting a process takes longer than it saves."""


def worker_count(
    part: DataPart, on_gpu: bool, local_processes: int = 1, pictures: int = WORTH_A_WORKER
) -> int:
    """How many loading processes `DataPart.workers` means here, for a split of so many pictures."""
    if part.workers >= 0:
        return part.workers
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    spare = max(0, min(8, cores // local_processes - 1))
    return spare if on_gpu else min(spare, 1) if pictures >= WORTH_A_WORKER else 0
