"""`python -m training table`: make the tables that people read from the measured files."""

import argparse
from pathlib import Path

from dfm_viz.files import write_file
from training.sweep.results import FOLDER
from training.tables.checkpoints import write_table
from training.tables.document import APP_DATA, DOCUMENT, app_data, document
from training.tables.families import README, families_document
from training.tables.seeds import spread_on_cards


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "table",
        help="make the tables in README.md, RESULTS.md and checkpoints/README.md",
        description="README.md's table and checkpoints/README.md come from the checkpoints' cards, "
        "which first get the spread over seeds of the sweep methods; "
        "RESULTS.md and the app's Results page come from the results files of sweeps.",
    )
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder of results files")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="RESULTS.md")
    parser.add_argument("--app-data", type=Path, default=APP_DATA, help="JSON for the app")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the cards' spread, then all four files, none of them if one cannot be made."""
    spread_on_cards(options.checkpoints, options.results)
    texts = {
        options.document: document(options.results, options.checkpoints),
        options.app_data: app_data(options.results, options.checkpoints),
        options.checkpoints / README: families_document(options.checkpoints),
    }
    write_table(options.readme, options.checkpoints)
    for path, text in texts.items():
        write_file(path, text)
    print(f"wrote {', '.join(map(str, (options.readme, *texts)))}")
