"""Command line: `python -m training fit | evaluate | imagenet | table`; see training/README.md."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.types import UserError
from training import imagenet
from training.card import describe, summarise
from training.data import open_dataset
from training.evaluate import evaluate, evaluate_path
from training.loop import fit
from training.recipe import load_recipe
from training.table import write_table


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 2 after one sentence about what the user can change."""
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    # argparse gives up on `field=value` words behind options; they are what is left over.
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(options, "overrides")):
        parser.error(f"unknown argument {rest[0]!r}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    if getattr(options, "threads", 0):
        torch.set_num_threads(options.threads)
    try:
        options.run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command takes the run up again", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("fit", help="train a checkpoint, or take up a stopped run")
    one.add_argument("recipe", help="a TOML file, or the name of one in training/recipes")
    one.add_argument("overrides", nargs="*", metavar="field=value")
    one.add_argument("--data-root", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    one.add_argument("--init-weights", type=Path, help="safetensors file to start from")
    one.add_argument("--device", default="cpu", help="cpu or cuda")
    one.set_defaults(run=_fit)

    two = commands.add_parser("evaluate", help="measure a checkpoint or a family")
    two.add_argument("checkpoint", help="folder of a checkpoint or family, or a family's name")
    two.add_argument("--data-root", type=Path, required=True)
    two.add_argument("--split", default="test", choices=("test", "val", "train"))
    two.add_argument("--json", type=Path, help="file for the result; otherwise it is printed")
    two.set_defaults(run=_evaluate)

    three = commands.add_parser("imagenet", help="make the ImageNet CAM checkpoint (no training)")
    three.add_argument("--init-weights", type=Path, required=True)
    three.add_argument("--out", type=Path, required=True)
    three.set_defaults(run=_imagenet)
    four = commands.add_parser("table", help="put the scores on the cards into README.md")
    four.add_argument("--readme", type=Path, default=Path("README.md"))
    four.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    four.set_defaults(run=_table)
    for command in (one, two, three):
        command.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own")
    return parser


def _fit(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe, options.overrides)
    if options.device != "cpu" and not torch.cuda.is_available():
        raise UserError(f"--device {options.device} is not available here; use --device cpu.")
    data = open_dataset(recipe.data.name, options.data_root)
    trained = fit(
        recipe, data, options.out, init_weights=options.init_weights, device=options.device
    )
    card = save_checkpoint(
        options.out,
        trained.model,
        describe(recipe, data, trained, options.device, options.init_weights),
    )
    if data.test:
        # Scores belong to the file that ships, so it is read back.
        model, card = load_checkpoint(options.out)
        scores = evaluate(model, card, data, "test")
        command = f"python -m training evaluate {card.name} --data-root DATA --split test"
        metrics = {"test": summarise(scores, f"{command} --json OUT")}
        card = save_checkpoint(options.out, model, dataclasses.replace(card, metrics=metrics))
        print(_line(card.name, scores))
    print(f"wrote {options.out}")


def _evaluate(options: argparse.Namespace) -> None:
    result = evaluate_path(options.checkpoint, options.data_root, options.split)
    for name, scores in result.get("methods", {options.checkpoint: result}).items():
        print(_line(name, scores), file=sys.stderr)
    text = json.dumps(result, indent=1)
    if options.json is None:
        print(text)
        return
    try:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{options.json} cannot be written ({error.strerror}).") from None


def _line(name: str, scores: dict[str, Any]) -> str:
    fixed, oracle = scores["fixed"], scores["oracle"]
    return (
        f"{name}: n {scores['n']}, Top-1 Clas {scores['top1_clas']:.1f}; at {fixed['threshold']} "
        f"Top-1 Loc {fixed['top1_loc']:.1f}, GT-known {fixed['gt_known_loc']:.1f}; at "
        f"{oracle['threshold']} (best) {oracle['top1_loc']:.1f}, {oracle['gt_known_loc']:.1f}; "
        f"centred square {scores['chance']['centred_square']['gt_known_loc']:.1f}"
    )


def _imagenet(options: argparse.Namespace) -> None:
    card = imagenet.make(options.init_weights, options.out)
    print(f"wrote {options.out} ({len(card.classes)} classes)")


def _table(options: argparse.Namespace) -> None:
    write_table(options.readme, options.checkpoints)
    print(f"wrote the table of checkpoints into {options.readme}")


if __name__ == "__main__":
    sys.exit(main())
