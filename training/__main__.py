"""Command line of training and evaluation; see training/README.md."""

import argparse
import sys
from collections.abc import Sequence

from dfm_viz.terminal import prepare

STOPPED = "stopped; the same command takes the run up again"
if __name__ == "__main__":
    prepare(STOPPED)  # before the slow imports

from dfm_viz.types import UserError  # noqa: E402
from training.commands import evaluate, fit, imagenet, search, strip, sweep, table  # noqa: E402
from training.commands.options import use_threads  # noqa: E402
from training.distributed import tells  # noqa: E402
from training.epoch import DIVERGED, DivergedError  # noqa: E402

COMMANDS = (fit, evaluate, search, sweep, imagenet, strip, table)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 2 after one sentence about what the user can change.

    3 after the sentence of a run that diverged.
    """
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    options, rest = parser.parse_known_args(argv)
    # argparse gives up on `field=value` words behind options; they are what is left over.
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(options, "overrides")):
        parser.error(f"unknown argument {rest[0]!r}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    try:
        use_threads(getattr(options, "threads", 0))
        options.run(options)
    except UserError as error:
        if tells(error):
            print(f"error: {error}", file=sys.stderr)
        return DIVERGED if isinstance(error, DivergedError) else 2
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
