"""`python -m training fit`: train a checkpoint, or take up a stopped run."""

import argparse
import dataclasses
from pathlib import Path

from dfm_viz.checkpoint import load_checkpoint, save_checkpoint, write_card
from training.card import describe, summarise
from training.commands.evaluate import command, one_line
from training.commands.options import add_threads
from training.data import open_dataset
from training.distributed import DEVICES, leave, on_first
from training.evaluation import evaluate
from training.loop import fit
from training.recipe import load_recipe
from training.state import check_out


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser("fit", help="train a checkpoint, or take up a stopped run")
    parser.add_argument("recipe", help="a TOML file, or the name of one in training/recipes")
    parser.add_argument("overrides", nargs="*", metavar="field=value")
    parser.add_argument("--data-root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True, help="new folder, or a checkpoint's")
    parser.add_argument("--init-weights", type=Path, help="safetensors file or checkpoint")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="auto: a GPU if any")
    parser.add_argument(
        "--timeline", type=Path, metavar="DIR", help="keep the maps of these pictures every epoch"
    )
    parser.add_argument(
        "--split",
        default="test",
        choices=("test", "val"),
        help="what the finished file is scored on; val keeps a trial away from the test pictures",
    )
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, write the checkpoint, score its file, write the scores."""
    try:
        _run(options)
    finally:
        leave()


def _run(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe, options.overrides)
    check_out(options.out, options.data_root, options.init_weights, options.timeline)
    data = open_dataset(recipe.data.name, options.data_root)
    split, every = options.split, recipe.data.hold_out_every
    measured = data.test if split == "test" else data.split(split, every)
    trained = fit(
        recipe,
        data,
        options.out,
        init_weights=options.init_weights,
        device=options.device,
        timeline=options.timeline,
    )

    def save() -> None:
        card = describe(recipe, data, trained, options.init_weights, options.out)
        save_checkpoint(options.out, trained.model, card)

    on_first(save)
    if any(item.boxes for item in measured):
        # Scores belong to the file that ships, so it is read back; the processes share the work.
        model, card = load_checkpoint(options.out)
        scores = evaluate(model, card, data, split, device=trained.device)
        metrics = {split: summarise(scores, command(card.name, split))}
        notes = (*card.notes, *([data.splits] if data.splits else []))

        def add_scores() -> None:
            write_card(options.out, dataclasses.replace(card, metrics=metrics, notes=notes))
            print(one_line(card.name, scores))

        on_first(add_scores)
    else:
        on_first(lambda: print(f"not scored: no {split} picture has a true box"))
    on_first(lambda: print(f"wrote {options.out}"))
