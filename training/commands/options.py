"""Options that several commands share."""

import argparse
from pathlib import Path

import torch

from dfm_viz.types import UserError
from training.sweep.results import FOLDER

MOST = 1024
"""So many threads or runs at a time at most."""


def add_threads(command: argparse.ArgumentParser) -> None:
    """Let a command that computes say how many CPU threads it takes."""
    command.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own")


def use_threads(count: int) -> None:
    """Take so many CPU threads, torch's own number for 0; UserError if that cannot be."""
    if not 0 <= count <= MOST:
        raise UserError(f"--threads must be from 0 (torch's own choice) to {MOST}, got {count}.")
    if count:
        torch.set_num_threads(count)


def add_runs(command: argparse.ArgumentParser) -> None:
    """Let a command that trains many runs say where, how often and how many at a time."""
    command.add_argument("--data-root", type=Path, required=True, help="folder of the data set")
    command.add_argument("--rows", help="only these rows of the table, as cam,dfm")
    command.add_argument("--seeds", default="0", help="as 0,1,2")
    command.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    command.add_argument("--results", type=Path, default=FOLDER, help="folder of results files")
    command.add_argument("--init-weights", type=Path, help="safetensors file or checkpoint")
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    command.add_argument("--parallel", type=int, default=1, help="runs at the same time")
    add_threads(command)


def parse_rows(text: str | None) -> tuple[str, ...]:
    """The names in a list with commas; none without a text."""
    return tuple(r.strip() for r in (text or "").split(",") if r.strip())


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a list with commas, each once; UserError for anything else."""
    try:
        seeds = tuple(int(word) for word in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0:
        raise UserError(f"--seeds must be whole numbers like 0,1,2, got {text!r}.")
    return tuple(dict.fromkeys(seeds))


def parse_parallel(count: int) -> int:
    """The number itself; UserError if no run could ever start."""
    if not 1 <= count <= MOST:
        raise UserError(f"--parallel must be from 1 to {MOST}, got {count}.")
    return count
