"""`python -m training strip-records`: records that may be handed on where true boxes may not."""

import argparse
from pathlib import Path

from training.evaluation.stripped import strip_records


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "strip-records",
        help="copy records without their true boxes, to be shipped with a family",
        description="Keeps IoU, error type, predicted box and class of every picture; leaves out "
        "true boxes, IoU curves and maps. For data sets whose annotations may not be handed on.",
    )
    parser.add_argument("records", type=Path, help="folder of whole records")
    parser.add_argument("out", type=Path, help="another folder, as checkpoints/FAMILY/records")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the files and say how large they are."""
    for path in strip_records(options.records, options.out):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB, without true boxes")
