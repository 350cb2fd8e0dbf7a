"""`python -m training evaluate`: measure a checkpoint or a family."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from dfm_viz.checkpoint import write_card
from dfm_viz.checkpoint.card import Card, read_card
from dfm_viz.checkpoint.imagenet import NOT_EVALUATED
from dfm_viz.files import write_file
from dfm_viz.types import Mode, UserError
from training.card import summarise
from training.commands.options import add_threads
from training.data import DATASETS
from training.evaluation import evaluate_path
from training.evaluation.network import MODES
from training.evaluation.processes import leave_processes
from training.evaluation.run import find_checkpoints
from training.evaluation.storage import check_folder, check_records
from training.evaluation.text import tables


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a checkpoint or a family",
        description="Prints a table and writes JSON. Under torchrun the pictures are shared among "
        "the processes. With --records an interrupted evaluation goes on where it stopped.",
    )
    parser.add_argument("checkpoint", help="folder of a checkpoint or family, or a family's name")
    parser.add_argument("--data-root", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--data",
        choices=tuple(DATASETS),
        help="how to read it, as folder for your own pictures; default: as in training",
    )
    parser.add_argument("--split", default="test", choices=("test", "val", "train"))
    parser.add_argument("--json", type=Path, help="file for the result; otherwise it is printed")
    parser.add_argument("--records", type=Path, help="folder for <method>.parquet, a row a picture")
    parser.add_argument("--maps", action="store_true", help="keep the raw maps in the records")
    parser.add_argument(
        "--write-card", action="store_true", help="put the scores on the cards of what is measured"
    )
    parser.add_argument("--modes", help="of DFM, as off,expected; default: all of them")
    parser.add_argument("--batch", type=int, default=32, help="pictures per pass")
    parser.add_argument("--workers", type=int, help="processes for reading and boxes; 0: none")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print the table, write or print the JSON."""
    if options.json is not None:
        check_folder(options.json.parent)
        if options.json.is_dir():
            raise UserError(f"{options.json} is a folder; give --json a file name.")
    if options.maps and options.records is None:
        raise UserError("--maps keeps the maps in the records; give --records FOLDER too.")
    if options.write_card and options.modes is not None:
        raise UserError("--write-card tells every mode of a checkpoint; leave --modes out.")
    folders = find_checkpoints(options.checkpoint)
    if options.records is not None:
        check_records(options.records, options.data_root, *folders.values(), also=options.json)
    cards = {name: read_card(folder) for name, folder in folders.items()}
    if options.write_card and options.data is not None:
        for card in cards.values():
            own = str(card.recipe.get("data", {}).get("name", ""))
            if card.trained and own != options.data:  # published weights have no data of their own
                raise UserError(
                    f"--write-card tells how a checkpoint does on its own data, and {card.name} "
                    f"was trained on {own or 'data not known here'}, not {options.data}; leave "
                    f"--data out."
                )
    result = evaluate_path(
        options.checkpoint,
        options.data_root,
        options.split,
        data_name=options.data,
        modes=parse_modes(options.modes),
        batch=options.batch,
        workers=options.workers,
        device=options.device,
        records=options.records,
        maps=options.maps,
    )
    if not leave_processes():
        return
    text = json.dumps(result, indent=1)
    if options.json is None:
        print(text)
    else:
        write_file(options.json, text + "\n")
    if options.write_card:
        write_scores(options.checkpoint, cards, result, options.split, options.data)
    print(tables(result, options.checkpoint), file=sys.stderr)


def write_scores(
    name: str,
    cards: dict[str, Card],
    result: dict[str, Any],
    split: str,
    data_name: str | None = None,
) -> None:
    """Put an evaluation on the cards; each is replaced as a whole, other splits stay.

    Args:
        name: of the checkpoint or family, as given to `evaluate_path`.
        cards: what was measured, as `find_checkpoints` keys it.
        result: what `evaluate_path` returned.
        split: the split that was measured.
        data_name: how the pictures were read, where no recipe on a card says it.

    Raises:
        UserError: a checkpoint that was replaced meanwhile, a folder that cannot be written.
    """
    folders = find_checkpoints(name)
    fresh = {key: read_card(folder) for key, folder in folders.items()}
    if {key: card.sha256 for key, card in fresh.items()} != {
        key: card.sha256 for key, card in cards.items()
    }:
        raise UserError(f"{name} was replaced while it was measured; evaluate it again.")
    for key, card in fresh.items():
        scores = result["methods"][key] if key else result
        said = None if card.recipe.get("data", {}).get("name") else data_name
        scored = summarise(scores, command(card.name, split, said))
        notes = [note for note in card.notes if note != NOT_EVALUATED]
        if (splits := scores.get("splits")) and splits not in notes:
            notes.append(splits)
        metrics = {**card.metrics, split: scored}
        write_card(folders[key], replace(card, metrics=metrics, notes=tuple(notes)))


def command(name: str, split: str, data_name: str | None = None) -> str:
    """What measures a checkpoint again, as its card tells it."""
    read_as = f" --data {data_name}" if data_name else ""
    return (
        f"python -m training evaluate {name}{read_as} --data-root DATA --split {split} --json OUT"
    )


def parse_modes(text: str | None) -> tuple[Mode, ...]:
    """Modes from a list with commas; UserError naming the word that is none."""
    words = [word.strip() for word in text.split(",")] if text is not None else list(MODES)
    if unknown := [word for word in words if word not in set(MODES)]:
        raise UserError(f"--modes takes {', '.join(MODES)}, got {unknown[0]!r}.")
    return tuple(Mode(word) for word in words)


def one_line(name: str, scores: dict[str, Any]) -> str:
    """The main scores of one checkpoint, with their threshold policies."""
    fixed, oracle = scores["fixed"], scores["oracle"]
    return (
        f"{name}: n {scores['n']}, Top-1 Clas {scores['top1_clas']:.1f}; at {fixed['threshold']} "
        f"Top-1 Loc {fixed['top1_loc']:.1f}, GT-known {fixed['gt_known_loc']:.1f}; at "
        f"{oracle['threshold']} (best) {oracle['top1_loc']:.1f}, {oracle['gt_known_loc']:.1f}; "
        f"centred square {scores['chance']['centred_square']['gt_known_loc']:.1f}"
    )
