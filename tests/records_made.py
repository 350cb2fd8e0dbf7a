"""Evaluation records for tests, written by hand: only what a test is about has to be said."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dfm_viz.records import CURVE, About, Record, to_table

FLAT = np.zeros(CURVE, np.float32)


def record(number: int, mode: str = "off", **said) -> Record:
    """One row; the defaults are a picture of 100 x 50 that is found exactly."""
    truths = said.pop("truths", [[0.0, 0.0, 50.0, 25.0]])
    values = {
        "picture": f"images/{number:04d}.png",
        "label": 0,
        "class_name": "heron",
        "predicted": 0,
        "predicted_name": "heron",
        "score": 0.75,
        "correct": True,
        "width": 100,
        "height": 50,
        "truths": truths,
        "box": (0, 0, 111, 111),
        "box_pixels": tuple(truths[0]),
        "iou": 1.0,
        "iog": 1.0,
        "iop": 1.0,
        "error": "right",
        "peak": (10, 20),
        "misdirected": False,
        "energy": 0.5,
        "known_box": (0, 0, 111, 111),
        "known_iou": 1.0,
        "curve_own": FLAT,
        "curve_known": FLAT,
        "curve_known_multi": FLAT,
    }
    return Record(number=number, mode=mode, **{**values, **said})


def write_records(path: Path, rows: list[Record], **about) -> Path:
    """Write rows, picture by picture, as evaluations do; `about` changes what they are about."""
    modes = tuple(dict.fromkeys(row.mode for row in rows))
    values = {
        "checkpoint": "0" * 64,
        "name": f"made_birds/{path.stem}",
        "method": path.stem,
        "dataset": "birds",
        "data": "d" * 64,
        "split": "test",
        "pictures": len(rows) // len(modes),
        "modes": modes,
        "protocol": 1,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(to_table(rows, About(**{**values, **about})), path, write_page_checksum=True)
    return path
