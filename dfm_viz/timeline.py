"""How the maps of a few pictures changed while a network was trained: a small file, no weights.

Written by `python -m training fit --timeline DIR`, read by the app's lesson on training.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dfm_viz.types import UserError

SCHEMA_VERSION = 1
_KEY = "timeline"


@dataclass(frozen=True)
class TimelinePicture:
    """One picture: file name, SHA-256 of the file, and upright size in pixels."""

    name: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Timeline:
    """What a network said about n pictures after each of e epochs.

    Attributes:
        title: the run in words.
        method: key in `METHODS`.
        classes: the network's class names.
        pictures: the n pictures.
        epochs: finished epochs at each entry, rising; 0 is before training, (e,) int32.
        maps: raw maps of the top class, modules off, (e, n, h, w) float16.
        top: index of the top class, (e, n) int32.
        scores: its softmax probability, (e, n) float32.
    """

    title: str
    method: str
    classes: tuple[str, ...]
    pictures: tuple[TimelinePicture, ...]
    epochs: NDArray[np.int32]
    maps: NDArray[np.float16]
    top: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check that the arrays fit each other; ValueError if not."""
        e, n = len(self.epochs), len(self.pictures)
        found = (self.maps.shape[:2], self.top.shape, self.scores.shape)
        if self.maps.ndim != 4 or found != ((e, n),) * 3:
            raise ValueError(f"{e} epochs of {n} pictures do not fit arrays of {found}")
        if np.any(np.diff(self.epochs) <= 0):
            raise ValueError("epochs must rise")
        if self.top.size and not 0 <= self.top.min() <= self.top.max() < len(self.classes):
            raise ValueError("a top class is none of the classes")

    def until(self, epoch: int) -> "Timeline":
        """The entries up to and including an epoch."""
        kept = self.epochs <= epoch
        return self._with(self.epochs[kept], self.maps[kept], self.top[kept], self.scores[kept])

    def appended(
        self,
        epoch: int,
        maps: NDArray[np.floating],
        top: NDArray[np.integer],
        scores: NDArray[np.floating],
    ) -> "Timeline":
        """With one more entry: maps (n, h, w), top and scores (n,)."""
        limit = float(np.finfo(np.float16).max)
        small = np.asarray(maps).clip(-limit, limit).astype(np.float16)[None]
        return self._with(
            np.append(self.epochs, np.int32(epoch)),
            np.concatenate([self.maps, small]) if len(self.epochs) else small,
            np.concatenate([self.top, np.asarray(top, np.int32)[None]]),
            np.concatenate([self.scores, np.asarray(scores, np.float32)[None]]),
        )

    def _with(
        self,
        epochs: NDArray[np.int32],
        maps: NDArray[np.float16],
        top: NDArray[np.int32],
        scores: NDArray[np.float32],
    ) -> "Timeline":
        same = (self.title, self.method, self.classes, self.pictures)
        return Timeline(*same, epochs, maps, top, scores)


def empty_timeline(
    title: str, method: str, classes: Sequence[str], pictures: Sequence[TimelinePicture]
) -> Timeline:
    """A timeline without an entry."""
    n = len(pictures)
    return Timeline(
        title,
        method,
        tuple(classes),
        tuple(pictures),
        np.zeros(0, np.int32),
        np.zeros((0, n, 0, 0), np.float16),
        np.zeros((0, n), np.int32),
        np.zeros((0, n), np.float32),
    )


def write_timeline(path: Path, line: Timeline) -> None:
    """Write the file as it stands; the caller sees to it that an earlier one survives a failure."""
    header = {
        "schema_version": SCHEMA_VERSION,
        "title": line.title,
        "method": line.method,
        "classes": line.classes,
        "pictures": [vars(picture) for picture in line.pictures],
    }
    arrays = {"epochs": line.epochs, "maps": line.maps, "top": line.top, "scores": line.scores}
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(whole, path, metadata={_KEY: json.dumps(header)})


def read_timeline(path: str | Path) -> Timeline:
    """Read a file that `write_timeline` wrote; UserError if it is missing, damaged or newer."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no timeline {path}; train with --timeline PICTURES to make one.")
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {n: file.get_tensor(n) for n in ("epochs", "maps", "top", "scores")}
        if header["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"version {header['schema_version']!r}")
        return Timeline(
            str(header["title"]),
            str(header["method"]),
            tuple(map(str, header["classes"])),
            tuple(TimelinePicture(**picture) for picture in header["pictures"]),
            **arrays,
        )
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path.name} is no timeline that this version reads ({error}); make it anew with "
            f"`python -m training fit ... --timeline PICTURES`."
        ) from None
