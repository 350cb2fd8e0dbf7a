"""`python -m training evaluate`: measure a checkpoint or a family."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from dfm_viz.types import UserError
from training.commands.options import add_threads
from training.evaluate import evaluate_path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("evaluate", help="measure a checkpoint or a family")
    parser.add_argument("checkpoint", help="folder of a checkpoint or family, or a family's name")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=("test", "val", "train"))
    parser.add_argument("--json", type=Path, help="file for the result; otherwise it is printed")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print a line per checkpoint, write or print the JSON."""
    result = evaluate_path(options.checkpoint, options.data_root, options.split)
    for name, scores in result.get("methods", {options.checkpoint: result}).items():
        print(one_line(name, scores), file=sys.stderr)
    text = json.dumps(result, indent=1)
    if options.json is None:
        print(text)
        return
    try:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{options.json} cannot be written ({error.strerror}).") from None


def one_line(name: str, scores: dict[str, Any]) -> str:
    """The main scores of one checkpoint, with their threshold policies."""
    fixed, oracle = scores["fixed"], scores["oracle"]
    return (
        f"{name}: n {scores['n']}, Top-1 Clas {scores['top1_clas']:.1f}; at {fixed['threshold']} "
        f"Top-1 Loc {fixed['top1_loc']:.1f}, GT-known {fixed['gt_known_loc']:.1f}; at "
        f"{oracle['threshold']} (best) {oracle['top1_loc']:.1f}, {oracle['gt_known_loc']:.1f}; "
        f"centred square {scores['chance']['centred_square']['gt_known_loc']:.1f}"
    )
