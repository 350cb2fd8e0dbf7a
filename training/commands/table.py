"""`python -m training table`: put the scores on the cards into README.md."""

import argparse
from pathlib import Path

from training.table import write_table


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("table", help="put the scores on the cards into README.md")
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the table."""
    write_table(options.readme, options.checkpoints)
    print(f"wrote the table of checkpoints into {options.readme}")
