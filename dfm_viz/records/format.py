"""Evaluation records on disk: one Parquet file per checkpoint, one row per picture and mode.

`pandas.read_parquet(path)` reads it in one line; what the file is about is its `.attrs`. Columns:

| column | what it holds |
|---|---|
| number, picture | place in the evaluated split; file relative to the data root, with `/` |
| mode | test-time mode: off, position, channel, expected |
| label, class_name | the true class |
| predicted, predicted_name, score | the network's own top class and its probability |
| correct | whether the two are the same |
| width, height, truths | upright picture in px; true boxes [[x0, y0, x1, y1], ...] in its px |
| box, box_pixels | box of the own class's map at .2: in 224 space; in upright px, unrounded |
| iou, iog, iop | of `box` with the true box it overlaps best: 1/iou = 1/iop + 1/iog - 1 |
| error | cls, right, m_ins, part, more or oth (`dfm_viz.boxes.error_type`) |
| peak | x, y of the highest point of the own class's map, 224 space; null: the map is flat |
| misdirected | whether that point lies in no true box (a flat map points nowhere: true) |
| energy | share of the own class's map inside the true boxes (resized, min-max); flat: 0 |
| known_box, known_iou | box of the true class's map at .2, 224 space, and its best IoU |
| curve_own, curve_known, curve_known_multi | best IoU at each of 256 grey levels, see below |
| own_map, known_map | raw maps by rows; null unless asked for; the second also where equal |

A curve's entry g belongs to "pixels strictly above grey level g": threshold t reads entry
int(255 t). `curve_own` and `curve_known` follow the largest contour of the map of the predicted and
of the true class, `curve_known_multi` the best of all contours.

**Records without true boxes** are for data sets whose annotations may not be handed on. They lack
`truths`, the maps, and the curves (a true box could be worked out from hundreds of IoUs), and hold
instead what can be asked without them:

| column | what it holds |
|---|---|
| objects | how many true boxes there are |
| iou_at_best, known_iou_at_best | as iou and known_iou, at the threshold `About.best` of the mode |

`python -m training strip-records` makes them from whole ones; every other column stays as it is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dfm_viz.types import UserError

FORMAT = 1
"""Version of the columns and of `About`."""
CURVE = 256
"""Entries of a curve: grey levels."""
ABOUT_KEY = b"PANDAS_ATTRS"
"""Where `About` stands in the file: pandas shows it as `frame.attrs`."""

_CURVE = pa.list_(pa.float32(), CURVE)
_BOX = pa.list_(pa.int32(), 4)
_MAP = pa.list_(pa.list_(pa.float32()))
_WORD = pa.string()
COLUMNS: Mapping[str, pa.DataType] = {
    "number": pa.int32(),
    "picture": _WORD,
    "mode": _WORD,
    "label": pa.int32(),
    "class_name": _WORD,
    "predicted": pa.int32(),
    "predicted_name": _WORD,
    "score": pa.float64(),
    "correct": pa.bool_(),
    "width": pa.int32(),
    "height": pa.int32(),
    "truths": pa.list_(pa.list_(pa.float64(), 4)),
    "box": _BOX,
    "box_pixels": pa.list_(pa.float64(), 4),
    "iou": pa.float64(),
    "iog": pa.float64(),
    "iop": pa.float64(),
    "error": _WORD,
    "peak": pa.list_(pa.int32(), 2),
    "misdirected": pa.bool_(),
    "energy": pa.float64(),
    "known_box": _BOX,
    "known_iou": pa.float64(),
    "curve_own": _CURVE,
    "curve_known": _CURVE,
    "curve_known_multi": _CURVE,
    "own_map": _MAP,
    "known_map": _MAP,
}
SCHEMA = pa.schema(list(COLUMNS.items()))
HELD_BACK = ("truths", "curve_own", "curve_known", "curve_known_multi", "own_map", "known_map")
"""Columns that records without true boxes lack."""
BARE_COLUMNS: Mapping[str, pa.DataType] = {
    **{name: kind for name, kind in COLUMNS.items() if name not in HELD_BACK},
    "objects": pa.int32(),
    "iou_at_best": pa.float64(),
    "known_iou_at_best": pa.float64(),
}
BARE_SCHEMA = pa.schema(list(BARE_COLUMNS.items()))
"""Of records without true boxes."""


@dataclass(frozen=True, eq=False)
class Record:
    """One row: what one network said about one picture in one mode; see the module's table."""

    number: int
    picture: str
    mode: str
    label: int
    class_name: str
    predicted: int
    predicted_name: str
    score: float
    correct: bool
    width: int
    height: int
    truths: list[list[float]]
    box: tuple[int, ...]
    box_pixels: tuple[float, ...]
    iou: float
    iog: float
    iop: float
    error: str
    peak: tuple[int, int] | None
    misdirected: bool
    energy: float
    known_box: tuple[int, ...]
    known_iou: float
    curve_own: NDArray[np.float32]
    curve_known: NDArray[np.float32]
    curve_known_multi: NDArray[np.float32]
    own_map: NDArray[np.float32] | None = None
    known_map: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class About:
    """What a file of records is about: fingerprints of checkpoint, data and protocol.

    Attributes:
        checkpoint: SHA-256 of model.safetensors.
        name: the checkpoint's name, `<backbone>_<dataset>/<method>`.
        method: key in `METHODS`.
        dataset: what the checkpoint was trained on.
        data: hash of the evaluated pictures' names, sizes, labels and boxes.
        split: train, val or test.
        pictures: how many were evaluated.
        modes: the test-time modes; pictures x modes = rows.
        protocol: version of the protocol's conventions (`training.evaluation.PROTOCOL`).
        maps: whether the raw maps were kept.
        truths: whether the true boxes, and the curves that follow from them, are in the file.
        best: without true boxes, the best common threshold for GT-known of each of `modes`.
        format: version of the columns.
    """

    checkpoint: str
    name: str
    method: str
    dataset: str
    data: str
    split: str
    pictures: int
    modes: tuple[str, ...]
    protocol: int
    maps: bool = False
    truths: bool = True
    best: tuple[float, ...] = ()
    format: int = FORMAT

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """The columns of the file."""
        return COLUMNS if self.truths else BARE_COLUMNS

    @property
    def schema(self) -> pa.Schema:
        """The file's schema, which carries what it is about."""
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False)
        bare = SCHEMA if self.truths else BARE_SCHEMA
        return bare.with_metadata({ABOUT_KEY: text.encode()})


def to_table(records: Sequence[Record], about: About) -> pa.Table:
    """Rows as an Arrow table that carries what it is about."""
    columns = {
        name: pa.array([_plain(getattr(r, name)) for r in records], type=kind)
        for name, kind in COLUMNS.items()
    }
    return pa.table(columns, schema=about.schema)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def read_about(path: Path) -> About:
    """What a file of records is about.

    Raises:
        UserError: no file, a damaged one, or one that is no file of records of this version.
    """
    with _open(path) as file:
        return _about(file, path)


def read_records(
    path: Path, columns: Sequence[str] | None = None, mode: str | None = None
) -> tuple[About, pa.Table]:
    """Read a file of records, all of it or some columns, of all modes or one.

    Raises:
        UserError: as `iterate_records`, or a mode that was not evaluated.
    """
    about = read_about(path)
    if mode is not None and mode not in about.modes:
        raise UserError(
            f"{path.name} has no records of the mode {mode!r}; it has {', '.join(about.modes)}."
        )
    wanted = list(columns or about.columns)
    batches = [
        batch if mode is None else batch.filter(pc.equal(batch["mode"], mode))
        for batch in iterate_records(path, [*wanted, "mode"])
    ]
    return about, pa.Table.from_batches(batches).select(wanted)


def iterate_records(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The same rows in pieces, so that any number of pictures fits into memory.

    Raises:
        UserError: as `read_about`, or columns that records without true boxes do not have.
    """
    with _open(path) as file:
        there = _about(file, path).columns
        wanted = list(dict.fromkeys(columns or there))
        if lacking := [name for name in wanted if name not in there]:
            raise UserError(
                f"{path} holds no true boxes, so it has no {', '.join(lacking)}; evaluate the "
                f"data set again into another folder (python -m training evaluate --records)."
            )
        pieces = file.iter_batches(batch_size=512, columns=wanted, use_threads=False)
        while True:
            try:
                piece = next(pieces)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise _damaged(path, error) from None
            yield piece


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise UserError(
            f"There are no records {path}; make them with `python -m training evaluate --records`."
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _about(file: pq.ParquetFile, path: Path) -> About:
    foreign = UserError(
        f"{path} is no file of evaluation records of version {FORMAT}; give one that `python -m "
        f"training evaluate --records` wrote, or evaluate again into another folder."
    )
    try:
        values = json.loads((file.schema_arrow.metadata or {})[ABOUT_KEY])
        lists = {name: tuple(values[name]) for name in ("modes", "best") if name in values}
        about = About(**{**values, **lists})
        rows = about.pictures * len(about.modes)
    except (KeyError, TypeError, ValueError):
        raise foreign from None
    if about.format != FORMAT or not file.schema_arrow.equals(about.schema):
        raise foreign
    if file.metadata.num_rows != rows and not path.parent.name.endswith(PARTS):
        raise UserError(
            f"{path} is not whole: it has {file.metadata.num_rows} of {rows} rows; remove it and "
            f"evaluate again."
        )
    return about


PARTS = ".parts"
"""Ending of the folder in which an unfinished evaluation keeps its pieces."""


def _damaged(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:120].rstrip(".")
    return UserError(
        f"The records {path} cannot be read, they are damaged or no Parquet file ({reason}); "
        f"remove the file and evaluate again."
    )
