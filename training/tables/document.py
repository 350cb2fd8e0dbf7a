"""`RESULTS.md` and the app's data, both from the results files."""

import json
from pathlib import Path

from dfm_viz.types import UserError
from training.sweep.results import FOLDER, load_results
from training.tables.baselines import of_families
from training.tables.layout import Table
from training.tables.reading import parse_reading
from training.tables.sweeps import CHECKPOINTS, sweep_table

DOCUMENT = Path(__file__).parents[1] / "RESULTS.md"
APP_DATA = Path(__file__).parents[2] / "dfm_viz" / "results.json"
BASELINES = "Shipped checkpoints against a box that never looks"
READING = "READING.md"
"""In the results folder: what people conclude from the tables, written by hand."""

HEAD = """\
# Results

Made by `python -m training table` from the files in `training/results/`; every number stands in
them. **Retrained** tables train every row, as the paper does. **Inference-time** tables take one
checkpoint and vary only the module's settings; the two are never mixed. `at .2` is the fixed
threshold, `at best` the best common threshold of the evaluated split (the literature's way: an
oracle).
"""


def all_tables(folder: Path = FOLDER, checkpoints: Path = CHECKPOINTS) -> list[Table]:
    """One table per results file, retrained ones first; UserError without any."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UserError(f"{folder} holds no results; make some with `python -m training sweep`.")
    tables = [sweep_table(load_results(path), checkpoints) for path in paths]
    return sorted(tables, key=lambda table: table.kind != "retrained")


def document(folder: Path = FOLDER, checkpoints: Path = CHECKPOINTS) -> str:
    """The text of RESULTS.md."""
    reading = folder / READING
    parts = [HEAD]
    if reading.is_file():
        parts.append(reading.read_text(encoding="utf-8").rstrip() + "\n")
    if told := of_families(checkpoints):
        parts.append("\n\n".join([f"## {BASELINES}", "\n".join(f"- {one}" for one in told)]) + "\n")
    tables = all_tables(folder, checkpoints)
    return "\n".join([*parts, *(table.to_markdown() for table in tables)])


def app_data(folder: Path = FOLDER, checkpoints: Path = CHECKPOINTS) -> str:
    """The same tables and conclusions as JSON text, for the app's Results page."""
    reading = folder / READING
    told = parse_reading(reading.read_text(encoding="utf-8")) if reading.is_file() else None
    tables = [table.to_json() for table in all_tables(folder, checkpoints)]
    square = {"title": BASELINES, "points": of_families(checkpoints)}
    values = {"reading": told, "baselines": square, "tables": tables}
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
