"""Data sets by name: each loader takes a folder (or the one around it) and gives a `DataSet`."""

from collections.abc import Callable
from pathlib import Path

from dfm_viz.types import UserError
from training.data import cub, folder, ilsvrc, oxford_pets, tiny_imagenet, toy
from training.data.base import DataSet, Item, fingerprint
from training.data.check import check_dataset

DATASETS: dict[str, Callable[[Path], DataSet]] = {
    "cub": cub.load,
    "ilsvrc": ilsvrc.load,
    "ilsvrc_halves": ilsvrc.load_halves,
    "tiny_imagenet": tiny_imagenet.load,
    "oxford_pets": oxford_pets.load,
    "folder": folder.load,
    "toy": toy.load,
    "toy_part": toy.load_part,
}


def open_dataset(name: str, data_root: str | Path) -> DataSet:
    """The data set called `name` in `data_root`; UserError if there is none."""
    if name not in DATASETS:
        raise UserError(f"There is no data set {name!r}; choose one of {', '.join(DATASETS)}.")
    return DATASETS[name](Path(data_root))


__all__ = ["DATASETS", "DataSet", "Item", "check_dataset", "fingerprint", "open_dataset"]
