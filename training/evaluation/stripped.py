"""Records without true boxes, made from whole ones: what may ship where annotations may not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dfm_viz.files import replacing_file
from dfm_viz.records import HELD_BACK, read_about, read_records
from dfm_viz.types import UserError
from training.evaluation.metrics import COUNTS, THRESHOLD_OF, shares, tally
from training.evaluation.storage import check_folder


def strip_records(source: Path, target: Path) -> list[Path]:
    """Write every file of records in a folder again, without true boxes, into another.

    Args:
        source: folder with whole records, as `evaluate --records` leaves it.
        target: made if missing. Records without true boxes in it are replaced, nothing else is.

    Returns:
        The files that were written.

    Raises:
        UserError: no records in `source`, damaged or unfinished ones, ones without true boxes; the
            same folder twice; whole records in the way; a folder that cannot be written.
    """
    found = sorted(source.glob("*.parquet"))
    if not found:
        raise UserError(f"There are no records in {source}; give a folder of METHOD.parquet files.")
    if source.resolve() == target.resolve():
        raise UserError(f"{target} holds the whole records; give another folder for the new ones.")
    for path in found:
        if not read_about(path).truths:
            raise UserError(f"{path} has no true boxes already; give the whole records.")
    check_folder(target)
    for fresh in (target / path.name for path in found):
        if fresh.exists() and read_about(fresh).truths:
            raise UserError(f"{fresh} holds true boxes; move it away or choose another folder.")
    return [_strip(path, target / path.name) for path in found]


def _strip(source: Path, target: Path) -> Path:
    about, table = read_records(source)
    best = [_best_level(source, mode) for mode in about.modes]
    levels = dict(zip(about.modes, best, strict=True))
    at = np.array([levels[mode] for mode in table["mode"].to_pylist()])
    counted = pc.list_value_length(table["truths"])
    kept = table.drop_columns(list(HELD_BACK))
    kept = kept.append_column("objects", counted.cast(pa.int32()))
    for name, curve in (("iou_at_best", "curve_own"), ("known_iou_at_best", "curve_known")):
        kept = kept.append_column(name, pa.array(_read_off(table[curve], at), pa.float64()))
    about = replace(
        about, maps=False, truths=False, best=tuple(float(THRESHOLD_OF[level]) for level in best)
    )
    with replacing_file(target) as fresh:
        pq.write_table(kept.cast(about.schema), fresh, compression="zstd", write_page_checksum=True)
    return target


def _best_level(path: Path, mode: str) -> int:
    """The grey level of the best common threshold for GT-known, as in the evaluation's `oracle`."""
    found = tally(path, mode)
    percent = shares(found.bits, np.ones((1, len(found.pictures)), np.float32))
    return int(percent[0, COUNTS.index("known")].argmax())


def _read_off(curves: pa.ChunkedArray, levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows,) each row's curve at its own level."""
    values = curves.combine_chunks().flatten().to_numpy().reshape(len(levels), -1)
    found: NDArray[np.float64] = values[np.arange(len(levels)), levels].astype(np.float64)
    return found
