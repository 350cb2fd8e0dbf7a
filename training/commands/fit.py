"""`python -m training fit`: train a checkpoint, or take up a stopped run."""

import argparse
import dataclasses
from pathlib import Path

import torch

from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.types import UserError
from training.card import describe, summarise
from training.commands.evaluate import one_line
from training.commands.options import add_threads
from training.data import open_dataset
from training.evaluate import evaluate
from training.loop import fit
from training.recipe import load_recipe


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("fit", help="train a checkpoint, or take up a stopped run")
    parser.add_argument("recipe", help="a TOML file, or the name of one in training/recipes")
    parser.add_argument("overrides", nargs="*", metavar="field=value")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--init-weights", type=Path, help="safetensors file to start from")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, write the checkpoint, score its file on the test split, write the scores."""
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
        print(one_line(card.name, scores))
    print(f"wrote {options.out}")
