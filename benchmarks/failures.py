"""How the Failures tab answers with many records: the server's part, without a network.

    python benchmarks/failures.py [--pictures 20000]

Three methods, DFM in four modes, made-up numbers; medians of 15 after the first answer.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfm_viz.records import ABOUT_KEY, COLUMNS, CURVE, SCHEMA, About, to_table
from dfm_viz.records.sets import ERRORS
from dfm_viz.ui.failures import Failures
from dfm_viz.ui.handlers import Explore

MODES = ("off", "position", "channel", "expected")


def write(folder: Path, method: str, modes: tuple[str, ...], count: int, seed: int) -> None:
    """Records of `count` pictures in a thousand classes."""
    rng = np.random.default_rng(seed)
    rows = count * len(modes)
    number = np.repeat(np.arange(count, dtype=np.int32), len(modes))
    names = [f"class {n % 1000:03d}" for n in number]
    boxes = np.tile(np.array([10.0, 10, 200, 150]), rows)
    curve = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * CURVE, np.float32)), CURVE)
    four = pa.FixedSizeListArray.from_arrays(pa.array(boxes), 4)
    small = pa.FixedSizeListArray.from_arrays(pa.array(boxes.astype(np.int32)), 4)
    columns = {
        "number": number,
        "picture": [f"images/{n:06d}.jpg" for n in number],
        "mode": list(modes) * count,
        "label": number % 1000,
        "class_name": names,
        "predicted": number % 1000,
        "predicted_name": names,
        **{name: rng.random(rows) for name in ("score", "iou", "iog", "iop", "energy")},
        "known_iou": rng.random(rows),
        "correct": rng.random(rows) < 0.8,
        "misdirected": rng.random(rows) < 0.1,
        "width": np.full(rows, 500, np.int32),
        "height": np.full(rows, 375, np.int32),
        "truths": pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32), four),
        "box": small,
        "box_pixels": four,
        "error": [ERRORS[i] for i in rng.integers(0, len(ERRORS), rows)],
        "peak": pa.FixedSizeListArray.from_arrays(pa.array(np.full(rows * 2, 9, np.int32)), 2),
        "known_box": small,
        **dict.fromkeys(("curve_own", "curve_known", "curve_known_multi"), curve),
        **dict.fromkeys(("own_map", "known_map"), pa.nulls(rows)),
    }
    about = About("0" * 64, f"made/{method}", method, "made", "d" * 64, "test", count, modes, 1)
    schema = SCHEMA.with_metadata({ABOUT_KEY: to_table([], about).schema.metadata[ABOUT_KEY]})
    arrays = [
        c.cast(k) if isinstance(c := columns[n], pa.Array) else pa.array(c, k)
        for n, k in COLUMNS.items()
    ]
    pq.write_table(pa.table(arrays, schema=schema), folder / f"{method}.parquet")


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    answer = ask()
    assert isinstance(answer, dict)
    assert "error" not in answer, answer
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Write records, ask, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for seed, method in enumerate(("cam", "adl", "dfm")):
            write(folder, method, MODES if method == "dfm" else MODES[:1], count, seed)
        failures = Failures(Explore(device="cpu", records=folder))
        which = {"set": failures.failures_start({})["sets"][0]["id"]}
        lasso = {
            "x": "cam/off",
            "y": "dfm/expected",
            "corners": [
                [0.5 + 0.4 * np.cos(a), 0.5 + 0.4 * np.sin(a)] for a in np.arange(60) / 9.5
            ],
        }
        questions = {
            "no filter": {},
            "three filters": {"errors": ["more", "part"], "iou": [0.2, 0.6], "flags": ["breaks"]},
            "a drawn outline of 60 corners": {"lasso": lasso},
            "the last page": {"page": 10**6},
        }
        first = timed(lambda: failures.failures_find(which))
        timed(lambda: failures.failures_charts(which))
        print(f"{count} pictures, 3 methods, 6 columns; reading the files: {first:.0f} ms")
        for name, query in questions.items():
            asked = {**which, **query}
            rows, charts = (
                statistics.median(timed(partial(ask, asked)) for _ in range(15))
                for ask in (failures.failures_find, failures.failures_charts)
            )
            print(f"| {name} | {rows:.0f} ms | {charts:.0f} ms |")


if __name__ == "__main__":
    main()
