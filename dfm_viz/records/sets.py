"""Records of several checkpoints about the same pictures, joined and held in memory.

One file of records (`dfm_viz.records`) is about one checkpoint. Files in one folder whose data,
split and protocol agree form a *set*: only their rows are about the same pictures and may be
compared. Files that disagree form sets of their own and are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dfm_viz.boxes import ErrorType
from dfm_viz.records.format import About, read_about, read_records
from dfm_viz.types import Box, UserError

ERRORS: tuple[str, ...] = tuple(map(str, ErrorType))
"""Error types; `Judged.error` holds places in this tuple."""

_COLUMNS = (
    *("number", "picture", "mode", "class_name", "predicted_name", "score", "correct"),
    *("width", "height", "box_pixels", "iou", "iop", "error", "peak", "misdirected"),
)
_MAY_LACK = ("peak",)


@dataclass(frozen=True, eq=False)
class Judged:
    """What one network said in one mode about every picture, in the pictures' order.

    Attributes:
        said: (n,) the network's own class, by name.
        score: (n,) its probability.
        correct: (n,) whether that is the true class.
        iou: (n,) of `box` with the true box it overlaps best, in [0, 1].
        iop: (n,) share of `box` on that true box, in [0, 1].
        error: (n,) place in `ERRORS`.
        misdirected: (n,) whether the map's peak lies in no true box.
        box: (n, 4) x0, y0, x1, y1 in upright pixels.
        peak: (n, 2) x, y of the map's highest point in 224 space; NaN where the map is flat.
    """

    said: NDArray[np.object_]
    score: NDArray[np.float64]
    correct: NDArray[np.bool_]
    iou: NDArray[np.float64]
    iop: NDArray[np.float64]
    error: NDArray[np.uint8]
    misdirected: NDArray[np.bool_]
    box: NDArray[np.float32]
    peak: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """One file of records in memory.

    Attributes:
        about: what it is about.
        pictures: (n,) file of every picture relative to its data set's folder, with `/`.
        classes: names of the true classes that occur.
        label: (n,) true class, as place in `classes`.
        width: (n,) upright width in px.
        height: (n,) upright height in px.
        objects: (n,) how many true boxes each picture has.
        truths: (m, 4) true boxes of all pictures, one after the other, in upright px; none in
            records without true boxes (`about.truths`).
        ends: (n + 1,) picture i has the truths from ends[i] up to ends[i + 1].
        modes: test-time mode -> what the network said in it.
    """

    about: About
    pictures: NDArray[np.object_]
    classes: tuple[str, ...]
    label: NDArray[np.int32]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    objects: NDArray[np.int32]
    truths: NDArray[np.float64]
    ends: NDArray[np.int64]
    modes: Mapping[str, Judged]

    def true_boxes(self, number: int) -> tuple[Box, ...]:
        """The true boxes of one picture; none in records without true boxes."""
        found = self.truths[self.ends[number] : self.ends[number + 1]].tolist()
        return tuple((b[0], b[1], b[2], b[3]) for b in found)

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        return 400 * len(self.pictures) + 160 * sum(len(j.iou) for j in self.modes.values())


@dataclass(frozen=True)
class RecordFile:
    """A file of records that can be read: its path, its name without ending, what it is about."""

    path: Path
    name: str
    about: About


@dataclass(frozen=True)
class RecordSet:
    """Files of records about the same pictures, in one folder.

    Attributes:
        id: short name, usable in links; the same on every machine for the same files.
        place: what the folder is called on the page.
        files: name -> file; the methods that can be compared.
    """

    id: str
    place: str
    files: Mapping[str, RecordFile]

    @property
    def about(self) -> About:
        """Any file's: data, split, number of pictures and protocol are the same in all."""
        return next(iter(self.files.values())).about


def find_sets(folder: Path, place: str) -> tuple[list[RecordSet], list[str]]:
    """The sets of records in a folder.

    Args:
        folder: where `*.parquet` lie; one that is not there has none.
        place: what to call it on the page.

    Returns:
        The sets, that with the most methods first, and one sentence for every file that cannot be
        used. The sentences name files by `place`, never by their path.
    """
    groups: dict[tuple[str, str, int], list[RecordFile]] = {}
    problems = []
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else []:
        try:
            about = read_about(path)
        except UserError as error:
            problems.append(shown(error, path, place))
            continue
        key = (about.data, about.split, about.protocol)
        groups.setdefault(key, []).append(RecordFile(path, path.stem, about))
    sets = [
        RecordSet(f"{place[:80]}-{data[:8]}-{split}-{protocol}", place, {f.name: f for f in files})
        for (data, split, protocol), files in groups.items()
    ]
    return sorted(sets, key=lambda s: (-len(s.files), s.id)), problems


def shown(error: UserError, path: Path, place: str) -> str:
    """An error about a file of records for the page, where paths of the server do not belong."""
    return str(error).replace(str(path), f"{place}/{path.name}")


def read_rows(file: RecordFile) -> Rows:
    """Read a file of records into memory, without curves and maps.

    Raises:
        UserError: a damaged file, or one with rows that no evaluation writes.
    """
    columns = (*_COLUMNS, "truths" if file.about.truths else "objects")
    about, table = read_records(file.path, columns)
    if about != file.about:
        raise UserError(f"The records {file.path} have just been replaced; reload the page.")
    if any(table[c].null_count for c in columns if c not in _MAY_LACK) or not len(table):
        raise _strange(file.path)
    modes = {}
    for mode in about.modes:
        part = table.filter(pc.equal(table["mode"], mode)).combine_chunks()
        if not np.array_equal(part["number"].to_numpy(), np.arange(about.pictures)):
            raise _strange(file.path)
        modes[mode] = _judged(part, file.path)
    first = table.filter(pc.equal(table["mode"], about.modes[0])).combine_chunks()
    named = first["class_name"].combine_chunks().dictionary_encode()
    truths = pa.array([[]] * len(first), pa.list_(pa.list_(pa.float64(), 4)))
    if about.truths:
        truths = first["truths"].combine_chunks()
    lengths = pc.list_value_length(truths).to_numpy()
    return Rows(
        about,
        _words(first["picture"]),
        tuple(named.dictionary.to_pylist()),
        named.indices.to_numpy(),
        first["width"].to_numpy(),
        first["height"].to_numpy(),
        lengths if about.truths else first["objects"].to_numpy(),
        _boxes(truths.flatten()).astype(np.float64),
        np.concatenate([[0], np.cumsum(lengths)]),
        modes,
    )


def _judged(part: pa.Table, path: Path) -> Judged:
    error = pc.index_in(part["error"], pa.array(ERRORS)).combine_chunks()
    if error.null_count:
        raise _strange(path)
    peaks: Any = part["peak"].combine_chunks()
    peak = np.full((len(part), 2), np.nan, np.float32)
    peak[peaks.is_valid().to_numpy(zero_copy_only=False)] = (
        peaks.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, 2)
    )
    return Judged(
        said=_words(part["predicted_name"]),
        score=part["score"].to_numpy(),
        correct=part["correct"].to_numpy(),
        iou=part["iou"].to_numpy(),
        iop=part["iop"].to_numpy(),
        error=error.to_numpy().astype(np.uint8),
        misdirected=part["misdirected"].to_numpy(),
        box=_boxes(part["box_pixels"].combine_chunks()).astype(np.float32),
        peak=peak,
    )


def _words(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """Text of a column, every different word held once."""
    coded = column.combine_chunks().dictionary_encode()
    words = np.array(coded.dictionary.to_pylist(), dtype=object)
    found: NDArray[np.object_] = words[coded.indices.to_numpy()]
    return found


def _boxes(column: pa.Array) -> NDArray[Any]:
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)


def _strange(path: Path) -> UserError:
    return UserError(
        f"The records {path} hold rows that no evaluation writes; remove the file and evaluate "
        f"again."
    )
