"""`python -m training imagenet`: the ImageNet CAM checkpoint, which needs no training."""

import argparse
from pathlib import Path

from training import imagenet
from training.commands.options import add_threads


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("imagenet", help="make the ImageNet CAM checkpoint (no training)")
    parser.add_argument("--init-weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the checkpoint."""
    card = imagenet.make(options.init_weights, options.out)
    print(f"wrote {options.out} ({len(card.classes)} classes)")
