"""`python -m training search`: train candidates and let validation pictures choose."""

import argparse
import sys
from pathlib import Path

from training.commands.options import add_runs, parse_parallel, parse_rows, parse_seeds
from training.sweep import retrained
from training.sweep.cells import Job
from training.sweep.trials import choose, load_trials


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "search",
        help="train candidates of a family's recipes and choose on validation pictures",
        description="Trains every candidate in a file of training/trials without the validation "
        "pictures and scores it on them; the test pictures are not looked at. A stopped search "
        "goes on where it stopped.",
    )
    parser.add_argument("name", help="a TOML file, or the name of one in training/trials")
    add_runs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train what is missing, write the results file, print what the rule takes."""
    trials = load_trials(options.name)
    job = Job(
        trials.recipe,
        trials.overrides,
        options.data_root,
        options.runs,
        options.init_weights,
        options.device,
        options.threads,
        parse_parallel(options.parallel),
    )
    results, path = retrained.run(
        trials.plan.only(parse_rows(options.rows)),
        job,
        parse_seeds(options.seeds),
        options.results,
        f"python -m training search {Path(options.name).stem} --seeds {options.seeds} "
        f"--data-root DATA --init-weights WEIGHTS",
    )
    for checkpoint, row in choose(results).items():
        print(f"{checkpoint}: {row} ({' '.join(results.rows[row]['overrides'])})")
    print(f"wrote {path}; `python -m training table` puts it into RESULTS.md", file=sys.stderr)
