"""Options that several commands share."""

import argparse


def add_threads(command: argparse.ArgumentParser) -> None:
    """Let a command that computes say how many CPU threads it takes."""
    command.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own")
