"""Data sets by name: each loader takes a folder (or the one around it) and gives a `DataSet`."""

from collections.abc import Callable
from pathlib import Path

from dfm_viz.types import UserError
from training.data import cub, oxford_pets
from training.data.base import DataSet, Item, check_files, fingerprint
from training.data.memory import decode

DATASETS: dict[str, Callable[[Path], DataSet]] = {
    "cub": cub.load,
    "oxford_pets": oxford_pets.load,
}


def open_dataset(name: str, data_root: str | Path) -> DataSet:
    """The data set called `name` in `data_root`; UserError if there is none."""
    if name not in DATASETS:
        raise UserError(f"There is no data set {name!r}; choose one of {', '.join(DATASETS)}.")
    return DATASETS[name](Path(data_root))


__all__ = ["DATASETS", "DataSet", "Item", "check_files", "decode", "fingerprint", "open_dataset"]
